"""Waiting: what an agent waits for before it is started, and whether it waits in vain."""

from __future__ import annotations

from agentctl.domain.agent import AgentState
from agentctl.domain.names import AgentId, agent_id
from agentctl.domain.team import AgentSpec, Dependency
from agentctl.views.fleet import Fleet

_IN_VAIN = frozenset({AgentState.FATAL, AgentState.STOPPED, AgentState.CLOSED, AgentState.EXITED})


def waits_for(spec: AgentSpec, fleet: Fleet) -> list[AgentId]:
    """Return the agents that have not come as far as *spec* needs."""
    return [
        agent_id(spec.team, dependency.agent)
        for dependency in spec.depends_on
        if not _met(dependency, spec.team, fleet)
    ]


def waits_in_vain(spec: AgentSpec, fleet: Fleet) -> list[AgentId]:
    """Return those of `waits_for` that will not get there without a person."""
    known: dict[AgentId, bool] = {}
    return [name for name in waits_for(spec, fleet) if _is_lost(name, fleet, known)]


def _is_lost(name: AgentId, fleet: Fleet, known: dict[AgentId, bool]) -> bool:
    """Tell whether *name* gets nowhere by itself; each agent is looked at once, however many ways lead to it."""
    if name not in known:
        known[name] = False
        agent, spec = fleet.agents.get(name), fleet.spec(name)
        if agent is None or agent.state in _IN_VAIN:
            known[name] = True
        elif agent.state is AgentState.PENDING and spec is not None:
            known[name] = any(_is_lost(other, fleet, known) for other in waits_for(spec, fleet))
    return known[name]


def _met(dependency: Dependency, team: str, fleet: Fleet) -> bool:
    agent = fleet.agents.get(agent_id(team, dependency.agent))
    if agent is None:
        return False
    if agent.state is AgentState.RUNNING:
        return True
    return dependency.condition == "started" and agent.state is AgentState.STARTING and agent.process is not None
