"""What a tree of processes has used, read from /proc alone: nothing is taken from what agentctl says of itself.

The sum over a tree of every member's own clock and of the time of the children that it reaped is a state of the tree:
a child that lived and died between two looks stands in its parent's reaped time, and in nothing else. Only a look
during which nobody died adds up, so a look is taken again where somebody has vanished.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MOST_LOOKS = 5
_ROUNDING = 0.05
"""Seconds that a death may seem to lose: clocks are exact, and reaped time comes in ticks of 10 ms."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One process at one moment."""

    pid: int
    parent: int
    state: str
    own: float
    """Seconds by its own clock."""
    reaped: float
    """Seconds of the children that it has waited for."""
    name: str


def see(pid: int) -> Seen | None:
    """Return what /proc says of *pid*, None where it is gone."""
    try:
        head, _, rest = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")
    except OSError:
        return None
    fields = rest.split()
    ticks = [int(fields[place]) / _TICKS for place in (11, 12, 13, 14)]
    return Seen(
        pid, int(fields[1]), fields[0], _clock(pid, ticks[0] + ticks[1]), ticks[2] + ticks[3], head.partition("(")[2]
    )


def _clock(pid: int, fallback: float) -> float:
    """Return what the clock of process *pid* shows: nanoseconds, where /proc has ticks of 10 ms."""
    try:
        return time.clock_gettime_ns((~pid << 3) | 2) / 1e9
    except OSError:
        return fallback


def cpu(pid: int) -> float:
    """Return the seconds that *pid* itself has used; 0 where it is gone."""
    seen = see(pid)
    return seen.own if seen is not None else 0.0


def tree(root: int) -> dict[int, Seen]:
    """Return *root* and all that descend from it as they are now, parents first."""
    found: dict[int, Seen] = {}
    waiting = [root]
    for pid in waiting:  # grows meanwhile
        seen = see(pid)
        if seen is not None and pid not in found:
            found[pid] = seen
            waiting += _children(pid)
    return found


def _children(pid: int) -> list[int]:
    """Return the children of all threads of *pid*."""
    try:
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


class Meter:
    """Adds up what a tree has used since it was first looked at; the sum never goes back."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._before: set[int] = set()
        self._counted = self._lost = 0.0
        """What the members showed last, and what some took with them that nobody in the tree has waited for."""

    def read(self) -> float:
        """Return the seconds that all members show, of a look during which nobody died, where there is one."""
        members = tree(self._root)
        for _ in range(_MOST_LOOKS):
            missed = [seen for pid in self._before - members.keys() if (seen := see(pid)) is not None]
            if not missed and self._before <= members.keys() and all(Path(f"/proc/{pid}").exists() for pid in members):
                break
            self._before &= members.keys() | {seen.pid for seen in missed}
            # the kernel's list of children may leave one out while another ends
            members = tree(self._root) | {seen.pid: seen for seen in missed if seen.parent in members}
        self._before = set(members)
        counted = sum(seen.own + seen.reaped for seen in members.values())
        self._lost += max(0.0, self._counted - counted - _ROUNDING)
        self._counted = counted
        return counted + self._lost


def grid(start: float, seconds: float, step: float = 1.0) -> Iterator[float]:
    """Wait for each moment of an absolute grid, and yield when it really was."""
    for number in range(round(seconds / step) + 1):
        time.sleep(max(0.0, start + number * step - time.monotonic()))
        yield time.monotonic()


def machine() -> float:
    """Return the CPU seconds of all processes of the machine."""
    user, nice, system, _, _, irq, softirq, *_ = (
        int(field) / _TICKS for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    return user + nice + system + irq + softirq


def rss_bytes(pids: Collection[int]) -> int:
    """Return what *pids* hold, pages that they share counted for each."""
    total = 0
    for pid in pids:
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
        except OSError:
            continue
    return total
