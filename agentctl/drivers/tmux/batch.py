"""The fall-back without a persistent client: one `tmux source-file -` a batch.

A chain `command ; display-message` stops at the first error, so a mark after each command tells whether it worked, and
one on a line of its own tells where its output ends. Error texts come on stderr, one for each command that failed.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence

from agentctl.drivers.tmux.engine import Reply
from agentctl.drivers.tmux.invoke import Outcome, ServerVanished, absent, call, gone, vanished


class BatchEngine:
    """A process of its own for each batch."""

    def __init__(self, socket: str, *, deadline: float) -> None:
        self._socket = socket
        self._deadline = deadline

    async def start(self) -> None:
        """Ask the server for a sign of life."""
        await self.run([])

    async def watch(self, value: str) -> bool:
        """Say no: the server has nobody to tell."""
        del value
        return False

    def lost(self) -> bool:
        """Say no: there is no connection to lose."""
        return False

    async def stop(self) -> None:
        """Do nothing: there is no connection to end."""

    async def run(self, commands: Sequence[str]) -> list[Reply]:
        """Carry out *commands* in one process (see `Engine.run`)."""
        word = secrets.token_hex(8)
        script = "".join(
            f"{text} ; display-message -p {word}+{number}\ndisplay-message -p {word}={number}\n"
            for number, text in enumerate(commands)
        )
        script += f"display-message -p {word}.\n"
        outcome = await asyncio.to_thread(call, self._socket, "source-file", "-", deadline=self._deadline, stdin=script)
        if absent(outcome):
            raise gone(self._socket)
        if vanished(outcome) or (f"{word}." not in outcome.out and outcome.code and not outcome.err):
            raise ServerVanished(f"the tmux server on socket {self._socket} went away")
        return _replies(outcome, word, len(commands))


def _replies(outcome: Outcome, word: str, count: int) -> list[Reply]:
    """Cut the output at the marks; a command without its mark failed."""
    replies: list[Reply] = []
    lines: list[str] = []
    ok = False
    errors = iter(outcome.err.split("\n"))
    for text in outcome.out.split("\n")[:-1] if count else ():
        if text == f"{word}+{len(replies)}":
            ok = True
        elif text == f"{word}={len(replies)}":
            replies.append(Reply(ok, tuple(lines) if ok else (*lines, next(errors, "failed"))))
            lines, ok = [], False
        else:
            lines.append(text)
    # Where tmux could not parse the script nothing ran, and its words say why.
    missing = [Reply(ok=False, lines=(outcome.err.strip() or "failed",))] * (count - len(replies))
    return replies + missing
