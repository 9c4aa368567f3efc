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
    blocked = []
    for name in waits_for(spec, fleet):
        agent = fleet.agents.get(name)
        if agent is None or agent.state in _IN_VAIN or _blocked(name, fleet):
            blocked.append(name)
    return blocked


def _blocked(name: AgentId, fleet: Fleet) -> bool:
    spec = fleet.spec(name)
    pending = fleet.agents[name].state is AgentState.PENDING
    return pending and spec is not None and bool(waits_in_vain(spec, fleet))


def _met(dependency: Dependency, team: str, fleet: Fleet) -> bool:
    agent = fleet.agents.get(agent_id(team, dependency.agent))
    if agent is None:
        return False
    if agent.state is AgentState.RUNNING:
        return True
    return dependency.condition == "started" and agent.state is AgentState.STARTING and agent.process is not None
