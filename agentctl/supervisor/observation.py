"""Observation: one look at the world for the engine, and the memory of what was tried on it."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from agentctl.domain.agent import ALIVE, Agent, AgentState, Identity
from agentctl.domain.errors import Unreachable
from agentctl.domain.names import AgentId
from agentctl.domain.ports import Pane
from agentctl.engine.machine import Room
from agentctl.engine.reconcile import KILL_TAKES, Observed
from agentctl.supervisor.world import World

log = logging.getLogger(__name__)


_REMEMBER_SECONDS = 10.0
"""Between two looks at all trees; one takes some 5 ms for 50 agents, so this is a twentieth of a percent of a core."""


class Observer:
    """Looks at tmux and at processes; remembers which trees still end and what was sent to them."""

    def __init__(self, world: World, moved: Callable[[], Mapping[AgentId, datetime]], room: Callable[[], Room]) -> None:
        """Look at *world*; *moved* tells when anything of each agent moved last, *room* what may still be started."""
        self._world = world
        self._moved = moved
        self._room = room
        self._ending: set[AgentId] = {
            agent.id for agent in world.ledger.fleet.agents.values() if agent.state not in ALIVE and agent.generation
        }
        self._signalled: dict[AgentId, tuple[int, datetime]] = {}
        self._repaired: dict[AgentId, tuple[object, ...]] = {}
        self._remembered_at = 0.0
        self._remembered: frozenset[tuple[AgentId, int]] = frozenset()
        self.silence = ""
        """Why tmux gives no answer; empty while it does."""

    async def look(self) -> Observed:
        """Return what is seen now."""
        panes = await self._panes()
        fleet = self._world.ledger.fleet
        self._remember()
        ended = frozenset(agent.id for agent in fleet.agents.values() if self._has_ended(agent))
        return Observed(
            server=self._server(),
            panes=panes,
            ended=ended,
            trees=self._trees(),
            signalled=dict(self._signalled),
            repaired=dict(self._repaired),
            moved=self._moved(),
            room=self._room(),
        )

    def ends(self, agent: AgentId) -> None:
        """Watch what is left of *agent*'s tree until it is empty."""
        self._ending.add(agent)

    def sent(self, agent: AgentId, number: int) -> None:
        """Remember that signal *number* went to *agent*'s tree just now."""
        self._signalled[agent] = (number, self._world.clock.now())
        self._ending.add(agent)

    def settled(self, agent: AgentId) -> None:
        """Forget the ending of *agent*: it is over."""
        self._ending.discard(agent)
        self._signalled.pop(agent, None)

    def repaired(self, agent: AgentId, sighting: tuple[object, ...]) -> None:
        """Remember what was seen when a repair was tried."""
        self._repaired[agent] = sighting

    def trees(self, agents: Collection[AgentId]) -> dict[AgentId, list[Identity]]:
        """Return what is left of the trees of *agents*, from one pass over the process table."""
        known = self._world.ledger.fleet.agents
        roots = {name: known[name].process if name in known else None for name in agents}
        return self._world.processes.trees(roots) if roots else {}

    @property
    def busy(self) -> bool:
        """Tell whether some tree is being ended, so that looking again soon pays."""
        agents = self._world.ledger.fleet.agents.values()
        return bool(self._ending) or any(agent.state is AgentState.STOPPING for agent in agents)

    def _remember(self) -> None:
        """Look at every tree when an agent gets ready, and now and then.

        A daemon that clears its environment is known as its agent's later only because it was seen below it before.
        """
        agents = [a for a in self._world.ledger.fleet.agents.values() if a.state in ALIVE and a.process is not None]
        ready = frozenset((a.id, a.generation) for a in agents if a.state is AgentState.RUNNING)
        now = self._world.clock.monotonic()
        if agents and (ready - self._remembered or now - self._remembered_at >= _REMEMBER_SECONDS):
            self.trees([agent.id for agent in agents])
            self._remembered_at, self._remembered = now, ready

    def _server(self) -> Identity | None:
        """Return the tmux server while its process lives: the terminal may hear of its end a moment later than we."""
        server = self._world.terminal.server()
        return server if server is not None and self._world.processes.alive(server) else None

    async def _panes(self) -> dict[AgentId, Pane] | None:
        try:
            panes = await self._world.terminal.panes()
        except Unreachable as error:
            if not self.silence:
                log.warning("tmux does not answer", extra={"error": error.message})
            self.silence = error.message
            return None
        self.silence = ""
        return _by_agent(panes, self._world.ledger.fleet.agents)

    def _has_ended(self, agent: Agent) -> bool:
        return agent.state in ALIVE and agent.process is not None and not self._world.processes.alive(agent.process)

    def _trees(self) -> dict[AgentId, tuple[Identity, ...]]:
        agents = self._world.ledger.fleet.agents
        stopping = {agent.id for agent in agents.values() if agent.state is AgentState.STOPPING}
        trees = {name: tuple(tree) for name, tree in self.trees(self._ending | stopping).items()}
        for name in self._ending - stopping:
            if not trees[name] or self._survives(name) or self._is_well(name):
                self.settled(name)
                del trees[name]
        return trees

    def _is_well(self, name: AgentId) -> bool:
        """Tell whether *name* runs and is healthy: it was so again before it had to be killed."""
        agent = self._world.ledger.fleet.agents.get(name)
        return agent is not None and agent.state is AgentState.RUNNING and not agent.unwell and not agent.condemned

    def _survives(self, agent: AgentId) -> bool:
        """Tell whether *agent*'s tree was killed and is still there: it hangs in the kernel, and waiting is in vain."""
        number, at = self._signalled.get(agent, (0, self._world.clock.now()))
        return number == signal.SIGKILL and self._world.clock.now() - at >= KILL_TAKES


def _by_agent(panes: list[Pane], agents: dict[AgentId, Agent]) -> dict[AgentId, Pane]:
    """Choose one pane an agent: its own generation before others, the living before the dead."""
    chosen: dict[AgentId, Pane] = {}
    for pane in panes:
        other = chosen.get(pane.agent)
        if other is None or _rank(pane, agents.get(pane.agent)) > _rank(other, agents.get(pane.agent)):
            chosen[pane.agent] = pane
    return chosen


def _rank(pane: Pane, agent: Agent | None) -> tuple[bool, bool, int]:
    return (agent is not None and pane.generation == agent.generation, not pane.dead, pane.generation)
