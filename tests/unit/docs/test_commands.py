"""Every command line in the documents could be typed: the command is there, and so is every flag."""

from __future__ import annotations

import re
import shlex
from functools import cache

import pytest

from agentctl.cli.app import BY_NAME, COMMANDS, GROUPS
from agentctl.cli.call import take
from agentctl.cli.tree import build
from agentctl.domain.errors import UsageError

_INLINE = re.compile(r"`((?:\$ )?(?:\.venv/bin/)?agentctl(?: [^`]*)?)`")
_HELP = frozenset({"-h", "--help"})
_SHELL = re.compile(r"\s(?:&&|\|\||\||;|>|<|2>)\s?.*$")
_PLACEHOLDERS = re.compile(r"^(?:[A-Z][A-Z|.…-]*|…|\.\.\.|\[.*)$")


def _typed(text: str) -> str:
    """What stands after the prompt, without a comment and without what a shell does after the first command."""
    line = re.sub(r"^\$ ", "", text.strip())
    line = re.sub(r"^(?:[A-Z_]+=\S* )+", "", line)
    if "| agentctl" in line:
        line = line[line.index("| agentctl") + 2 :]
    line = re.sub(r"\s+#.*$", "", line)
    return line.removeprefix(".venv/bin/")


def _lines(document):
    for block in document.blocks("sh", "console", "bash"):
        for offset, line in enumerate(block.text.splitlines()):
            if block.kind == "console" and not line.startswith("$ "):
                continue
            for part in re.split(r"\s&&\s|\s;\s", _typed(line)):
                if re.match(r"agentctl(?:\s|$)", part):
                    yield f"{document.name}:{block.line + offset}", part
    for found in _INLINE.finditer(document.prose):
        yield f"{document.name}: `{found[1]}`", _typed(found[1])


@cache
def _flags(name: str) -> dict[str, bool]:
    """The flags of a command, and whether each takes a value."""
    parameters = build(BY_NAME[name]).params
    return {
        flag: not getattr(parameter, "is_flag", False)
        for parameter in parameters
        if parameter.param_type_name == "option"
        for flag in (*parameter.opts, *parameter.secondary_opts)
    }


def _fault(line: str) -> str:
    """What is wrong with a command line; empty where nothing is."""
    try:
        _, words = take(shlex.split(_SHELL.sub("", line))[1:], {})
    except (ValueError, UsageError) as error:
        return str(error)
    words = [word for word in words if word not in _HELP]
    if not words or words == ["--version"] or _PLACEHOLDERS.match(words[0]):
        return ""
    name = " ".join(words[:2]) if words[0] in GROUPS else words[0]
    if words[0] in BY_NAME and name not in BY_NAME:
        name = words[0]
    if name in GROUPS and name not in BY_NAME:
        return ""
    if name not in BY_NAME:
        return f"there is no command '{name}'"
    return _wrong_flag(name, words[len(name.split()) :])


def _wrong_flag(name: str, words: list[str]) -> str:
    flags = _flags(name)
    rest = iter(words)
    for word in rest:
        if word == "--":
            break
        if not word.startswith("-") or word == "-":
            continue
        flag, equals, _ = word.partition("=")
        if flag not in flags:
            return f"'{name}' has no {flag}"
        if flags[flag] and not equals and next(rest, None) is None:
            return f"{flag} of '{name}' needs a value"
    return ""


def test_every_command_line_could_be_typed(documents):
    faults = [
        f"{where}: {fault}" for document in documents for where, line in _lines(document) if (fault := _fault(line))
    ]
    assert faults == []


def test_the_check_finds_what_is_wrong(texts):
    assert _fault("agentctl deplyo frontend")
    assert _fault("agentctl ps --watchh")
    assert _fault("agentctl daemon begin")
    assert _fault("agentctl deploy --timeout")
    assert _fault("agentctl --color=blue ps")
    assert not _fault("agentctl ps frontend -w --no-input")
    assert not _fault("agentctl daemon install --print")
    assert sum(1 for _ in _lines(texts["README.md"])) >= 3


@pytest.mark.parametrize("row", [row for row in COMMANDS if row.examples], ids=lambda row: row.name)
def test_every_example_of_the_help_could_be_typed(row):
    for example in row.examples:
        found = re.search(r"agentctl\s.*", example)
        assert found, example
        assert _fault(_typed(found[0].rstrip(')"'))) == ""


def test_every_command_is_in_the_documents(documents):
    told = " ".join("\n".join(document.text for document in documents).split())
    missing = [row.name for row in COMMANDS if not re.search(rf"agentctl {re.escape(row.name)}(?![\w-])", told)]
    assert missing == []
