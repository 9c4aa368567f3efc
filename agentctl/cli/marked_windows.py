"""Our windows by their marks, in the two calls that an emergency cleanup wants."""

from __future__ import annotations

from collections.abc import Sequence

from agentctl.control.home import Home
from agentctl.domain.names import PaneId
from agentctl.domain.ports import Pane
from agentctl.drivers.tmux import marks
from agentctl.drivers.tmux.invoke import hub_name
from agentctl.drivers.tmux.marks import MarkedPane


class MarkedWindows:
    """The windows of one state folder on its tmux server; a pane is closed only while it is the one that was listed."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._listed: dict[PaneId, MarkedPane] = {}

    def list(self) -> list[Pane]:
        """Return the panes that carry our marks; raises `TerminalUnreachable` where tmux does not answer."""
        found = marks.marked_panes(self._home.tmux_socket, home=self._home.id, run_dir=self._home.run)
        self._listed = {pane.id: pane for pane in found}
        return [_pane(pane) for pane in found]

    def close(self, panes: Sequence[PaneId]) -> None:
        """Close *panes*, and the hidden session of our own client with them."""
        marks.close(self._home.tmux_socket, [self._listed[pane] for pane in panes if pane in self._listed])

    def close_hub(self) -> None:
        """End the hidden session that our own client sits in."""
        marks.close_hub(self._home.tmux_socket, self._home.id)

    def hub(self) -> str:
        """Return the name of that session, empty where no server of ours runs; raises `TerminalUnreachable`."""
        return hub_name(self._home.id) if marks.server_pid(self._home.tmux_socket) is not None else ""


def _pane(pane: MarkedPane) -> Pane:
    return Pane(
        id=pane.id,
        agent=pane.agent,
        generation=pane.generation,
        typed=0,
        session=pane.session,
        window=pane.window,
        window_id="",
        index=0,
        pid=pane.pid,
        dead=pane.dead,
        exit_code=None,
        mode=False,
        marked=True,
    )
