"""Framing: the header that says who a message is from and the mark at its end, which no body can forge.

Both carry the message's id: what arrives with its header and without its mark was cut.
"""

from __future__ import annotations

import functools
import re
import unicodedata

from agentctl.domain.message import PERSON, Message

_HEADER = re.compile(r"\[agentctl\s+[0-9a-f]{4}\s+([0-9a-f]{8})\s+from\s")
"""As `found` reads it; a screen may have broken it between two words."""

_FORGED = re.compile(
    r"\[\s*agentct[li1|](?=[^\]]{0,200}?(?:from|\b[0-9a-f]{4}\b|\b[0-9a-f]{8}\b))|\[\s*/\s*[0-9a-f]{8}\s*\]"
)
"""What a reader may take for a header or an end mark, over the `_skeleton` of a text."""

# Written as numbers, because this is what cannot be told apart by looking.
_OPENS = (
    "\u2045\u27e6\u27ec\u27e8\u2772\u2774\u3014\u3018\u301a\u3010\u3016\u298b\u298d\u298f\u2308\u230a"
    "\u23a1\u23a2\u23a3\uff62\u300c\u300e\u2e22\u2e24\u3008\u300a\u2039\u276c\u2770"
)
_CLOSES = (
    "\u2046\u27e7\u27ed\u27e9\u2773\u2775\u3015\u3019\u301b\u3011\u3017\u298c\u298e\u2990\u2309\u230b"
    "\u23a4\u23a5\u23a6\uff63\u300d\u300f\u2e23\u2e25\u3009\u300b\u203a\u276d\u2771"
)
_SLASHES = "\u2215\u2044\u29f8\u2571\u27cb\uff0f"
_LETTERS = {
    "a": "\u0430\u0251\u03b1\u237a\u1d00",
    "b": "\u0185\u044c",
    "c": "\u0441\u03f2\u1d04\u2ca5",
    "d": "\u0501",
    "e": "\u0435\u0454\u04bd\u1d07",
    "f": "\u03dd",
    "g": "\u0261\u0581\u0262",
    "l": "\u04cf\ua781\u01c0\u2223\u2d4f\u05c0\u05df\u0269\u0131\u03b9\u0456",
    "m": "\u043c",
    "n": "\u0578\u043f\u0274\u03b7",
    "o": "\u043e\u03bf\u0585\u1d0f",
    "r": "\u0433\u1d26\u2c85",
    "t": "\u0442\u03c4\u1d1b",
}
_LOOKS_LIKE: dict[str, str] = {
    **dict.fromkeys(_OPENS, "["),
    **dict.fromkeys(_CLOSES, "]"),
    **dict.fromkeys(_SLASHES, "/"),
    **{twin: letter for letter, twins in _LETTERS.items() for twin in twins},
}
"""Characters that a reader takes for others, beyond those that Unicode itself folds together."""

_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Mn", "Me"})
_UNSEEN = frozenset("\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800")
"""Letters and a pattern that show as nothing."""

_BLANK_IN_TEXT = frozenset("\n\t")


def frame(message: Message, tag: str, *, lines: bool) -> str:
    """Return *message* as its reader gets it: header, body, end mark; on lines of their own where *lines* may be.

    *tag* is the team's. Where lines may not be, a text of several lines is for the caller to hand over as a file.
    """
    text = message.text if message.kind == "brief" else _harmless(message.text)  # a brief says what headers look like
    header, end = f"[agentctl {tag} {message.id} from {_sender(message)}]", f"[/{message.id}]"
    between = "\n" if lines and "\n" in text else " "
    return between.join([header, text, end])


def found(text: str) -> dict[str, bool]:
    """Return the ids of the messages whose headers stand in *text*, and whether each is there to its end."""
    return {header[1]: f"[/{header[1]}]" in text[header.end() :] for header in _HEADER.finditer(text)}


def is_command(message: Message, commands: str) -> bool:
    """Tell whether *message* is a command to the program itself, which a person may give and nobody else.

    *commands* are the first characters of such. A path is none: `/etc/hosts is wrong`; nor is a text of several lines.
    """
    word = message.text.split(maxsplit=1)[0] if message.text[:1].strip() else ""
    begins = len(word) > 1 and word[0] in commands and word[0] not in word[1:]
    one = "\n" not in message.text.strip()
    return begins and one and message.sender == PERSON and message.kind == "message"


def _sender(message: Message) -> str:
    if message.sender == PERSON and message.kind == "message":
        return PERSON
    return f"{message.sender}: {message.kind}"


def _harmless(text: str) -> str:
    """Return *text* with a round bracket in the place of each that opens something like a header or an end mark."""
    skeleton, places = _skeleton(text)
    opened = {places[forged.start()] for forged in _FORGED.finditer(skeleton)}
    if not opened:
        return text
    return "".join("(" if place in opened else character for place, character in enumerate(text))


def _skeleton(text: str) -> tuple[str, list[int]]:
    """Return *text* as a reader sees it, in small plain letters, and the place in it of each character of that.

    What shows as nothing, and what the terminal's driver leaves out, is not part of it.
    """
    if text.isascii() and text.isprintable():
        return text.lower(), list(range(len(text)))
    shown: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        for plain in _plain(character):
            shown.append(plain)
            places.append(place)
    return "".join(shown), places


@functools.lru_cache(maxsize=8192)
def _plain(character: str) -> str:
    folded = unicodedata.normalize("NFKD", _LOOKS_LIKE.get(character, character)).casefold()
    return "".join(_LOOKS_LIKE.get(part, part) for part in folded if not _is_unseen(part))


def _is_unseen(character: str) -> bool:
    if character in _BLANK_IN_TEXT:
        return False
    return character in _UNSEEN or unicodedata.category(character) in _UNSEEN_CATEGORIES
