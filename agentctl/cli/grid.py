"""A table as plain lines, for what is drawn anew each second: at less than half of what rich's own table costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from agentctl.cli.tables import GAP, cell_of, fitting, least_widths

if TYPE_CHECKING:
    from agentctl.cli.columns import Column, Record


def grid(records: Sequence[Record], columns: Sequence[Column], width: int, style: str = "") -> list[Text]:
    """Return the titles and a line for each of *records*, none wider than *width*.

    Columns that give are left out where they find no room; those that fold get what is left.
    """
    least = least_widths(columns, records)
    chosen = fitting(columns, least, width)
    left = max(0, width - sum(least[column] for column in chosen) - GAP * (len(chosen) - 1))
    widths = [least[column] + (left if column.folds else 0) for column in chosen]
    titles = [Text(column.title, style="bold") for column in chosen]
    rows = [[cell_of(column, record) for column in chosen] for record in records]
    return [_line(cells, chosen, widths, style) for cells in (titles, *rows)]


def _line(cells: Sequence[Text], columns: Sequence[Column], widths: Sequence[int], style: str) -> Text:
    line = Text(style=style, no_wrap=True, overflow="ellipsis")
    for place, (cell, column, room) in enumerate(zip(cells, columns, widths, strict=True)):
        cell.truncate(room, overflow="ellipsis")
        cell.align("right" if column.right else "left", room)
        if place:
            line.append(GAP * " ")
        line.append_text(cell)
    return line
