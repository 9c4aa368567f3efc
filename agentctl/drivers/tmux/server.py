"""The server itself: started if need be, with a hidden hub session for our client, and watched for its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence

from agentctl.domain.agent import Identity
from agentctl.domain.errors import TerminalError, TerminalUnreachable
from agentctl.drivers.readable import readable
from agentctl.drivers.tmux.invoke import SIZE, Outcome, absent, call, gone, socket_path, vanished
from agentctl.drivers.tmux.scope import in_scope

_HUB_COMMAND = ("cat", "-")  # two words: tmux would hand a single one to a shell
_RETRY_FOR = 1.0  # a server that is just being killed refuses its successor for a moment
_RETRY_EVERY = 0.05
_LOOK_EVERY = 0.25  # where the system has no pidfd


async def ensure(socket: str, hub: str, *, own: bool, deadline: float) -> None:
    """Start the server where there is none, and the hub; a running one is left as it is.

    Our own server reads no configuration of the user's.
    """
    flags = ("-f", "/dev/null") if own else ()
    size = ("-x", str(SIZE[0]), "-y", str(SIZE[1]))
    words = (*flags, "new-session", "-d", "-s", hub, "-n", "hub", *size, *_HUB_COMMAND)
    loop = asyncio.get_running_loop()
    give_up = loop.time() + _RETRY_FOR
    while True:
        outcome = await asyncio.to_thread(_start, socket, words, in_scope(hub) if own else [], deadline)
        if outcome.code == 0 or "duplicate session" in outcome.err:
            return
        if not vanished(outcome) or loop.time() > give_up:
            raise TerminalError(f"the tmux server on socket {socket} could not be started: {outcome.err.strip()}")
        await asyncio.sleep(_RETRY_EVERY)


def _start(socket: str, words: Sequence[str], scope: Sequence[str], deadline: float) -> Outcome:
    """Start the server in a *scope* of its own; where systemd refuses or hangs, without one."""
    if scope:
        with contextlib.suppress(TerminalUnreachable):
            outcome = call(socket, *words, deadline=deadline, before=scope)
            if outcome.code == 0 or "duplicate session" in outcome.err:
                return outcome
    return call(socket, *words, deadline=deadline)


async def ensure_socket(socket: str, wake: Callable[[], None]) -> None:
    """Have a living server whose socket file was deleted make it again, as tmux does on SIGUSR1 (*wake*).

    Raises `TerminalUnreachable` where it does not: a second server beside it would hide its agents for good.
    """
    path = socket_path(socket)
    if path.exists():
        return
    wake()
    loop = asyncio.get_running_loop()
    give_up = loop.time() + _RETRY_FOR
    while not path.exists():
        if loop.time() > give_up:
            raise TerminalUnreachable(f"the tmux server's socket {path} was deleted, and it does not make it again")
        await asyncio.sleep(_RETRY_EVERY)


async def ensure_hub(socket: str, hub: str, *, deadline: float) -> None:
    """Make the hub on a server that runs; raise `ServerGone` rather than start one."""
    outcome: Outcome = await asyncio.to_thread(call, socket, "has-session", "-t", f"={hub}", deadline=deadline)
    if absent(outcome) or vanished(outcome):
        raise gone(socket)
    if outcome.code:
        await ensure(socket, hub, own=False, deadline=deadline)


async def ended(server: Identity, identify: Callable[[int], Identity | None]) -> None:
    """Return when that very process is gone: at once where the system has pidfds, else within a quarter second."""
    try:
        descriptor = os.pidfd_open(server.pid)
    except (AttributeError, OSError):
        descriptor = -1
    try:
        if identify(server.pid) != server:
            return
        if descriptor >= 0:
            await readable(descriptor)
            return
        while identify(server.pid) == server:  # noqa: ASYNC110  nothing tells of the end here
            await asyncio.sleep(_LOOK_EVERY)
    finally:
        if descriptor >= 0:
            os.close(descriptor)
