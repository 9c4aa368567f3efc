"""A machine in memory: terminal, processes and clock that fit together, and a supervisor on top of it.

What tests play is the world (agents die, a person closes windows, tmux goes away) and kill -9 of the supervisor: its
tasks are cancelled wherever they stand and a new one starts on the same log.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import signal
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

from agentctl.control.home import Home
from agentctl.control.wire import MOST_BYTES, PROTOCOL, Address, pack, unpack, unpack_error
from agentctl.domain.agent import Agent, AgentState, Identity
from agentctl.domain.codec import encode
from agentctl.domain.errors import SupervisorUnreachable
from agentctl.domain.names import AgentId, agent_id
from agentctl.domain.ports import Opened, Opening
from agentctl.domain.team import AgentSpec, TeamSpec
from agentctl.drivers.clock import FakeClock
from agentctl.drivers.git.checkpoints import GitCheckpoints
from agentctl.drivers.governor_memory import MemoryGovernor
from agentctl.drivers.memory import MemoryTerminal
from agentctl.drivers.processes_memory import MemoryProcesses
from agentctl.engine.machine import Bounds
from agentctl.runners.registry import Runners
from agentctl.store.memory import MemoryLog
from agentctl.supervisor.daemon import supervise
from agentctl.supervisor.ledger import Ledger
from agentctl.supervisor.world import World


class StandingClock(FakeClock):
    """A fake clock that stands while a thread is at work, too, and when a request comes in."""

    def __init__(self) -> None:
        super().__init__()
        self.at_work: set[Future[Any]] = set()

    def stir(self) -> None:
        """Count the quiet passes of the loop anew."""
        self._quiet = 0

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.at_work:
            self.stir()
            loop.call_soon(self._watch, loop)
        else:
            super()._watch(loop)


class Threads(ThreadPoolExecutor):
    """The threads of a loop; *clock* knows when one is at work."""

    def __init__(self, clock: StandingClock) -> None:
        super().__init__()
        self._clock = clock

    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
        work = super().submit(*args, **kwargs)
        self._clock.at_work.add(work)
        work.add_done_callback(self._clock.at_work.discard)
        return work


class LinkedTerminal(MemoryTerminal):
    """A terminal whose panes are processes of the machine's table."""

    def __init__(self, processes: MemoryProcesses) -> None:
        super().__init__()
        self._processes = processes
        self.roots: dict[str, Identity] = {}
        self.fails_with: list[Exception] = []

    async def connect(self) -> None:
        await super().connect()
        server = self.server()
        assert server is not None
        if self._processes.identify(server.pid) is None:
            self._server = self._processes.start(pid=server.pid)

    async def open(self, openings: Sequence[Opening]) -> list[Opened]:
        outcome = await super().open(openings)
        by_agent = {opening.agent: opening for opening in openings}
        for opened in outcome:
            if opened.pane is not None and self._processes.identify(opened.pid) is None:
                assert opened.agent in by_agent
                self.roots[opened.pane] = self._processes.start(agent=opened.agent, subreaper=True, pid=opened.pid)
        if self.fails_with:
            raise self.fails_with.pop()
        return outcome

    async def close(self, panes: Collection[str]) -> None:  # type: ignore[override]
        for pane in panes:
            if pane in self.roots:
                self._processes.end(self.roots[pane])
        await super().close(panes)  # type: ignore[arg-type]

    async def panes(self) -> list[Any]:
        self._bury_dead()
        return await super().panes()

    def _bury_dead(self) -> None:
        for window in self._windows:
            pane = window.pane
            if pane is not None and not pane.dead and not self._processes.alive(self.roots[pane.id]):
                self.die(pane.id, 128 + signal.SIGTERM)

    def agent_ends(self, pane: str, code: int) -> None:
        self.die(pane, code)  # type: ignore[arg-type]
        self._processes.end(self.roots[pane])

    def person_closes(self, pane: str) -> None:  # type: ignore[override]
        self._processes.end(self.roots[pane])
        super().person_closes(pane)  # type: ignore[arg-type]

    def server_dies(self) -> None:
        for root in self.roots.values():
            self._processes.end(root)
        server = self.server()
        if server is not None:
            self._processes.end(server)
        super().server_dies()


class Machine:
    """One machine; the supervisor on it can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder / "home", chosen=True)
        self.home.prepare()
        self.clock = StandingClock()
        self._threads = Threads(self.clock)
        self.processes = MemoryProcesses(self.home.id)
        self.terminal = LinkedTerminal(self.processes)
        self.governor = MemoryGovernor()
        self.bounds = Bounds()
        self.log = MemoryLog(host="here", clock=self.clock.now)
        self.world = self._new_world()
        self._pids = itertools.count(100)
        self._task: asyncio.Task[None] | None = None
        self._finish = asyncio.Event()

    def spawn(self, **facts: Any) -> Identity:
        """Start a process that tmux knows nothing of; its pid lies far from those that tmux gives."""
        return self.processes.start(pid=next(self._pids), **facts)

    def _new_world(self) -> World:
        return World(
            home=self.home,
            host="here",
            clock=self.clock,
            ledger=Ledger(self.log),
            terminal=self.terminal,
            processes=self.processes,
            governor=self.governor,
            bounds=self.bounds,
            runners=Runners.load(),
            checkpoints=GitCheckpoints(self.home.git),
            environ={"PATH": "/usr/bin:/bin"},
            since=self.clock.now(),
            rng=random.Random(7),
        )

    async def start(self) -> None:
        self.world = self._new_world()
        self._finish = asyncio.Event()
        asyncio.get_running_loop().set_default_executor(self._threads)
        self._task = asyncio.create_task(supervise(self.world, asyncio.Event(), self._finish))
        await self.until(self.home.socket.exists)

    async def kill(self) -> None:
        """Kill -9: nothing of it runs on, nothing is said goodbye to."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def stop(self) -> None:
        assert self._task is not None
        self._finish.set()
        await self._task

    async def ask(self, verb: str, **args: Any) -> Any:
        """Ask as a client does, but in this loop, of which it takes a few passes: the fake clock stands meanwhile."""
        with Address(self.home.address) as address:
            try:
                reader, writer = await asyncio.open_unix_connection(address, limit=MOST_BYTES)
            except (FileNotFoundError, ConnectionRefusedError):
                raise SupervisorUnreachable("no supervisor is running") from None
        self.clock.stir()
        items: list[Any] = []
        try:
            with contextlib.suppress(ConnectionError):
                writer.write(pack({"v": PROTOCOL, "verb": verb, "args": args}))
                while line := await asyncio.wait_for(reader.readline(), 20):
                    kind, value = next(iter(unpack(line).items()))
                    if kind == "result":
                        return value | {"items": items}
                    if kind == "error":
                        raise unpack_error(value)
                    items.append(value)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        raise SupervisorUnreachable("the supervisor ended while it was answering")

    async def until(self, holds: Callable[[], bool], within: float = 10.0) -> None:
        """Wait for *holds*, in real seconds: the fake clock moves by itself meanwhile."""
        deadline = asyncio.get_running_loop().time() + within
        while not holds():
            assert asyncio.get_running_loop().time() < deadline, f"not within {within} s: {self.states()}"
            await asyncio.sleep(0.001)

    def agent(self, name: str) -> Agent:
        return self.world.ledger.fleet.agents[AgentId(name)]

    def states(self) -> dict[str, str]:
        return {name: agent.state.value for name, agent in self.world.ledger.fleet.agents.items()}

    def is_in(self, name: str, state: AgentState) -> Callable[[], bool]:
        return lambda: AgentId(name) in self.world.ledger.fleet.agents and self.agent(name).state is state

    def events(self, stream: str = "") -> list[str]:
        return [event.type for event in self.log.read(stream=stream or None)]


def team(name: str, *agents: str, folder: str = "/", **changes: Any) -> TeamSpec:
    """Return a team of plain processes."""
    specs = tuple(
        AgentSpec(
            name,
            agent,
            "server",
            "process",
            f"W-{agent}",
            index,
            folder,
            argv=("serve", agent),
            grace=timedelta(seconds=2),
            **changes,
        )
        for index, agent in enumerate(agents)
    )
    return TeamSpec(name, specs, f"Task-{name}")


def request(spec: TeamSpec, **args: Any) -> dict[str, Any]:
    """Return the arguments of a deploy."""
    return {"team": encode(spec), "environment": {"PATH": "/usr/bin:/bin"}, "timeout": 60.0, **args}


__all__ = ["Machine", "agent_id", "request", "team"]
