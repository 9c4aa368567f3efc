"""A pane's screen as `capture-pane -e` gives it, turned into lines: what stands there, which of it is dim, and on what.

Dim text is what programs show where nothing is typed; what is chosen of several stands on a background of its own. The
input is hostile: any bytes, any sequences, any length.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

_MOST_CHARACTERS = 512 * 1024
"""Of the input; a screen of 220x50 with a colour for each cell has 300 K."""
_MOST_LINES = 200
_LONGEST_LINE = 500

_PIECE = re.compile(
    r"\x1b\[([0-9;:]{0,64})m"  # a colour, the only sequence that says something here
    r"|\x1b\[[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
    r"|([\x0e\x0f])"  # to line drawing, and back
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]"
)
_GROUNDS = frozenset({48, *range(40, 48), *range(100, 108)})
"""Codes that set a background."""
_LINE_DRAWING = str.maketrans("`afghijklmnopqrstuvwxyz{|}~", "◆▒°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·")


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the screen, without trailing blanks."""

    text: str
    dim: tuple[tuple[int, int], ...] = ()
    """Where it is dim: from this character up to that one."""
    grounds: tuple[tuple[int, str], ...] = ()
    """Where another background begins, and which; before the first it is the terminal's own."""

    def bright(self, start: int = 0) -> str:
        """Return what stands from character *start* on, without what is dim."""
        kept, at = "", start
        for begin, end in self.dim:
            kept += self.text[at : max(begin, at)]
            at = max(at, end)
        return (kept + self.text[at:]).rstrip()

    def ground(self, at: int) -> str:
        """Return the background of character *at*, in a form that is good for comparing only."""
        return next((ground for begin, ground in reversed(self.grounds) if begin <= at), "")


@dataclass(frozen=True, slots=True)
class _Pen:
    dim: bool = False
    inverse: bool = False
    ground: str = ""

    def behind(self) -> str:
        """Return what stands behind a character."""
        return f"inverse {self.ground}" if self.inverse else self.ground


def read_lines(raw: str) -> list[Line]:
    """Return the rows of *raw*; never raises, and takes the last rows of what is too long."""
    rows = raw[-_MOST_CHARACTERS:].replace("\r\n", "\n").split("\n")
    if rows and not rows[-1]:
        rows.pop()
    pen, drawing, lines = _Pen(), False, []
    for row in rows[-_MOST_LINES:]:
        line, pen, drawing = _read_row(row, pen, drawing=drawing)
        lines.append(line)
    return lines


def _read_row(row: str, pen: _Pen, *, drawing: bool) -> tuple[Line, _Pen, bool]:
    text, dim, grounds, lone, at = "", [], [(0, "")], -1, 0
    for match in (*_PIECE.finditer(row), None):
        piece = row[at : match.start() if match else len(row)]
        if piece:
            piece = piece.replace("\t", " ")
            begin, text = len(text), text + (piece.translate(_LINE_DRAWING) if drawing else piece)
            if pen.behind() != grounds[-1][1]:
                grounds.append((begin, pen.behind()))
            if pen.dim:
                dim.append((lone if lone == begin - 1 >= 0 else begin, len(text)))
            # a cursor is drawn on the first character of what is dim behind it
            lone = begin if pen.inverse and len(piece) == 1 else -1
        if match is None:
            break
        at = match.end()
        if match[1] is not None:
            pen = _turn(pen, match[1])
        elif match[2]:
            drawing = match[2] == "\x0e"
    text = text[:_LONGEST_LINE].rstrip(" ")  # not the no-break space, which is part of some prompts
    dim_parts = tuple((a, min(b, len(text))) for a, b in dim if a < len(text))
    return Line(text, dim_parts, tuple(grounds[1:])), pen, drawing


def _turn(pen: _Pen, parameters: str) -> _Pen:
    dim, inverse, ground = _effect(parameters)
    return _Pen(
        pen.dim if dim is None else dim,
        pen.inverse if inverse is None else inverse,
        pen.ground if ground is None else ground,
    )


@functools.lru_cache(maxsize=1024)
def _effect(parameters: str) -> tuple[bool | None, bool | None, str | None]:
    """Return what a colour sequence makes of dim, of inverse and of the background; None where it leaves it."""
    dim: bool | None = None
    inverse: bool | None = None
    ground: str | None = None
    for code, whole in _codes(parameters):
        match code:
            case 0:
                dim, inverse, ground = False, False, ""
            case 2:
                dim = True
            case 22:
                dim = False
            case 7:
                inverse = True
            case 27:
                inverse = False
            case 49:
                ground = ""
            case _ if code in _GROUNDS:
                ground = whole
            case _:
                pass
    return dim, inverse, ground


def _codes(parameters: str) -> Iterator[tuple[int, str]]:
    """Yield each code, and it with the numbers that belong to it: those of a 256 or RGB colour are no codes."""
    parts = iter(parameters.split(";"))
    for part in parts:
        whole = [part]
        if part in ("38", "48", "58"):
            whole.append(next(parts, ""))
            whole += [next(parts, "") for _ in range({"5": 1, "2": 3}.get(whole[-1], 0))]
        yield int(part.partition(":")[0] or 0), ";".join(whole)
