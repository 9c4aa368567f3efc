"""Leaks: credentials in text that is about to be committed.

Said is which kind and on which line, never the value: not in a result, not in an error. Each kind has markers, short
strings that every credential of it holds; those are looked for in the whole text at once, and only where one stands is
a pattern tried. Every quantifier is bounded, and possessive where it could be tried in many ways: no text takes long.

What documentation shows is no leak: examples, placeholders, references to where the value really is.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Leak:
    """That a credential stands somewhere; the credential itself is not held."""

    kind: str
    """In plain words, as `AWS access key`."""
    line: int
    """The line of the text that was searched, from 1."""


def find_leaks(text: bytes) -> tuple[Leak, ...]:
    """Return the credentials in *text*, each once, in the order of their lines. Any bytes may be searched."""
    folded = text.lower()
    found: dict[int, tuple[int, str]] = {}  # where the value stands -> where what names it begins, and the kind
    for rule in _RULES:
        for value, begin in _places(rule, text, folded if rule.any_case else text):
            found.setdefault(value, (begin, rule.kind))
    return tuple(dict.fromkeys(_by_line(text, sorted(found.values()))))


def _by_line(text: bytes, found: list[tuple[int, str]]) -> Iterator[Leak]:
    line, counted = 1, 0
    for begin, kind in found:
        line += text.count(b"\n", counted, begin)
        counted = begin
        yield Leak(kind, line)


def _places(rule: _Rule, text: bytes, searched: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the value of each credential of a kind stands, and where the match for it begins."""
    for marker in rule.markers:
        at = searched.find(marker)
        while at >= 0:
            match = rule.pattern.match(text, at)
            further = match.end() if match is not None else at + len(marker)
            if match is not None and rule.is_real(match):
                yield match.start(match.lastindex or 0), at
                further = text.find(b"\n", further)  # once a line is enough
                if further < 0:
                    break
            at = searched.find(marker, further)


def _value(match: re.Match[bytes]) -> bytes:
    """Return the one group that matched, or all of it."""
    return match[match.lastindex or 0]


# What is no credential.

_FEWEST_DISTINCT = 6
"""Fewer different characters are a row of x or of zeros."""
_FEWEST_LETTERS = 3
"""Fewer beside ordinary words are a number or an abbreviation."""

_SHOWN = re.compile(
    rb"(?i)example|placeholder|redacted|insecure|dummy|your|change.?me|replace.?me"
    rb"|x{5}|\*{3}|\.{3}|0123456789|1234567890|abcdefgh"
    rb"|eyJzdWIiOiIxMjM0NTY3ODkw"  # of the token on every page about JWT: {"sub":"1234567890
    rb"|Eby8vdM02xNOcqFlqUwJPLlm"  # of the key of Azure's storage emulator
    rb"|16C7e42F292c6912"  # of the token in GitHub's documentation
    rb"|17653672481-19874698323"  # of the token in Slack's
)
"""What stands in values that are made to be shown."""

_REFERENCE = re.compile(
    rb"[$%#]\{|\$\(|\{\{|%\(|%s|\{[\w.:!]{0,80}\}|<[^>]{0,80}>|\[[^]]{0,80}\]|://|\\[a-z.]"
    rb"|^\$\w+$|^%\w+%$|^[A-Za-z_][\w.]+\("
)
"""What stands in templates, patterns, calls and names of variables."""

_ORDINARY = re.compile(
    rb"(?:a(?:ccess|dmin|lice|pi|pp|uth)|b(?:ar|az|ob)|client|c(?:ode|red(?:ential)?s?)|d(?:b|efault|emo|ev|ocker)|eggs"
    rb"|f(?:ake|oo)|guest|ham|hello|hunter2|key|l(?:etmein|ocal|ogin)|m(?:inio|ongo(?:db)?|y(?:sql)?)|p(?:ass(?:word|wd|phrase)?"
    rb"|ostgres(?:ql)?|rivate|ublic|w|wd)|qux|r(?:abbitmq|edis|oot)|s(?:ample|ecrets?|erver|ome|pam)|t(?:est(?:ing)?|he"
    rb"|okens?)|us(?:er(?:name)?)?|value|welcome|world)"
)
"""Words that passwords in examples, tests and set-ups for one's own machine are made of."""

_EXAMPLE_HOST = re.compile(
    rb"(?i)(?:.*\.)?(?:example(?:\.[a-z]{2,6})?|test|invalid|host(?:name)?|server|domain(?:\.[a-z]{2,6})?)"
)


def _is_shown(value: bytes) -> bool:
    return len(set(value)) < _FEWEST_DISTINCT or _SHOWN.search(value) is not None


def _is_ordinary(value: bytes) -> bool:
    """Tell whether little is left of *value* without ordinary words: `my-password1`, `postgres`, `foo:bar`."""
    left = _ORDINARY.sub(b"", value.lower()).translate(_CLASSES)
    return left.count(b"a") < _FEWEST_LETTERS


# What is a credential.

_KINDS_OF_CHARACTER = {"0": string.digits, "A": string.ascii_uppercase, "a": string.ascii_lowercase}
_KIND_OF = {ord(one): ord(kind) for kind, all_of_it in _KINDS_OF_CHARACTER.items() for one in all_of_it}
_CLASSES = bytes(_KIND_OF.get(byte, ord("!")) for byte in range(256))
"""For `bytes.translate`: one character for each class of them."""
_SEPARATORS = b"_-./:=+"
_RUNS = re.compile(rb"0+|A+a*|a+|!+")
_LEAST_ENTROPY = 2.75
"""Bits a byte; ten different characters have 3.3, English in words of that length about 2.7."""
_IDENTIFIER = re.compile(rb"\D*+\Z|[A-Za-z_]\w*+(?:\.[A-Za-z_]\w*+)+[,;)]*+\Z")
"""What code names rather than holds, where it is not in quotes: no digit, or `shop.api_key2`."""
_RUNS_SHARE, _DIGIT_RUNS = 0.26, 2
"""Of random letters and digits about every second begins another word, Word or number; of camel case every fifth."""


def _is_random(value: bytes) -> bool:
    """Tell whether *value* looks as if a machine had made it, which words and identifiers do not."""
    runs = _RUNS.findall(value.translate(_CLASSES, _SEPARATORS))
    if len(runs) < len(value) * _RUNS_SHARE and sum(run.startswith(b"0") for run in runs) < _DIGIT_RUNS:
        return False
    repeated = sum(count * math.log2(count) for count in Counter(value).values() if count > 1)
    return math.log2(len(value)) - repeated / len(value) >= _LEAST_ENTROPY


def _is_token(match: re.Match[bytes]) -> bool:
    return not _is_shown(_value(match))


def _is_secret(match: re.Match[bytes]) -> bool:
    value = _value(match)
    return _is_random(value) and not (_is_shown(value) or _REFERENCE.search(value) or _is_ordinary(value))


def _is_given(match: re.Match[bytes]) -> bool:
    """Tell whether a name that says secret is given a value that looks like one."""
    if match.lastgroup == "name" or _ABOUT.search(match["name"]):
        return False
    if match["quoted"] is None and _IDENTIFIER.match(_value(match)):
        return False
    return _is_secret(match)


def _is_login(match: re.Match[bytes]) -> bool:
    password = match["password"]
    if password == match["user"] or _EXAMPLE_HOST.fullmatch(match["host"]):
        return False
    return not (_SHOWN.search(password) or _REFERENCE.search(password) or _is_ordinary(password))


@dataclass(frozen=True, slots=True)
class _Rule:
    kind: str
    markers: tuple[bytes, ...]
    pattern: re.Pattern[bytes]
    """Tried where a marker begins; its last group that takes part is the value, or all of it."""
    is_real: Callable[[re.Match[bytes]], bool] = _is_token
    any_case: bool = False
    """The markers stand in small letters and mean any."""


_FROM = rb"(?:(?<![A-Za-z0-9_])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2}))"
"""Where a token begins: after an escape too, as in strings and in URLs."""


def _token(kind: str, markers: str, rest: bytes) -> _Rule:
    """Return the rule of tokens that begin with one of *markers*, go on with *rest* and end there."""
    words = tuple(marker.encode() for marker in markers.split())
    begin = b"(?:" + b"|".join(map(re.escape, words)) + b")"
    return _Rule(kind, words, re.compile(_FROM + begin + rest + rb"(?![A-Za-z0-9_])"))


_GAP = rb"(?:[\s\"'`+,#*>|]|\\[nrt\\\r\n]){0,60}"
"""What may stand between the lines of a key in a string, a comment or a quotation."""

_ABOUT = re.compile(rb"(?i)(?:hash|digest|sha\d*|id|file|path|ur[il]|name|type|format|pattern|prefix|version)$")
"""Ends of names of what is about a secret and none itself."""

_IS = (
    rb"(?:[ \t]{0,4}:[ \t]{0,4}&?[A-Za-z_][\w.\[\]|? ]{0,30}=(?![=>])"  # token: str = "..."
    rb"|[ \t]{1,4}string[ \t]{1,4}="
    rb"|[ \t]{0,8}(?:::?=|[=!]==?|=>|=|:|>|[(,](?=[ \t]{0,8}[bfru]{0,2}\\?[\"'`])))[ \t]{0,8}"
)

_RULES = (
    _token("AWS access key", "AKIA ASIA ABIA ACCA", rb"[A-Z0-9]{16}"),
    _Rule(
        "AWS secret key",
        (b"secret",),
        re.compile(
            rb"(?i)secret[_-]?(?:access[_-]?)?key[\"'\]]{0,2}[ \t]{0,8}(?:=>?|:=?|>|,)[ \t]{0,8}[\"']?"
            rb"([A-Z0-9/+]{40})(?![A-Z0-9/+=])"
        ),
        any_case=True,
    ),
    _token("GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", rb"[A-Za-z0-9]{36,255}+"),
    _token("GitHub token", "github_pat_", rb"[A-Za-z0-9_]{36,255}+"),
    _token("GitLab token", "glpat- gldt- glrt- glptt- glcbt-", rb"[A-Za-z0-9_.-]{20,255}+"),
    _token("Slack token", "xoxa- xoxb- xoxe- xoxo- xoxp- xoxr- xoxs- xapp-", rb"[A-Za-z0-9-]{20,255}+"),
    _token("Slack webhook", "hooks.slack.com/", rb"[a-z]{3,12}/[A-Z0-9]{8,14}/[A-Z0-9]{8,14}/[A-Za-z0-9]{18,64}+"),
    _token("Stripe live key", "sk_live_ rk_live_", rb"[A-Za-z0-9]{16,255}+"),
    _token("Google API key", "AIza", rb"[A-Za-z0-9_-]{35}(?!-)"),
    _token("Google client secret", "GOCSPX-", rb"[A-Za-z0-9_-]{28}"),
    _token("Anthropic API key", "sk-ant-", rb"[A-Za-z0-9_-]{24,255}+"),
    _token("OpenRouter API key", "sk-or-", rb"v\d-[0-9a-f]{64}"),
    _token("OpenAI API key", "sk-", rb"(?:(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,255}+|[A-Za-z0-9]{32,64}+)"),
    _token("Hugging Face token", "hf_", rb"[A-Za-z0-9]{30,64}+"),
    _token("Groq API key", "gsk_", rb"[A-Za-z0-9]{40,64}+"),
    _token("xAI API key", "xai-", rb"[A-Za-z0-9]{70,96}+"),
    _token("npm token", "npm_", rb"[A-Za-z0-9]{36}"),
    _token("PyPI token", "pypi-", rb"(?=[a-z0-9-]{0,20}[A-Z])[A-Za-z0-9_-]{40,512}+"),
    _token("SendGrid API key", "SG.", rb"[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}+"),
    _token("Twilio API key", "SK", rb"[0-9a-f]{32}"),
    _Rule("Telegram bot token", (b":AA",), re.compile(rb"(?<=\d{8}):AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])")),
    _token("DigitalOcean token", "dop_v1_ doo_v1_ dor_v1_", rb"[0-9a-f]{64}"),
    _token("Docker Hub token", "dckr_pat_", rb"[A-Za-z0-9_-]{20,64}+"),
    _token("Vault token", "hvs. hvb.", rb"[A-Za-z0-9_-]{24,255}+"),
    _Rule("Azure storage key", (b"accountkey=",), re.compile(rb"(?i)accountkey=([A-Z0-9+/]{86}==)"), any_case=True),
    _Rule(
        "private key",
        (b"-----BEGIN ",),
        re.compile(
            rb"-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
            + (_GAP + rb"(?:[A-Z][A-Za-z-]{2,20}: [^\n\\]{1,80}+" + _GAP + rb"){0,4}([A-Za-z0-9+/]{16})")
        ),
    ),
    _Rule(
        "JSON web token",
        (b"eyJ",),
        re.compile(_FROM + rb"(?<!-)eyJ[A-Za-z0-9_-]{10,1000}+\.eyJ[A-Za-z0-9_-]{10,8000}+\.[A-Za-z0-9_-]{20,1500}+"),
    ),
    _Rule(
        "password in a URL",
        (b"://",),
        re.compile(
            rb"://(?P<user>[^\s:/?#@\"'`<>\\,()]{0,64}+):"
            rb"(?=[^\s/?#@\"'`<>\\]{5,200}+@(?P<host>[A-Za-z0-9_.-]{2,253}+))(?P<password>[^@]{5,200}+)"
        ),
        _is_login,
    ),
    _Rule(
        "bearer token",
        (b"bearer ",),
        re.compile(rb"(?i)bearer ([A-Z0-9._~+/-]{20,500}+=?=?)"),
        _is_secret,
        any_case=True,
    ),
    _Rule(
        "password or token",
        tuple(
            b"passw pwd secret token api_key api-key apikey access_key access-key accesskey private_key auth_key"
            b" credential".split()
        ),
        re.compile(
            rb"(?i)(?P<name>[A-Z0-9_-]{3,40}+)(?:\\?[\"'`]?\]?"
            + _IS
            + rb"(?:[bfru]{0,2}\\?[\"'`](?P<quoted>[!#-&(-_a-~]{10,256}+)[\"'`]"
            rb"|(?P<line>[^\s\"'`<>]{12,128}+)(?=[ \t]{0,8}(?:[\r\n]|\Z))"
            rb"|(?P<bare>[^\s\"'`<>,;&|(){}\[\]\\=]{16,64}+)(?![(\[{\\])))?"
        ),
        _is_given,
        any_case=True,
    ),
)
