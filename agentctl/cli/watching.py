"""`ps -w` on a terminal: the table drawn again in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.text import Text

from agentctl.cli.columns import Column
from agentctl.cli.output import Output
from agentctl.cli.pace import pause
from agentctl.cli.tables import console, make_table
from agentctl.domain.text import safe_line

_REFRESH_SECONDS = 1.0


def redraw(look: Callable[[], tuple[list[dict[str, Any]], str]], columns: Sequence[Column], output: Output) -> None:
    """Show the rows that *look* finds, and its note, until Ctrl-C; the last picture stays on the screen."""
    shown = [column for column in columns if output.form == "wide" or not column.wide]
    with Live(console=console(color=output.color), auto_refresh=False, transient=False) as live:
        while True:
            rows, note = look()
            table = make_table(rows, shown) if rows else Text("no agents")
            live.update(Group(table, Text(safe_line(note), style="yellow")) if note else table, refresh=True)
            pause(_REFRESH_SECONDS)
