"""Putting a pane back where it belongs after a person renamed, moved, joined or swapped it: pure decisions."""

from __future__ import annotations

from collections.abc import Sequence

from agentctl.domain.errors import TerminalError
from agentctl.domain.ports import Opening
from agentctl.drivers.tmux.invoke import SIZE
from agentctl.drivers.tmux.listing import Owned, Row
from agentctl.drivers.tmux.placement import adoption, is_ours, marks
from agentctl.drivers.tmux.quote import line

_HOLDER = "moving"  # the window that a new session needs until the moved one is there


def arrange(
    rows: Sequence[Row], owned: Sequence[Owned], own: Owned, opening: Opening, *, home: str, typed: int
) -> list[str]:
    """Return the commands that give the pane *own* marks, session, index and window name of *opening*.

    An index that somebody else's window has stays theirs, and a pane that a person split off beside the agent stays
    beside it. Raises `TerminalError` where the session's name belongs to a session that is not ours.
    """
    row = own.row
    kept = row.typed if row.generation == opening.generation else typed
    commands = marks(row.pane, opening, home, kept)
    there = [other for other in rows if other.session == opening.session]
    if there and not any(is_ours(r, home) for r in there) and not any(o.row.session == opening.session for o in owned):
        raise TerminalError(f"a tmux session {opening.session} is there that is not ours: rename it")
    if there:
        commands += _place(there, {o.row.window_id for o in owned}, row, opening)
    elif row.made == f"{home}/{opening.session}":
        commands.append(line("rename-session", "-t", row.session_id, opening.session))
        same = [other for other in rows if other.session_id == row.session_id]
        commands += _place(same, {o.row.window_id for o in owned}, row, opening)
    else:
        commands += _found(row, opening, home)
    window = ("-t", row.pane)
    return [
        *commands,
        line("rename-window", *window, opening.window),
        line("set-option", "-w", *window, "automatic-rename", "off"),
    ]


def _shares(row: Row, opening: Opening) -> bool:
    """Tell whether the pane was joined into a window that is not its own."""
    return row.panes > 1 and row.window != opening.window


def _found(row: Row, opening: Opening, home: str) -> list[str]:
    """Return the commands that make the session anew around the pane."""
    session = opening.session
    size = ("-x", str(SIZE[0]), "-y", str(SIZE[1]))
    return [
        line("new-session", "-d", "-s", session, "-n", _HOLDER, *size, "cat", "-"),
        *adoption(session, home),
        _carry(row, opening, f"={session}:"),
        line("kill-window", "-t", f"={session}:={_HOLDER}"),
        line("move-window", "-d", "-s", row.pane, "-t", f"={session}:{opening.index}"),
    ]


def _place(there: Sequence[Row], ours: set[str], row: Row, opening: Opening) -> list[str]:
    """Return the commands that bring the pane to its index in a session of which *there* are the panes."""
    holder = next((other for other in there if other.index == opening.index), None)
    spot = f"={opening.session}:{opening.index}"
    inside = any(other.pane == row.pane for other in there)
    if not inside or _shares(row, opening):
        return [_carry(row, opening, f"={opening.session}:" if holder else spot)]
    if holder is None:
        return [line("move-window", "-d", "-s", row.pane, "-t", spot)]
    if holder.window_id != row.window_id and holder.window_id in ours:
        return [line("swap-window", "-d", "-s", row.pane, "-t", spot)]
    return []


def _carry(row: Row, opening: Opening, target: str) -> str:
    """Return the command that takes the pane's window to *target*, or only the pane where the window is not its own."""
    if _shares(row, opening):
        return line("break-pane", "-d", "-s", row.pane, "-n", opening.window, "-t", target)
    return line("move-window", "-d", "-s", row.pane, "-t", target)
