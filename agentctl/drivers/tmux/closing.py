"""Closing panes without taking the server along: pure decisions.

Up to tmux 3.6 the server crashes while a control client is attached, ours or a person's, when in one go the current
window of a session goes and then the session itself: the news of the one finds nothing of the other. So a session of
which nothing would be left is ended as a whole, which makes no such news.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from agentctl.domain.names import PaneId
from agentctl.drivers.tmux.listing import Row
from agentctl.drivers.tmux.quote import line


def closing(rows: Sequence[Row], doomed: Collection[PaneId]) -> list[str]:
    """Return the commands that close the panes *doomed*, of a server whose panes are *rows*, and no other pane."""
    sessions: dict[str, list[Row]] = {}
    for row in rows:
        sessions.setdefault(row.session_id, []).append(row)
    whole = {name for name, panes in sessions.items() if all(row.pane in doomed for row in panes)}
    single = [row.pane for name, panes in sessions.items() if name not in whole for row in panes if row.pane in doomed]
    return [_end(name, sessions[name]) for name in whole] + [line("kill-pane", "-t", one) for one in single]


def _end(session: str, panes: Sequence[Row]) -> str:
    """Return the command that ends a session if it still has the windows, and each window the panes, that were seen."""
    windows = {row.window_id: row.panes for row in panes}
    seen = "".join(f"{window}={count}|" for window, count in windows.items())
    same = f"#{{==:#{{W:#{{window_id}}=#{{window_panes}}|}},{seen}}}"
    return line("if-shell", "-F", "-t", f"{session}:", same, f"kill-session -t '{session}'")
