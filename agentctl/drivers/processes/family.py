"""A command that we run for ourselves, with all it starts: found by descent, and by a mark of its own."""

from __future__ import annotations

import signal

from agentctl.domain.agent import Identity
from agentctl.drivers.processes import handles
from agentctl.drivers.processes.membership import group_children, walk_down
from agentctl.drivers.processes.source import open_source

_MOST_ROUNDS = 3


class Family:
    """The process *pid*, started by us just now with *mark* (`NAME=value`) in its environment, and its descendants."""

    def __init__(self, pid: int, mark: str) -> None:
        self._source = open_source()
        entry = self._source.entry(pid)
        self._root = Identity(self._source.boot, pid, entry.start_ticks) if entry is not None else None
        self._mark = mark.encode()

    def kill(self) -> None:
        """Kill them all; look again for what they started meanwhile."""
        for _ in range(_MOST_ROUNDS):
            members = self._find()
            if not members:
                return
            for member in members:
                handles.send(self._source, member, signal.SIGKILL)

    def _find(self) -> list[Identity]:
        table = self._source.table()
        marked = [pid for pid in table if self._mark in self._source.environment(pid).split(b"\0")]
        if self._root is not None and handles.is_current(self._source, self._root):
            marked.append(self._root.pid)
        found = walk_down(group_children(table), marked, ())
        return [Identity(self._source.boot, pid, table[pid].start_ticks) for pid in found if not table[pid].ended]
