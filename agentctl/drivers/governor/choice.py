"""Choosing how to hold a tree: the surest level that works on it here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from agentctl.domain.resources import Leash, Level
from agentctl.drivers.governor import cgroups
from agentctl.drivers.governor.levels import Freezer, Hold, Nice, Quota, Signals, Watch
from agentctl.drivers.governor.tree import Tree

_TASKS_A_PROCESS = 4
"""The kernel counts threads, a person counts processes: a node program has eleven threads."""


def kernel_limits(leash: Leash) -> tuple[int | None, int | None]:
    """Return memory in bytes and tasks as the kernel is to hold them."""
    tasks = None if leash.processes is None else leash.processes * _TASKS_A_PROCESS
    return leash.memory_bytes if leash.memory_brake else None, tasks


class Means:
    """What there is to hold with."""

    def __init__(self, home_id: str, surest: Level, tell_base: Callable[[Path], None]) -> None:
        """Look for a cgroup for agents' groups; no level above *surest* is used, and *tell_base* hears of each base."""
        self.surest = surest
        self.base: Path | None = None
        self._home_id = home_id
        self._tell_base = tell_base
        self._asked: set[int] = set()
        self._take(cgroups.make_base(home_id))

    def settle(self, servers: Iterable[int]) -> None:
        """Take the scope of the terminal's server, where it has one of ours, for agents that are yet to come."""
        for pid in set(servers) - self._asked:
            self._asked.add(pid)
            scope = cgroups.scope_of(pid)
            if scope is not None:
                self._take(cgroups.make_base(self._home_id, scope))

    def close(self) -> None:
        """Leave nothing behind that is empty."""
        if self.base is not None:
            cgroups.clear(self.base)

    def _take(self, base: Path | None) -> None:
        if base is None:
            return
        self._tell_base(base)
        cgroups.sweep(base)
        self.base = base


def levels(means: Means) -> list[Level]:
    """Return the levels to be tried on this machine, the surest first, down to watching."""
    base, order = means.base, list(Level)
    able = {Level.QUOTA: base is not None and cgroups.has_below(base, "cpu"), Level.FREEZER: base is not None}
    wanted = order[order.index(means.surest) :]
    return [level for level in wanted if able.get(level, True)]


def choose(
    tree: Tree, leash: Leash, base: Path | None, wanted: list[Level], discover: Callable[[], bool]
) -> Iterator[Hold]:
    """Yield holds for *tree*, the surest first; who finds that one does not work takes the next."""
    for level in wanted:
        try:
            match level:
                case Level.QUOTA if base is not None:
                    yield Quota(tree, base, kernel_limits(leash), discover)
                case Level.FREEZER if base is not None:
                    yield Freezer(tree, base, kernel_limits(leash), discover)
                case Level.SIGNALS:
                    yield Signals(tree, discover)
                case Level.NICE:
                    yield Nice(tree)
                case _:
                    yield Watch(tree)
        except OSError:  # this tree cannot be put into a group
            continue
