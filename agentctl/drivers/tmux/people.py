"""People at the terminal: who is attached, the bell of a window, and who waits, shown in status lines.

A status line shows user options (`#{@agentctl_status}`), set when they change: no program runs for it. tmux expands
what stands in them, so nothing but checked names, pane ids and digits does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agentctl.domain.errors import UsageError
from agentctl.domain.names import AgentId, PaneId
from agentctl.domain.ports import Viewer
from agentctl.drivers.tmux.guard import is_pane
from agentctl.drivers.tmux.listing import HOME
from agentctl.drivers.tmux.placement import is_agent
from agentctl.drivers.tmux.quote import line

STATUS = "@agentctl_status"
"""`2 wait: shop/dev, shop/pm`, empty while nobody does."""
WAITING = "@agentctl_waiting"
"""How many wait."""
NEXT = "@agentctl_next"
"""The pane of the one that has waited longest, on our own server."""
FOLLOW = "@agentctl_follow"
"""A person's own server is told where this is the short hash of our state folder."""

VIEWERS = 'list-clients -F "#{client_control_mode}|#{client_tty}|#{client_termname}|#{client_termtype}"'

_MOST_NAMED = 3


def status(waiting: Sequence[AgentId]) -> str:
    """Return what a status line says of *waiting*: `2 wait: shop/dev, shop/pm`; raise `UsageError` for no names."""
    for agent in waiting:
        if not is_agent(agent):
            raise UsageError(f"{agent!r} names no agent")
    more = len(waiting) - _MOST_NAMED
    names = ", ".join(waiting[:_MOST_NAMED]) + (f" +{more}" if more > 0 else "")
    return f"{len(waiting)} wait{'s' if len(waiting) == 1 else ''}: {names}" if waiting else ""


def told(waiting: Sequence[AgentId]) -> list[str]:
    """Return the commands that tell a server who waits."""
    return [
        line("set-option", "-g", WAITING, str(len(waiting))),
        line("set-option", "-g", STATUS, status(waiting)),
    ]


def pointed(pane: PaneId | None) -> str:
    """Return the command that tells our own server where `next` leads."""
    if pane is not None and not is_pane(pane):
        raise UsageError(f"{pane!r} is no pane")
    return line("set-option", "-g", NEXT, pane or "")


def if_followed(home: str, waiting: Sequence[AgentId]) -> list[str]:
    """Return the words that tell a person's own server who waits, where its `FOLLOW` says that it is to be told."""
    return ["if-shell", "-F", f"#{{==:#{{{FOLLOW}}},{home}}}", " ; ".join(told(waiting))]


def bell_place(pane: PaneId) -> str:
    """Return the command that asks where the bell of *pane* is to be written."""
    if not is_pane(pane):
        raise UsageError(f"{pane!r} is no pane")
    return line("display-message", "-p", "-t", pane, f"#{{{HOME}}}|#{{pane_dead}}|#{{pane_tty}}")


def bell_tty(reply: str, home: str) -> str:
    """Return the device from the answer to `bell_place`; empty where the pane is not of *home*, or dead."""
    whose, dead, tty = (*reply.split("|"), "", "")[:3]
    return tty if whose == home and dead == "0" else ""


def viewers(lines: Iterable[str]) -> list[Viewer]:
    """Return the terminals in the answer to `VIEWERS`; control clients, of which we are one, have none."""
    rows = [text.split("|", 3) for text in lines]
    return [Viewer(row[1], row[2], row[3]) for row in rows if row[0] == "0" and row[1:] and row[1]]
