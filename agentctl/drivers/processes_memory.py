"""Processes that are only told of: for dry runs and for tests that own their world."""

from __future__ import annotations

import signal
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agentctl.domain.agent import Identity
from agentctl.domain.errors import Unreachable
from agentctl.domain.names import AgentId

if TYPE_CHECKING:
    from asyncio import Future

_BOOT = "memory"
_INIT = 1
_ENDING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL})


@dataclass(slots=True)
class _Process:
    identity: Identity
    parent: int
    agent: AgentId | None
    home: str
    ignores: frozenset[int]
    subreaper: bool
    stopped: bool = False
    pending: list[int] = field(default_factory=list)


class MemoryProcesses:
    """A process table that does what it is told: the fake of `Processes`, and what a test needs to play the world."""

    def __init__(self, home_id: str = "memory") -> None:
        self._home = home_id
        self._table: dict[int, _Process] = {}
        self._seen: dict[AgentId, set[Identity]] = {}
        self._waiting: dict[Identity, list[Future[None]]] = {}
        self._pid = _INIT
        self._ticks = 0
        self.received: list[tuple[Identity, int]] = []
        """Every signal that reached a process, in order."""
        self.ports: dict[int, Identity] = {}
        """Who listens on which local TCP port."""
        self.unreachable = False
        """True: the table cannot be read, as when `/proc` is gone."""

    # --- what a test plays

    def start(
        self,
        *,
        parent: Identity | None = None,
        agent: AgentId | None = None,
        home: str | None = None,
        ignores: Collection[int] = (),
        subreaper: bool = False,
        pid: int | None = None,
    ) -> Identity:
        """Start a process; it has its parent's mark unless *agent* gives it one of its own (in *home*, else ours)."""
        above = self._table.get(parent.pid) if parent else None
        if agent is None and above is not None:
            agent, home = above.agent, above.home
        self._pid = self._pid + 1 if pid is None else max(pid, self._pid)
        self._ticks += 1
        identity = Identity(_BOOT, self._pid if pid is None else pid, self._ticks)
        self._table[identity.pid] = _Process(
            identity, above.identity.pid if above else _INIT, agent, home or self._home, frozenset(ignores), subreaper
        )
        return identity

    def end(self, process: Identity) -> None:
        """End a process by itself; its children go to the nearest subreaper above it, else to init."""
        ended = self._find(process)
        if ended is None:
            return
        del self._table[process.pid]
        reaper = self._reaper(ended.parent)
        for child in self._table.values():
            if child.parent == process.pid:
                child.parent = reaper
        for waiting in self._waiting.pop(process, []):
            if not waiting.done():
                waiting.set_result(None)

    def is_stopped(self, process: Identity) -> bool:
        """Tell whether a process stands still."""
        found = self._find(process)
        return found is not None and found.stopped

    def clear_environment(self, process: Identity) -> None:
        """Take the mark from a process, as when it starts another program with an empty environment."""
        self._table[process.pid].agent = None

    # --- the port

    def identify(self, pid: int) -> Identity | None:
        """Return the identity of the process that has *pid* now, None where there is none."""
        found = self._now().get(pid)
        return found.identity if found else None

    def alive(self, process: Identity) -> bool:
        """Tell whether that very process still runs."""
        self._now()
        return self._find(process) is not None

    def tree(self, agent: AgentId, root: Identity | None) -> list[Identity]:
        """Return every process of *agent*, parents before children."""
        return self.trees({agent: root})[agent]

    def trees(self, roots: Mapping[AgentId, Identity | None]) -> dict[AgentId, list[Identity]]:
        """Return every process of every agent in *roots*."""
        return {agent: [found.identity for found in self._members(agent, root)] for agent, root in roots.items()}

    def spare(self, process: Identity) -> None:
        """Do nothing: no server of a terminal is in this table."""

    def marked(self, home: str) -> dict[AgentId, list[Identity]]:
        """Return every process that carries an agent's mark of *home*, by agent."""
        found: dict[AgentId, list[Identity]] = {}
        for process in self._now().values():
            if process.agent is not None and process.home == home:
                found.setdefault(process.agent, []).append(process.identity)
        return found

    def signal(self, processes: Collection[Identity], number: int) -> int:
        """Send signal *number* to those that are still the same process; return how many got it."""
        return sum(self._deliver(process, number) for process in processes)

    def ancestors(self, pid: int) -> list[int]:
        """Return *pid* and its parents up to 1; empty where the process is gone."""
        table = self._now()
        line = []
        while pid in table:
            line.append(pid)
            pid = table[pid].parent
        return [*line, _INIT] if line else []

    def listener(self, port: int) -> Identity | None:
        """Return the process that a test has put behind *port*."""
        return self.ports.get(port)

    async def ended(self, process: Identity) -> None:
        """Return as soon as *process* has ended."""
        import asyncio  # noqa: PLC0415  only where somebody waits

        if self._find(process) is not None:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(process, []).append(waiting)
            await waiting

    # --- inside

    def _now(self) -> dict[int, _Process]:
        if self.unreachable:
            raise Unreachable("the process table cannot be read")
        return self._table

    def _find(self, process: Identity) -> _Process | None:
        found = self._table.get(process.pid)
        return found if found is not None and found.identity == process else None

    def _reaper(self, pid: int) -> int:
        while pid in self._table and not self._table[pid].subreaper:
            pid = self._table[pid].parent
        return pid if pid in self._table else _INIT

    def _members(self, agent: AgentId, root: Identity | None) -> Iterator[_Process]:
        table = self._now()
        seen = self._seen.setdefault(agent, set())
        pids = {
            one.identity.pid
            for one in table.values()
            if (one.agent == agent and one.home == self._home) or one.identity in seen or one.identity == root
        }
        for process in sorted(table.values(), key=lambda one: one.identity.start_ticks):
            if process.identity.pid in pids or process.parent in pids:
                pids.add(process.identity.pid)
                seen.add(process.identity)
                yield process

    def _deliver(self, process: Identity, number: int) -> bool:
        found = self._find(process)
        if found is None:
            return False
        self.received.append((process, number))
        if number == signal.SIGSTOP:
            found.stopped = True
        elif number == signal.SIGCONT:
            found.stopped = False
            pending, found.pending = found.pending, []
            for one in pending:
                self._act(found, one)
        elif found.stopped and number != signal.SIGKILL:
            found.pending.append(number)
        else:
            self._act(found, number)
        return True

    def _act(self, found: _Process, number: int) -> None:
        if number == signal.SIGKILL or (number in _ENDING and number not in found.ignores):
            self.end(found.identity)
