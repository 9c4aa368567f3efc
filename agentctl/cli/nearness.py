"""How near a value is to its limit, drawn: sparklines, and a colour for each value. Light: standard library only."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"
_NOT_KNOWN = "·"
_NEAR, _AT = 0.75, 0.95
"""Shares of a limit: below the first all is well, from the second on it is reached for every practical purpose."""


def color_of(value: float | None, limit: float | None) -> str:
    """Return the colour for *value*, empty where there is nothing to be near to."""
    if value is None or not limit:
        return ""
    share = value / limit
    return "green" if share < _NEAR else ("yellow" if share < _AT else "red")


def cells_of(values: Sequence[float | None], count: int, each: int) -> list[float | None]:
    """Return the last of *values* in *count* cells of *each*, the newest last; None is not known.

    A cell is the most in it, so that no peak is lost.
    """
    cells: list[float | None] = []
    for end in range(len(values), max(0, len(values) - count * each), -each):
        known = [value for value in values[max(0, end - each) : end] if value is not None]
        cells.append(max(known) if known else None)
    return [None] * (count - len(cells)) + cells[::-1]


def spark(cells: Sequence[float | None], full: float) -> str:
    """Return a letter for each of *cells*; *full* and above are the tallest."""
    return "".join(_letter(cell, full) for cell in cells)


def _letter(cell: float | None, full: float) -> str:
    if cell is None:
        return _NOT_KNOWN
    share = max(0.0, min(cell / full, 1.0)) if full > 0 else 0.0
    return _BLOCKS[min(int(share * len(_BLOCKS)), len(_BLOCKS) - 1)]
