"""The pulse of each agent: told to its hooks, and counted from what they and the delivery say of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from agentctl.domain.agent import ALIVE, Agent
from agentctl.domain.events import Event, EventType, agent_stream, team_stream
from agentctl.domain.evidence import Meaning, Sign
from agentctl.domain.message import Message
from agentctl.domain.names import AgentId, team_of
from agentctl.engine.pulse import Beats, told_by_hook
from agentctl.runners import pulse as folder
from agentctl.runners.runner import Runner
from agentctl.supervisor.world import World

log = logging.getLogger(__name__)

_SETS = frozenset({EventType.AGENT_LIMITED, EventType.TEAM_DEPLOYED})


class Pulse:
    """Keeps what hooks read of the pulse up to date, and counts; figures go with the supervisor."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._beats: dict[AgentId, Beats] = {}
        self._handed: dict[AgentId, datetime] = {}
        self._waiting: dict[AgentId, tuple[str, datetime]] = {}
        """The message that the pulse keeps back, and since when."""

    async def run(self) -> None:
        """Tell hooks of each new pulse until cancelled."""
        while True:
            async with self._world.ledger.follow() as events:
                await self._tell(self._alive())
                while (event := await events.get()) is not None:
                    if event.type in _SETS:
                        await self._tell(agent for agent in self._alive() if _concerns(event, agent.id))

    def of(self, agent: Agent) -> timedelta:
        """Return the pulse in force; a program that takes no messages has none."""
        return self._world.ledger.fleet.limits(agent.id).pulse if self._runner(agent).pulse_holds else timedelta(0)

    def last_handed(self, agent: Agent) -> datetime | None:
        """Return when *agent* was handed something last."""
        return self._handed.get(agent.id)

    def holds(self, message: Message) -> None:
        """Note that the pulse, and nothing else, keeps *message* back."""
        if self._waiting.get(message.agent, ("",))[0] != message.id:
            self._waiting[message.agent] = (message.id, self._world.clock.now())

    def handed(self, agent: Agent, message: Message) -> None:
        """Count that *agent* is handed *message* now; keys that are pressed only mark the time."""
        now, before, pulse = self._world.clock.now(), self._handed.get(agent.id), self.of(agent)
        self._handed[agent.id] = now
        if message.keys:
            return
        held, since = self._waiting.pop(agent.id, ("", now))
        waited = min(max(now - since, timedelta(0)), pulse) if held == message.id else timedelta(0)
        gap = now - before if before is not None and now >= before else None
        self._of(agent.id).add(pulse, gap=gap, waited=waited)

    def heard(self, agent: Agent, said: Mapping[str, Any], sign: Sign | None) -> None:
        """Count a tool call that a signal tells of: its hook has held it, or only saw it."""
        told = told_by_hook(said)
        if told is not None:
            self._of(agent.id).add(self.of(agent), gap=told[1], waited=told[0])
        elif sign is not None and sign.meaning is Meaning.TOOL:
            self._of(agent.id).add(self.of(agent), gap=None)

    def row(self, agent: Agent) -> dict[str, Any]:
        """Return the pulse of *agent* as every face shows it."""
        runner, beats = self._runner(agent), self._beats.get(agent.id, Beats())
        return {
            "seconds": self.of(agent).total_seconds() if runner.pulse_holds else None,
            "holds": list(runner.pulse_holds),
            "operations": beats.operations,
            "waits": beats.waits,
            "waited_seconds": round(beats.waited.total_seconds(), 2),
            "least_gap_seconds": beats.least_gap.total_seconds() if beats.least_gap is not None else None,
            "violations": beats.violations,
        }

    def _alive(self) -> Iterator[Agent]:
        return (agent for agent in self._world.ledger.fleet.agents.values() if agent.state in ALIVE)

    async def _tell(self, agents: Iterable[Agent]) -> None:
        """Write down for the hooks of *agents* what pulse is in force; one that spoiled its folder is passed over."""
        for agent in [agent for agent in agents if self._runner(agent).holds_tools]:
            try:
                await asyncio.to_thread(folder.set_gap, self._world.agent_folder(agent.id), self.of(agent))
            except OSError as error:
                log.warning("pulse not told", extra={"agent": agent.id, "error": str(error)})

    def _of(self, agent: AgentId) -> Beats:
        return self._beats.setdefault(agent, Beats())

    def _runner(self, agent: Agent) -> Runner:
        return self._world.runners.known(agent.runner)


def _concerns(event: Event, agent: AgentId) -> bool:
    return event.stream in (agent_stream(agent), team_stream(team_of(agent)))
