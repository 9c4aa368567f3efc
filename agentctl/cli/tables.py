"""Tables on a terminal, by rich: they fit its width, and no text in them is markup."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentctl.cli.columns import Column
from agentctl.cli.states import look
from agentctl.domain.text import safe_line

if TYPE_CHECKING:
    from agentctl.cli.columns import Record

_WIDEST = 2000
GAP = 2
"""Blanks between two columns."""


def print_table(records: Sequence[Record], columns: Sequence[Column], *, color: bool, fits: bool = True) -> None:
    """Print *records* to stdout: as wide as the terminal, or with *fits* off as wide as it needs to be."""
    screen = console(color=color, width=None if fits else _WIDEST)
    screen.print(make_table(records, fitting(columns, least_widths(columns, records), screen.width)))


def console(*, color: bool, width: int | None = None) -> Console:
    """Return a console on stdout that obeys our decision on colour and no variable of the environment."""
    terminal = {name: os.environ[name] for name in ("TERM", "COLORTERM", "COLUMNS", "LINES") if name in os.environ}
    return Console(
        file=sys.stdout,
        width=width,
        force_terminal=True,
        color_system="auto" if color and terminal.get("TERM") != "dumb" else ("standard" if color else None),
        no_color=not color,
        highlight=False,
        markup=False,
        emoji=False,
        _environ=terminal,
    )


def fitting(columns: Sequence[Column], least: Mapping[Column, int], width: int) -> list[Column]:
    """Return the columns that find room in *width*: those that give are left out one by one, in their order."""
    chosen = list(columns)
    for column in sorted((column for column in columns if column.gives), key=lambda column: -column.gives):
        if sum(least[one] + GAP for one in chosen) - GAP <= width:
            break
        chosen.remove(column)
    return chosen


def least_widths(columns: Sequence[Column], records: Sequence[Record]) -> dict[Column, int]:
    """Return for each of *columns* the width below which it says less than it should."""
    return {column: _least(column, records) for column in columns}


def make_table(records: Sequence[Record], columns: Sequence[Column]) -> Table:
    """Return a table without boxes; columns that fold give way to the others."""
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for column in columns:
        # rich takes room only from columns that may wrap; their cells are cut all the same
        table.add_column(
            column.title,
            no_wrap=not column.folds,
            min_width=_least(column, records),
            justify="right" if column.right else "left",
        )
    for record in records:
        table.add_row(*(cell_of(column, record) for column in columns))
    return table


def cell_of(column: Column, record: Record) -> Text:
    """Return what *column* shows of *record*, cleaned, in its colours."""
    text = safe_line(column.text(record))
    if column.state:
        glyph, color = look(text)
        return Text(f"{glyph} {text}", style=color, no_wrap=True, overflow="ellipsis")
    cell = Text(text, no_wrap=True, overflow="ellipsis")
    colors = list(column.colors(record)) if column.colors is not None else []
    place = 0
    for color, letters in groupby(colors + colors[-1:] * (len(text) - len(colors))):
        before, place = place, place + len(list(letters))
        cell.stylize(color, before, place)
    return cell


def cut(text: str, width: int) -> str:
    """Return *text* in *width* cells, with an ellipsis where it has more."""
    line = Text(text)
    line.truncate(width, overflow="ellipsis")
    return line.plain


def _least(column: Column, records: Sequence[Record]) -> int:
    if column.folds:
        return max(len(column.title), column.least)
    longest = max((cell_len(safe_line(column.text(record))) for record in records), default=0)
    return max(len(column.title), column.least, longest + 2 * column.state)
