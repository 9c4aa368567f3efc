"""What agents use: asked for when somebody looks, so that a fleet nobody watches costs nothing."""

from __future__ import annotations

from collections.abc import Mapping

from agentctl.domain.names import AgentId
from agentctl.domain.ports import Usage
from agentctl.supervisor.world import World

_FRESH_SECONDS = 0.5
"""A look within this time of the last one gets the same answer: one pass over the process table serves many."""


class Meter:
    """Turns what trees have used in all into shares of a core since the last look."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._at = 0.0
        self._before: dict[AgentId, tuple[float, float]] = {}
        self._last: dict[AgentId, tuple[Usage, float | None]] = {}

    def read(self) -> Mapping[AgentId, tuple[Usage, float | None]]:
        """Return each running agent's usage, and its share of a core in percent since it was last looked at."""
        now = self._world.clock.monotonic()
        if self._last and now - self._at < _FRESH_SECONDS:
            return self._last
        agents = self._world.ledger.fleet.agents.values()
        roots = {agent.id: agent.process for agent in agents if agent.process is not None}
        used = self._world.processes.usage(roots)
        self._last = {name: (usage, self._share(name, usage, now)) for name, usage in used.items()}
        self._before = {name: (now, usage.cpu_seconds) for name, usage in used.items()}
        self._at = now
        return self._last

    def _average(self, agent: AgentId, usage: Usage) -> float | None:
        """Return the share since the agent was started: all that is known at the first look."""
        since = self._world.ledger.fleet.agents[agent].since
        age = (self._world.clock.now() - since).total_seconds() if since else 0.0
        return 100 * usage.cpu_seconds / age if age > 0 else None

    def _share(self, agent: AgentId, usage: Usage, now: float) -> float | None:
        then, seconds = self._before.get(agent, (0.0, 0.0))
        if not then or now <= then:
            return self._average(agent, usage)
        return max(0.0, 100 * (usage.cpu_seconds - seconds) / (now - then))
