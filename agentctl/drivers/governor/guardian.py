"""The guardian: a small process that outlives governor and supervisor and continues all that they left stopped.

It sleeps on a pipe from the governor and on the supervisor's end. Whichever of them dies, of whatever signal, it
continues everything in the table within milliseconds. While something stands still it also watches the governor's
heart: one that hangs is treated like one that died.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from dataclasses import dataclass
from pathlib import Path

from agentctl.domain.agent import Identity
from agentctl.drivers.governor import cgroups
from agentctl.drivers.governor.frozen import FrozenTable
from agentctl.drivers.governor.title import set_title
from agentctl.drivers.processes import handles
from agentctl.drivers.processes.table import Source

HANGS_AFTER = 0.6
"""Seconds without a heartbeat; the governor's beats every tenth of a second while something stands still."""

_AGAIN_SECONDS = 0.05
"""Between two rounds while a governor that hangs may stop more."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What the governor shares with its guardian."""

    table: FrozenTable
    pipe: int
    """Says by closing that the governor is gone; a byte in it has the guardian watch the heart."""


def fork_guardian(source: Source, table: FrozenTable, base: Path | None, supervisor: int | None) -> Guard:
    """Start the guardian of this process.

    *base* is the cgroup below which agents' groups lie, *supervisor* a pidfd.
    """
    theirs, ours = os.pipe()
    if os.fork():
        os.close(theirs)
        return Guard(table, ours)
    os.close(ours)
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        set_title("agentctl-guard")
        _close_all_but({theirs, *([supervisor] if supervisor is not None else [])})
        _guard(source, table, base, theirs, supervisor)
    finally:
        os._exit(0)


def release(source: Source, frozen: list[Identity], base: Path | None) -> int:
    """Continue everything in *frozen*, children before parents, and thaw every group below *base*; how many ran on."""
    if base is not None:
        for group in cgroups.groups(base):
            with contextlib.suppress(OSError):
                cgroups.thaw(group)
    return sum(handles.send(source, one, signal.SIGCONT) for one in reversed(frozen))


def _guard(source: Source, table: FrozenTable, base: Path | None, pipe: int, supervisor: int | None) -> None:
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    if supervisor is not None:
        poll.register(supervisor, select.POLLIN)
    beats = -1
    while True:
        ready = {descriptor for descriptor, _ in poll.poll(1000 * HANGS_AFTER if table.armed else None)}
        gone = pipe in ready and not os.read(pipe, 64)
        if gone or supervisor in ready:
            break
        if not ready and table.armed:
            if table.beats == beats:
                release(source, table.listed(source.boot), base)
            beats = table.beats
    while not gone:  # the supervisor has ended and its governor has not: it may hang, and may still stop something
        release(source, table.listed(source.boot), base)
        gone = _closes(pipe, _AGAIN_SECONDS)
    release(source, table.listed(source.boot), base)


def _closes(pipe: int, within: float) -> bool:
    """Tell whether the pipe is closed *within* seconds."""
    readable, _, _ = select.select([pipe], [], [], within)
    return bool(readable) and not os.read(pipe, 64)


def _close_all_but(kept: set[int]) -> None:
    """Let go of everything inherited: a socket or a lock held here would seem to be in use."""
    most = os.sysconf("SC_OPEN_MAX")
    names = os.listdir("/dev/fd") if os.path.isdir("/dev/fd") else map(str, range(3, min(most, 4096)))  # noqa: PTH112, PTH208
    for descriptor in sorted(int(name) for name in names):
        if descriptor not in kept:
            with contextlib.suppress(OSError):
                os.close(descriptor)
