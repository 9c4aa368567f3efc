"""Tables on a terminal, by rich: they fit its width, and no text in them is markup."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
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


def print_table(records: Sequence[Record], columns: Sequence[Column], *, color: bool, fits: bool = True) -> None:
    """Print *records* to stdout: as wide as the terminal, or with *fits* off as wide as it needs to be."""
    console(color=color, width=None if fits else _WIDEST).print(make_table(records, columns))


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


def make_table(records: Sequence[Record], columns: Sequence[Column]) -> Table:
    """Return a table without boxes; columns that fold give way to the others."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        # rich takes room only from columns that may wrap; their cells are cut all the same
        table.add_column(column.title, no_wrap=not column.folds, min_width=_least(column, records))
    for record in records:
        table.add_row(*(_cell(column, record) for column in columns))
    return table


def _least(column: Column, records: Sequence[Record]) -> int | None:
    if column.folds:
        return len(column.title)
    longest = max((cell_len(safe_line(column.text(record))) for record in records), default=0)
    return max(len(column.title), longest + 2 * column.state)


def _cell(column: Column, record: Record) -> Text:
    text = safe_line(column.text(record))
    if not column.state:
        return Text(text, no_wrap=True, overflow="ellipsis")
    glyph, color = look(text)
    return Text(f"{glyph} {text}", style=color, no_wrap=True, overflow="ellipsis")
