"""The port `Processes` on this machine."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from agentctl.domain.agent import Identity
from agentctl.domain.names import AgentId
from agentctl.domain.ports import Clock
from agentctl.drivers.processes import handles
from agentctl.drivers.processes.marks import MarkReader, find_mark
from agentctl.drivers.processes.membership import Memory, find_strangers, group_children, sort_down, walk_down
from agentctl.drivers.processes.source import open_source
from agentctl.drivers.processes.table import Entry, Source, Table

_POLL_SECONDS = 0.25  # where the system cannot say that a process has ended
_MOST_CLIMBS = 3


class _Pass(NamedTuple):
    table: Table
    children: dict[int, list[int]]
    strangers: set[int]
    carriers: dict[AgentId, list[int]]
    """Who carries each agent's mark of this home."""


class SystemProcesses:
    """This machine's processes, as seen from the state folder with the id *home_id*.

    *clock* paces the waiting for an end where the system cannot tell of one. Every look at all processes is one pass
    over the table; a failed one raises `Unreachable`, a process that vanishes meanwhile is just not in it.
    """

    def __init__(self, home_id: str, *, clock: Clock | None = None, source: Source | None = None) -> None:
        self._home = home_id
        self._clock = clock
        self._source = source or open_source()
        self._reader = MarkReader(self._source)
        self._memory = Memory()
        self._spared: set[Identity] = set()

    @property
    def source(self) -> Source:
        """Return the process table that all looks go to."""
        return self._source

    @property
    def home_id(self) -> str:
        """Return the id of the state folder whose marks count."""
        return self._home

    def identify(self, pid: int) -> Identity | None:
        """Return the identity of the process that has *pid* now, None where there is none."""
        entry = self._source.entry(pid) if pid > 0 else None
        if entry is None or (handles.have_pidfds() and handles.is_thread(pid)):
            return None
        return Identity(self._source.boot, pid, entry.start_ticks)

    def alive(self, process: Identity) -> bool:
        """Tell whether that very process still runs; a zombie does not."""
        if process.boot != self._source.boot or process.pid <= 0:
            return False
        entry = self._source.entry(process.pid)
        return entry is not None and entry.start_ticks == process.start_ticks and not entry.ended

    def tree(self, agent: AgentId, root: Identity | None) -> list[Identity]:
        """Return every process of *agent*, parents before children: see `trees`."""
        return self.trees({agent: root})[agent]

    def trees(self, roots: Mapping[AgentId, Identity | None]) -> dict[AgentId, list[Identity]]:
        """Return every process of every agent in *roots*, from one pass.

        An agent's are its root, all with its mark, all that were its before, and what descends from any of them. This
        process, the home's supervisor and what is spared are nobody's.
        """
        now = self._look()
        trees = {}
        for agent, root in roots.items():
            pids = sort_down(now.table, walk_down(now.children, self._seeds(agent, root, now), now.strangers))
            trees[agent] = [self._identity(now.table, pid) for pid in pids if not now.table[pid].ended]
            self.remember(agent, trees[agent])
        return trees

    def remember(self, agent: AgentId, processes: Iterable[Identity]) -> None:
        """Count these *processes* as the agent's for as long as they live, whatever they do to their environment."""
        self._memory.keep(agent, {one.pid: one.start_ticks for one in processes if one.boot == self._source.boot})

    def spare(self, process: Identity) -> None:
        """Never count *process*, nor what hangs below it, as any agent's for standing below one: the terminal's server.

        An agent's own root and all with its mark stay its, wherever they hang.
        """
        self._spared.add(process)

    def marked(self, home: str) -> dict[AgentId, list[Identity]]:
        """Return every process that carries an agent's mark of the state folder with the id *home*, by agent."""
        now = self._look(home)
        found = {}
        for agent, pids in now.carriers.items():
            running = [pid for pid in pids if pid not in now.strangers and not now.table[pid].ended]
            if running:
                found[agent] = [self._identity(now.table, pid) for pid in running]
        return found

    def members(self, roots: Mapping[AgentId, Identity]) -> dict[AgentId, list[Entry]]:
        """Return the processes of each tree, parents before children; where trees stand in others, each its own."""
        now = self._look()
        tops = {root.pid for root in roots.values()}
        taken = set(now.strangers)
        members = {}
        for agent, root in roots.items():
            pids = walk_down(now.children, self._seeds(agent, root, now), taken | (tops - {root.pid}))
            taken.update(pids)
            members[agent] = [now.table[pid] for pid in sort_down(now.table, pids)]
            self._memory.keep(agent, {entry.pid: entry.start_ticks for entry in members[agent]})
        return members

    def signal(self, processes: Collection[Identity], number: int) -> int:
        """Send signal *number* to those that are still the same process; return how many got it."""
        return sum(handles.send(self._source, process, number) for process in processes)

    def ancestors(self, pid: int) -> list[int]:
        """Return *pid* and its parents up to 1; empty where the process is gone."""
        for _ in range(_MOST_CLIMBS):
            line: list[int] = []
            entry = self._source.entry(pid) if pid > 0 else None
            while entry is not None:
                line.append(entry.pid)
                if entry.parent <= 0 or entry.parent in line:
                    return line
                entry = self._source.entry(entry.parent)
            # A parent ended on the way up: its child has another by now.
        return []

    def listener(self, port: int) -> Identity | None:
        """Return the process that listens on the local TCP *port*, None where there is none or it cannot be told."""
        from agentctl.drivers.processes.listeners import listening  # noqa: PLC0415  psutil, once a start

        pid = listening(port)
        return self.identify(pid) if pid is not None else None

    async def ended(self, process: Identity) -> None:
        """Return as soon as *process* has ended: told by its pidfd, else by asking four times a second."""
        if handles.have_pidfds():
            from agentctl.drivers.readable import readable  # noqa: PLC0415  an emergency does without asyncio

            with handles.hold(self._source, process) as descriptor:
                if descriptor is not None:
                    await readable(descriptor)
            return
        clock = self._clock or _system_clock()
        while self.alive(process):
            await clock.sleep(_POLL_SECONDS)

    def command(self, process: Identity) -> str:
        """Return its command line, not cleaned; empty where it is gone."""
        return self._source.command(process.pid) if self.alive(process) else ""

    def attendants(self) -> list[Identity]:
        """Return what runs for this home's supervisor: itself, its governor, the governor's guardian."""
        now = self._look()
        marks = self._reader.read(now.table)
        own = [pid for pid, mark in marks.items() if mark.supervisor and mark.home == self._home]
        return [self._identity(now.table, pid) for pid in own if pid != os.getpid() and not now.table[pid].ended]

    def is_supervisor(self, process: Identity) -> bool:
        """Tell whether that very process runs and carries the mark of this home's supervisor."""
        mark = find_mark(self._source.environment(process.pid))
        return mark is not None and mark.supervisor and mark.home == self._home and self.alive(process)

    def _look(self, home: str = "") -> _Pass:
        home = home or self._home
        table = self._source.table()
        marks = self._reader.read(table)
        children = group_children(table)
        self._spared = {one for one in self._spared if _is_listed(one, table)}
        spared = {one.pid for one in self._spared}
        strangers = find_strangers(table, marks, children, home, spared)
        carriers: dict[AgentId, list[int]] = {}
        for pid, mark in marks.items():
            if mark.agent is not None and mark.home == home:
                carriers.setdefault(mark.agent, []).append(pid)
        return _Pass(table, children, strangers, carriers)

    def _seeds(self, agent: AgentId, root: Identity | None, now: _Pass) -> list[int]:
        seeds = self._memory.recall(agent, now.table) + now.carriers.get(agent, [])
        if root is not None and root.boot == self._source.boot and _is_listed(root, now.table):
            seeds.append(root.pid)
        return seeds

    def _identity(self, table: Table, pid: int) -> Identity:
        return Identity(self._source.boot, pid, table[pid].start_ticks)


def _is_listed(process: Identity, table: Table) -> bool:
    return process.pid in table and table[process.pid].start_ticks == process.start_ticks


def _system_clock() -> Clock:
    from agentctl.drivers.clock import SystemClock  # noqa: PLC0415  only where pidfds are missing

    return SystemClock()
