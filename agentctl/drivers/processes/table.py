"""The process table as one pass saw it, and what a system must be able to tell about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

_SESSION = 3  # of `Entry.numbers`, where they are those of proc_pid_stat(5) from the state on


class Entry(NamedTuple):
    """One line of the process table; a tuple because a pass makes hundreds."""

    pid: int
    parent: int
    start_ticks: int
    ended: bool
    """A zombie: it is listed until its parent has read its exit code."""
    program: object
    """Differs after each exec where the system tells, so that an environment need not be read twice."""
    numbers: Sequence[bytes | float]
    """The source's own: what `Source.spent` works from."""

    @property
    def session(self) -> int:
        """Return the pid of its session's leader, 0 where the source does not tell."""
        return int(self.numbers[_SESSION]) if len(self.numbers) > _SESSION else 0


Table = Mapping[int, Entry]


class Spent(NamedTuple):
    """What one process has used by itself, and what the children it has waited for had used."""

    own_seconds: float
    reaped_seconds: float
    memory_bytes: int


class Source(Protocol):
    """One system's process table."""

    boot: str

    def table(self) -> Table:
        """Return all processes from one pass; raise `Unreachable` where the pass as a whole failed."""
        ...

    def entry(self, pid: int) -> Entry | None:
        """Return one process, None where there is none."""
        ...

    def environment(self, pid: int) -> bytes:
        """Return the environment it was started with as NUL-ended strings; empty where that is not ours to read."""
        ...

    def command(self, pid: int) -> str:
        """Return its command line for a person, empty where it is gone."""
        ...

    def spent(self, entry: Entry) -> Spent | None:
        """Return what the process of *entry* has used; None where it is gone."""
        ...
