"""The bell: of the agents' windows, which tmux then flags; where they have none that lives, of attached terminals."""

from __future__ import annotations

from agentctl.domain.errors import TerminalError, Unreachable
from agentctl.domain.notice import Notification
from agentctl.domain.ports import Terminal
from agentctl.drivers.notify.terminals import write_to_all


class Bell:
    """A `Notifier` that rings."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    async def tell(self, note: Notification, to: str = "") -> str:
        """Ring, and say where."""
        del to
        rung = 0
        for pane in note.panes:
            try:
                rung += await self._terminal.ring(pane)
            except TerminalError:  # it went away meanwhile
                continue
        if rung:
            viewers = len(await self._terminal.viewers())
            return f"rang in {_count(rung, 'window')}; {_count(viewers, 'terminal')} attached"
        written, seen = await write_to_all(self._terminal, lambda _: b"\a")
        if not written:
            raise Unreachable("no agent's window and no attached terminal could be rung")
        return f"rang in {written} of {_count(seen, 'attached terminal')}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
