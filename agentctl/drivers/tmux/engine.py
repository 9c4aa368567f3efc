"""The two ways to speak to a tmux server have one small face: a batch of command lines in, a reply for each out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Reply:
    """What one command line brought."""

    ok: bool
    lines: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Return the lines as one text."""
        return "\n".join(self.lines)


class Engine(Protocol):
    """A connection to one server."""

    async def start(self) -> None:
        """Connect to a running server; raise `ServerGone` or `TerminalUnreachable`."""
        ...

    async def run(self, commands: Sequence[str]) -> list[Reply]:
        """Carry out *commands* in order, each one line, and return a reply for each.

        A command that fails does not keep the others from running. Raises `ServerGone` where there is no server, and
        `TerminalUnreachable` where no answer came in time: the commands may then run later, or never.
        """
        ...

    async def watch(self, value: str) -> bool:
        """Have the server tell when a format is another; False where whoever wants to know has to ask."""
        ...

    def lost(self) -> bool:
        """Tell whether the connection is over, so that another must be made."""
        ...

    async def stop(self) -> None:
        """Let go of the server."""
        ...
