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
from collections.abc import Iterable, Sequence
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

_PIPE_BYTES = 4096
_AGAIN_SECONDS = 0.05
"""Between two rounds while a governor that hangs may stop more."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What the governor shares with its guardian."""

    table: FrozenTable
    pipe: int
    """Says by closing that the governor is gone."""

    def arm(self) -> None:
        """Have the guardian watch the heart from now on."""
        self.table.armed = True
        os.write(self.pipe, b"\n")

    def tell_base(self, base: Path) -> None:
        """Have the guardian thaw the groups below *base* too."""
        os.write(self.pipe, os.fsencode(base) + b"\n")


def fork_guardian(source: Source, table: FrozenTable, supervisor: int | None) -> Guard:
    """Start the guardian of this process; *supervisor* is a pidfd."""
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
        _guard(_Ward(source, table), theirs, supervisor)
    finally:
        os._exit(0)


def release(source: Source, frozen: Sequence[Identity], bases: Iterable[Path]) -> int:
    """Continue all *frozen*, children before parents, and thaw every group below *bases*; return how many ran on."""
    for base in bases:
        for group in cgroups.groups(base):
            cgroups.thaw(group)
    return sum(handles.send(source, one, signal.SIGCONT) for one in reversed(frozen))


class _Ward:
    """What the guardian looks after."""

    def __init__(self, source: Source, table: FrozenTable) -> None:
        self.source = source
        self.table = table
        self.bases: set[Path] = set()
        self._buffer = b""

    def release(self) -> None:
        """Let everything run."""
        release(self.source, self.table.listed(self.source.boot), self.bases)

    def hear(self, data: bytes) -> None:
        """Take in what the governor told: where groups lie."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        self.bases.update(Path(os.fsdecode(line)) for line in lines if line)


def _guard(ward: _Ward, pipe: int, supervisor: int | None) -> None:
    """Wait until governor or supervisor have ended; meanwhile mind that the governor's heart beats."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    if supervisor is not None:
        poll.register(supervisor, select.POLLIN)
    beats, gone, orphaned = -1, False, False
    while not gone and not orphaned:
        ready = {descriptor for descriptor, _ in poll.poll(1000 * HANGS_AFTER if ward.table.armed else None)}
        gone, orphaned = pipe in ready and _hears_the_end(ward, pipe), supervisor in ready
        if not ready and ward.table.beats == beats:
            ward.release()
        beats = ward.table.beats
    while not gone:  # the supervisor has ended and its governor has not: it may hang, and may still stop something
        ward.release()
        gone = _closes(ward, pipe, _AGAIN_SECONDS)
    ward.release()


def _hears_the_end(ward: _Ward, pipe: int) -> bool:
    """Take in what came through the pipe; tell whether it is closed."""
    data = os.read(pipe, _PIPE_BYTES)
    ward.hear(data)
    return not data


def _closes(ward: _Ward, pipe: int, within: float) -> bool:
    """Tell whether the pipe is closed *within* seconds."""
    readable, _, _ = select.select([pipe], [], [], within)
    return bool(readable) and _hears_the_end(ward, pipe)


def _close_all_but(kept: set[int]) -> None:
    """Let go of everything inherited: a socket or a lock held here would seem to be in use."""
    most = os.sysconf("SC_OPEN_MAX")
    names = os.listdir("/dev/fd") if os.path.isdir("/dev/fd") else map(str, range(3, min(most, 4096)))  # noqa: PTH112, PTH208
    for descriptor in sorted(int(name) for name in names):
        if descriptor not in kept:
            with contextlib.suppress(OSError):
                os.close(descriptor)
