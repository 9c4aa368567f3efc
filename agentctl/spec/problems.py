"""What is wrong with a team file, where, and what to do about it: shown all at once, each with its line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from agentctl.domain.errors import SpecError
from agentctl.domain.text import safe_line, safe_text

_MOST_SHOWN = 100
_ENOUGH = 200
_MOST_KNOWN = 300
_WIDEST = 160
_LONGEST_VALUE = 40
_RED, _BLUE, _BOLD, _PLAIN = "\x1b[1;31m", "\x1b[34m", "\x1b[1m", "\x1b[0m"


class FromVariable(str):
    """Text in which a variable stood: it may also be read as a number or a yes, and is not shown in messages."""

    __slots__ = ()


@dataclass(frozen=True, order=True)
class Problem:
    """One fault at one place; line and column count from 1."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""
    source_line: str = ""
    width: int = 1

    def render(self, *, color: bool = False) -> str:
        """Return the problem as a person reads it: the message, the place, the line and a caret."""
        red, blue, bold, plain = (_RED, _BLUE, _BOLD, _PLAIN) if color else ("", "", "", "")
        gutter = " " * len(str(self.line))
        place = f"{safe_line(self.file)}:{self.line}:{self.column}"
        shown = [f"{red}error{plain}{bold}: {safe_line(self.message)}{plain}", f"{blue}{gutter}--> {plain}{place}"]
        hint = safe_line(self.hint)
        if not self.source_line.strip():
            return "\n".join([*shown, f"{gutter} {blue}={plain} {hint}"] if hint else shown)
        text, column = _window(self.source_line, self.column)
        caret = "^" * max(1, min(self.width, len(text) - column + 1))
        under = f"{' ' * (column - 1)}{red}{caret}{plain} {hint}".rstrip()
        bar = f"{blue}|{plain}"
        return "\n".join(
            [*shown, f"{gutter} {bar}", f"{blue}{self.line}{plain} {bar} {text}", f"{gutter} {bar} {under}"]
        )


class SpecProblems(SpecError):
    """A team file is wrong; every problem that was found is here, in the order of files and lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = in_order(problems)
        first = self.problems[0]
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        place = f"{safe_line(first.file)}:{first.line}:{first.column}"
        super().__init__(f"{place}: {safe_line(first.message)}{more}", hint=first.hint)

    def render(self, color: bool = False) -> str:
        """Return all problems and, as the last line, how many and that nothing was started."""
        return render_problems(self.problems, color=color)


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Return *problems* by file, line and column, each once."""
    return sorted(set(problems))


def render_problems(problems: Sequence[Problem], *, color: bool = False) -> str:
    """Return *problems* for a person; the text ends without a newline."""
    shown = [problem.render(color=color) for problem in problems[:_MOST_SHOWN]]
    if len(problems) > _MOST_SHOWN:
        shown.append(f"… and {len(problems) - _MOST_SHOWN} more")
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return "\n\n".join([*shown, f"{count}, nothing was started"])


def enough(problems: Collection[Problem]) -> bool:
    """Tell whether there are so many problems that looking for more would only take time."""
    return len(problems) >= _ENOUGH


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Return `did you mean 'x'?`, or what there is, or nothing where that is too much to look through or to list."""
    if len(known) > _MOST_KNOWN:
        return ""
    if close := get_close_matches(word[:_LONGEST_VALUE], known, n=1, cutoff=0.6):
        return f"did you mean '{close[0]}'?"
    return f"there is: {', '.join(known)}" if 0 < len(known) <= 12 else ""  # noqa: PLR2004  one line of a terminal


def quoted(value: object, most: int = _LONGEST_VALUE) -> str:
    """Return *value* as it can stand in a message: short, on one line, quoted if it is text."""
    if isinstance(value, FromVariable):
        return "what the variable holds"
    text = safe_line(str(value))
    if len(text) > most:
        text = text[: most - 1] + "…"
    if isinstance(value, bool):
        return text.lower()
    return f"'{text}'" if isinstance(value, str) else text


def _window(line: str, column: int) -> tuple[str, int]:
    """Return the part of *line* around *column* that fits a terminal, cleaned, and the column within it."""
    start = max(0, column - 1 - _WIDEST // 2) if len(line) > _WIDEST else 0
    head = safe_text(line[start : column - 1]).replace("\t", " ")
    tail = safe_text(line[column - 1 : start + _WIDEST]).replace("\t", " ")
    if start:
        head = "…" + head[1:]
    return (head + tail).rstrip(), len(head) + 1
