"""`monitor` on a terminal: the whole screen, drawn again in place; the last picture stays when it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from agentctl.cli.asking import call_to_answer
from agentctl.cli.columns import Column
from agentctl.cli.grid import grid
from agentctl.cli.monitor_columns import COLUMNS
from agentctl.cli.monitor_head import head, lines
from agentctl.cli.output import Output
from agentctl.cli.screen import held
from agentctl.cli.tables import console
from agentctl.domain.text import safe_line

if TYPE_CHECKING:
    from agentctl.cli.monitor_head import Words

_HINT = "q or Ctrl-C ends this; agents run on"


def redraw(look: Callable[[], dict[str, Any]], output: Output, interval: float) -> None:
    """Show what *look* finds every *interval* seconds, until q or Ctrl-C."""
    screen = console(color=output.color)
    columns = [column for column in COLUMNS if output.form == "wide" or not column.wide]
    picture: dict[str, Any] | None = None
    try:
        with Live(console=screen, auto_refresh=False, screen=True) as live, held(screen) as wait:
            while True:
                picture = look()
                live.update(drawn(picture, columns, screen, hint=_HINT), refresh=True)
                if wait(interval):
                    return
    finally:
        if picture is not None:
            screen.print(drawn(picture, columns, screen))


def drawn(picture: Mapping[str, Any], columns: Sequence[Column], screen: Console, *, hint: str = "") -> RenderableType:
    """Return *picture* as it fits on *screen*: the agents that need a person first, and how many more there are."""
    rows = picture["agents"]
    above = [_line(parts) for parts in lines(head(picture), screen.width)]
    above += [_words(picture["note"], "yellow")] if picture["note"] else []
    below = [_words(words, color) for words, color in ((call_to_answer(rows), "yellow"), (hint, "dim")) if words]
    room = screen.height - len(above) - len(below) - 2  # a blank line, and the titles
    shown = rows if len(rows) <= room else rows[: max(1, room - 1)]
    more = len(rows) - len(shown)
    below = [_words(f"and {more} more; name a team to see it alone", "dim"), *below] if more else below
    style = "dim" if picture["note"] else ""  # nobody can vouch for it now
    table = [Text(), *grid(shown, columns, screen.width, style)] if rows else []
    return Group(*above, *table, *below)


def _line(parts: Sequence[Words]) -> Text:
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _words(words: str, color: str) -> Text:
    return Text(safe_line(words), style=color, no_wrap=True, overflow="ellipsis")
