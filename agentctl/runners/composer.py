"""The composer: where on the screen a text is typed, and what stands in it that nobody has sent."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from agentctl.domain.text import safe_text
from agentctl.runners.patterns import compiled
from agentctl.runners.runner import Composer
from agentctl.runners.screen import Line

_FRAME = "│┃║▌▐▏▕╎┆┊"
"""What programs draw at the sides of a box."""
_LONGEST_DRAFT = 16 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """Where the composer stands, by row."""

    top: int
    """Its first row: the one above the text where a manifest says how that looks."""
    first: int
    """The first row of its text."""
    end: int
    """The first row below its text."""
    bottom: int
    """The first row below it."""
    column: int
    """Where the text begins in the first row."""


def find_composer(composer: Composer | None, lines: Sequence[Line]) -> Place | None:
    """Return the lowest place on the screen that looks like *composer*.

    In a frame a row of the text can look like the first one: that is the highest of those with the same end.
    """
    found: Place | None = None
    if composer is None:
        return found
    for row in range(len(lines) - 1, -1, -1):
        if found is not None and not lines[row].text.strip():
            break
        place = _place_at(composer, lines, row)
        if place is None:
            continue
        if found is not None and place.end != found.end:
            break
        found = place
        if not composer.above:
            break
    return found


def _place_at(composer: Composer, lines: Sequence[Line], row: int) -> Place | None:
    """Return the place of a composer whose prompt stands in *row*, None where none does."""
    prompt = compiled(composer.prompt)
    match = prompt.search(lines[row].text) or prompt.search(f"{lines[row].text} ")
    if match is None or (composer.above and not (row and compiled(composer.above).search(lines[row - 1].text))):
        return None
    end = _end(composer, lines, row)
    if end is None:
        return None
    first = _first(composer, lines, row)
    top, bottom = first - bool(composer.above), end + bool(composer.end) * (composer.foot + 1)
    return Place(top, first, end, bottom, match.end())


def read_draft(composer: Composer, lines: Sequence[Line], place: Place) -> str:
    """Return what is typed and not sent, its lines joined by a line feed; no frame or placeholder is part of it."""
    rows = [_inside(composer, line, place, row) for row, line in enumerate(lines[place.first : place.end])]
    if not composer.pasted or not any(compiled(composer.pasted).search(row.text) for row in rows):
        bright = "\n".join(_unframed(row.bright()) for row in rows).strip()
    else:  # a paste is shown by its mark, and that may be dim
        bright = "\n".join(_unframed(row.text) for row in rows).strip()
    if any(compiled(pattern).match(bright) for pattern in composer.empty):
        return ""
    return safe_text(bright).strip()[:_LONGEST_DRAFT]


def _end(composer: Composer, lines: Sequence[Line], row: int) -> int | None:
    if composer.end:
        end = compiled(composer.end)
        below = next((below for below in range(row + 1, len(lines)) if end.search(lines[below].text)), None)
        return below - composer.foot if below is not None and below - composer.foot > row else None
    if composer.margin and any(line.text.strip() for line in lines[row + 1 :]):
        return None
    return row + 1


def _first(composer: Composer, lines: Sequence[Line], row: int) -> int:
    """Return the first row of the text that *row* ends, where only the margin tells which rows belong to it."""
    while composer.margin and not composer.end and row and _margin(composer, lines[row - 1]) is not None:
        row -= 1
    return row


def _margin(composer: Composer, line: Line) -> int | None:
    match = compiled(composer.margin).search(line.text) or compiled(composer.margin).search(f"{line.text} ")
    return min(match.end(), len(line.text)) if match else None


def _inside(composer: Composer, line: Line, place: Place, row: int) -> Line:
    """Return *line*, the *row*-th of the text, from where the text begins.

    Without a margin, further rows are indented as far as the first, or less.
    """
    if composer.beside and (part := compiled(composer.beside).search(line.text)):
        line = Line(line.text[: part.start()], line.dim)
    if composer.margin and (start := _margin(composer, line)) is not None:
        return _cut(line, start)
    blank = len(line.text) - len(line.text.lstrip(f" \u00a0{_FRAME}"))
    return _cut(line, min(place.column if row == 0 else min(blank, place.column), len(line.text)))


@functools.lru_cache(maxsize=512)
def _cut(line: Line, start: int) -> Line:
    dim = tuple((max(0, a - start), b - start) for a, b in line.dim if b > start)
    return Line(line.text[start:], dim)


def _unframed(text: str) -> str:
    bare = text.rstrip()
    return bare[:-1].rstrip() if bare.endswith(tuple(_FRAME)) else bare
