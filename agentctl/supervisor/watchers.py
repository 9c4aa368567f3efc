"""Watchers: what is waited for while an agent lives: its end, its readiness, its health.

One task each, kept in step with the fleet.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any

from agentctl.domain.agent import ALIVE, Agent, AgentState
from agentctl.domain.errors import AgentctlError, Unreachable
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.names import AgentId
from agentctl.domain.team import AgentSpec, Probe
from agentctl.domain.text import safe_text
from agentctl.domain.units import format_duration
from agentctl.drivers.launch import begins_in, own_words
from agentctl.drivers.probes import Answer, ask
from agentctl.runners.runner import Ready
from agentctl.supervisor import crash
from agentctl.supervisor.senses import Senses
from agentctl.supervisor.world import World

log = logging.getLogger(__name__)

_FIRST_PAUSE = 0.05
"""Seconds between the first two questions whether an agent is ready."""

_AGAIN = 2.0
"""Seconds before a watch that failed is begun anew."""

_LOOK_AT_SCREEN = timedelta(milliseconds=250)
_LOOK_FOR_COMPOSER = timedelta(milliseconds=100)
_OUTPUT_LINES = 500

_READY_WITHIN = timedelta(seconds=60)
"""How long an agent without a readiness probe of its own may take; a coding agent's slowest start is 13 s."""

Key = tuple[AgentId, int, str]


class Watchers:
    """The tasks that turn waiting into events; `sync` starts and ends them as the fleet changes."""

    def __init__(self, world: World, senses: Senses, wake: asyncio.Event) -> None:
        self._world = world
        self._senses = senses
        self._wake = wake
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._noes: dict[AgentId, str] = {}
        """What the last answer was to the question whether an agent is ready."""
        self._begun: dict[AgentId, int] = {}
        """The generation whose first line was seen once: all that is shown later on is its own."""

    async def run(self) -> None:
        """Keep the tasks in step with the fleet until cancelled."""
        try:
            while True:
                self.sync()
                await self._world.ledger.changed()
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def sync(self) -> None:
        """Start the tasks that are missing and cancel those whose agent has moved on."""
        wanted = dict(self._wanted())
        for key in [key for key in self._tasks if key not in wanted]:
            self._tasks.pop(key).cancel()
        for key, make in wanted.items():
            if key not in self._tasks:
                self._tasks[key] = asyncio.create_task(self._guard(key, make), name=f"{key[2]} {key[0]}")

    def _wanted(self) -> list[tuple[Key, Callable[[], Coroutine[Any, Any, None]]]]:
        fleet = self._world.ledger.fleet
        wanted: list[tuple[Key, Callable[[], Coroutine[Any, Any, None]]]] = []
        for agent in fleet.agents.values():
            spec = fleet.spec(agent.id)
            if agent.state not in ALIVE or agent.process is None:
                continue
            wanted.append(((agent.id, agent.generation, "end"), lambda a=agent: self._end(a)))  # type: ignore[misc]
            if spec is None:
                continue
            if agent.state is AgentState.STARTING:
                wanted.append(((agent.id, agent.generation, "ready"), lambda a=agent, s=spec: self._ready(a, s)))  # type: ignore[misc]
            if agent.state is AgentState.STARTING and not agent.late:
                wanted.append(((agent.id, agent.generation, "late"), lambda a=agent, s=spec: self._late(a, s)))  # type: ignore[misc]
            if agent.state is AgentState.RUNNING and spec.health is not None:
                wanted.append(((agent.id, agent.generation, "health"), lambda a=agent, s=spec: self._health(a, s)))  # type: ignore[misc]
        return wanted

    async def _guard(self, key: Key, make: Callable[[], Awaitable[None]]) -> None:
        """Watch, and begin anew where tmux or the log failed for a moment: nobody else waits for this."""
        while True:
            try:
                await make()
            except AgentctlError as error:
                log.warning("watch failed", extra={"agent": key[0], "watch": key[2], "error": error.message})
                await self._world.clock.sleep(_AGAIN)
                continue
            except Exception as error:  # noqa: BLE001  one watch must not end the supervisor
                crash.record(self._world.ledger, f"{key[2]} {key[0]}", error)
            return

    async def _end(self, agent: Agent) -> None:
        if agent.process is not None:
            await self._world.processes.ended(agent.process)
        self._world.terminal.poke()
        self._wake.set()

    async def _ready(self, agent: Agent, spec: AgentSpec) -> None:
        if spec.ready is not None:
            answer = await self._until_yes(agent, spec, spec.ready)
            self._append(agent, EventType.AGENT_READY, answer.evidence)
            return
        readiness = self._world.runners.known(agent.runner).ready
        evidence = await _WAITS[readiness.how](self, agent, readiness)
        if evidence:
            self._append(agent, EventType.AGENT_READY, evidence)

    async def _until_yes(self, agent: Agent, spec: AgentSpec, probe: Probe) -> Answer:
        """Ask often at first, because most get ready at once, and then as the probe says."""
        pause = _FIRST_PAUSE
        while True:
            answer = await self._ask_ready(agent, spec, probe)
            stranger = self._stranger(agent, probe) if answer.ok else ""
            if answer.ok and not stranger and self._is_alive(agent):
                return answer
            self._noes[agent.id] = stranger or answer.evidence
            await self._world.clock.sleep(min(pause, probe.every.total_seconds()))
            pause *= 1.5

    async def _ask_ready(self, agent: Agent, spec: AgentSpec, probe: Probe) -> Answer:
        try:
            return await self._ask(agent, spec, probe)
        except AgentctlError as error:
            return Answer(ok=False, evidence=error.message)

    def _stranger(self, agent: Agent, probe: Probe) -> str:
        """Say who answers in the agent's place, where that is certain: a process that was there before the agent."""
        holder = self._world.processes.listener(probe.local_port) if probe.local_port is not None else None
        if holder is None or agent.process is None or holder.start_ticks >= agent.process.start_ticks:
            return ""
        return f"port {probe.local_port} is held by another program (pid {holder.pid})"

    async def _late(self, agent: Agent, spec: AgentSpec) -> None:
        within = spec.ready.timeout if spec.ready is not None else _READY_WITHIN
        age = self._world.clock.now() - (agent.since or self._world.clock.now())
        await self._world.clock.sleep(max(0.0, (within - age).total_seconds()))
        words = [f"not ready after {format_duration(within)}", self._noes.pop(agent.id, "")]
        self._append(agent, EventType.AGENT_LATE, ": ".join(filter(None, words)))

    async def _health(self, agent: Agent, spec: AgentSpec) -> None:
        noes, probe = 0, spec.health
        while probe is not None:
            await self._world.clock.sleep(probe.every.total_seconds())
            if self._stands_still(agent):
                continue
            try:
                answer = await self._ask(agent, spec, probe, probe.timeout)
            except Unreachable as error:  # nothing could be asked: neither a yes nor a no
                log.warning("health is unknown", extra={"agent": agent.id, "error": error.message})
                continue
            noes = 0 if answer.ok else noes + 1
            self._tell_health(agent, answer, noes, probe)

    def _stands_still(self, agent: Agent) -> bool:
        """Tell whether *agent* cannot answer, however well it is."""
        now = self._world.ledger.fleet.agents.get(agent.id)
        return now is not None and now.stands_still

    def _tell_health(self, agent: Agent, answer: Answer, noes: int, probe: Probe) -> None:
        current = self._world.ledger.fleet.agents.get(agent.id)
        unwell = current is not None and bool(current.unwell)
        if noes >= probe.failures and not unwell:
            self._append(agent, EventType.AGENT_UNHEALTHY, f"{answer.evidence} ({noes} times)")
        elif answer.ok and unwell:
            self._append(agent, EventType.AGENT_HEALTHY, answer.evidence)

    async def _ask(self, agent: Agent, spec: AgentSpec, probe: Probe, within: timedelta | None = None) -> Answer:
        async def output() -> str:
            if agent.pane is None:
                return ""
            shown = await self._world.terminal.screen(agent.pane, history=_OUTPUT_LINES)
            if begins_in(shown, agent.generation):
                self._begun[agent.id] = agent.generation
            elif self._begun.get(agent.id) != agent.generation:  # tmux empties the screen for a new process, not above
                shown = await self._world.terminal.screen(agent.pane)
            return own_words(safe_text(shown), agent.generation)

        environment = self._world.ledger.fleet.teams[spec.team].environment
        return await ask(probe, env={**environment, **spec.env}, cwd=spec.cwd, output=output, within=within)

    async def _by_signal(self, agent: Agent, readiness: Ready) -> str:
        """Wait for nothing here: the agent's own signal makes it ready."""
        del agent, readiness
        return ""

    async def _by_living(self, agent: Agent, readiness: Ready) -> str:
        await self._world.clock.sleep(readiness.after.total_seconds())
        return f"has run {format_duration(readiness.after)}" if self._is_alive(agent) else ""

    async def _by_screen(self, agent: Agent, readiness: Ready) -> str:
        before, stable = "", 0.0
        while stable < readiness.after.total_seconds():
            await self._world.clock.sleep(_LOOK_AT_SCREEN.total_seconds())
            shown = await self._world.terminal.screen(agent.pane) if agent.pane else ""
            screen = own_words(shown, agent.generation).strip()
            stable = stable + _LOOK_AT_SCREEN.total_seconds() if screen and screen == before else 0.0
            before = screen
        return f"its screen has stood still for {format_duration(readiness.after)}"

    async def _by_composer(self, agent: Agent, readiness: Ready) -> str:
        """Wait until text can be typed: its composer stands there, and nothing asks."""
        since: float | None = None
        while True:
            sight = (await self._senses.look(agent)).sight
            takes = sight is not None and sight.composer and sight.ask is None
            now = self._world.clock.monotonic()
            since = (since if since is not None else now) if takes else None
            if since is not None and now - since >= readiness.after.total_seconds():
                return "screen: its composer is there"
            await self._world.clock.sleep(_LOOK_FOR_COMPOSER.total_seconds())

    def _is_alive(self, agent: Agent) -> bool:
        return agent.process is not None and self._world.processes.alive(agent.process)

    def _append(self, agent: Agent, kind: EventType, evidence: str) -> None:
        now = self._world.ledger.fleet.agents.get(agent.id)
        if now is None or now.generation != agent.generation:
            return
        facts = {"generation": agent.generation, "evidence": self._world.masked(agent.id, evidence)}
        self._world.ledger.append([Draft(agent_stream(agent.id), kind, facts)])
        self._wake.set()


_WAITS: dict[str, Callable[[Watchers, Agent, Ready], Awaitable[str]]] = {
    "signal": Watchers._by_signal,  # noqa: SLF001  its own table
    "alive": Watchers._by_living,  # noqa: SLF001
    "screen": Watchers._by_screen,  # noqa: SLF001
    "composer": Watchers._by_composer,  # noqa: SLF001
}
