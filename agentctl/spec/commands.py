"""A command line to an argument list: words only, because a string that needs a shell must ask for one aloud."""

from __future__ import annotations

import re
import shlex

from agentctl.spec.problems import quoted

_LONGEST = 10_000
_MARK = "\ue000"  # stands for a template while the line is split, so that a value never becomes two words
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_WHOLE = ("&&", "||", "$(", "|", ";", ">", "<", "`", "*", "&")


class CommandProblem(ValueError):
    """A line cannot be split into words; the hint says what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def split(line: str) -> list[str]:
    """Return the words of *line*, its templates untouched; raise `CommandProblem` where it needs a shell."""
    if len(line) > _LONGEST:
        raise CommandProblem("this command is longer than 10,000 characters", "put it into a script")
    bare, templates = _without_templates(line.strip())
    if "{%" in bare or _MARK in line:
        raise CommandProblem("this command cannot be split into words", "write it as a list: [program, argument]")
    if (sign := _shell_sign(bare)) is not None:
        hint = "write 'shell: true' beside it to mean that, or put the word in single quotes"
        raise CommandProblem(f"{quoted(sign)} needs a shell, and commands are run without one", hint)
    try:
        words = shlex.split(bare)
    except ValueError:
        raise CommandProblem(
            "a quote in this command is not closed", "close it, or write the command as a list"
        ) from None
    if not words:
        raise CommandProblem("the command is empty", "name a program")
    if _ASSIGNMENT.match(words[0]):
        name = words[0].partition("=")[0]
        raise CommandProblem(f"{quoted(name + '=')} before a program needs a shell", f"put {name} under 'env:'")
    waiting = iter(templates)
    return [re.sub(_MARK, lambda _: next(waiting), word) for word in words]


def _without_templates(line: str) -> tuple[str, list[str]]:
    """Return *line* with a mark in the place of each `{{ … }}`, and those."""
    parts: list[str] = []
    templates: list[str] = []
    at = 0
    while (start := line.find("{{", at)) >= 0 and (end := line.find("}}", start)) >= 0:
        parts.append(line[at:start])
        templates.append(line[start : end + 2])
        at = end + 2
    return _MARK.join([*parts, line[at:]]), templates


def _shell_sign(line: str) -> str | None:
    """Return the first thing in *line* that only a shell understands, None where there is none."""
    quote = ""
    at = 0
    while at < len(line):
        letter = line[at]
        if letter == "\\" and quote != "'":
            at += 2
            continue
        if letter in "'\"" and quote in ("", letter):
            quote = "" if quote else letter
        elif (sign := _sign_at(line, at, quote)) is not None:
            return sign
        at += 1
    return None


def _sign_at(line: str, at: int, quote: str) -> str | None:
    if quote == "'":
        return None
    if variable := re.match(r"\$(?:\(|[A-Za-z_{?#@*!0-9][A-Za-z0-9_]*)", line[at : at + 40]):
        return variable[0]
    if quote:
        return "`" if line[at] == "`" else None
    if line[at] == "\n":
        return "a second line"
    if line[at] == "~" and (at == 0 or line[at - 1] == " "):
        return "~"
    return next((sign for sign in _WHOLE if line.startswith(sign, at)), None)
