"""Agents as people look at them: one flat row each, the same for the terminal, JSON and every other face."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from agentctl.domain.agent import ALIVE, Activity, Agent, AgentState
from agentctl.domain.codec import encode
from agentctl.domain.names import AgentId, session_name, team_of, window_name
from agentctl.domain.ports import Usage
from agentctl.domain.team import AgentSpec, Limits
from agentctl.views.fleet import Fleet
from agentctl.views.message_rows import counts
from agentctl.views.waits import waits_for

_ATTENTION = {
    AgentState.FATAL: 1,
    AgentState.EXITED: 2,
    AgentState.BACKOFF: 4,
    AgentState.CLOSED: 5,
    AgentState.STARTING: 6,
    AgentState.PENDING: 6,
    AgentState.STOPPING: 7,
    AgentState.STOPPED: 12,
}
"""What a person should look at first; within a rank, what has been so the longest."""

_ASKS = 0
_TROUBLED = 3
_ENDED_WELL = 11
_ACTIVE = {Activity.UNKNOWN: 8, Activity.IDLE: 9, Activity.WORKING: 10, Activity.WAITING: _ASKS}


def attention(agent: Agent) -> int:
    """Return the agent's rank: the smaller, the sooner a person should look.

    Those that wait for a person come first, then what has failed, then what is idle or not known, last what works.
    """
    if agent.state is AgentState.EXITED and agent.exit_code == 0:
        return _ENDED_WELL
    if agent.asking is not None and agent.state in ALIVE:
        return _ASKS
    if agent.late or agent.unwell:
        return _TROUBLED
    if agent.state is AgentState.RUNNING:
        return _ACTIVE[agent.activity]
    return _ATTENTION[agent.state]


def agent_rows(
    fleet: Fleet, chosen: list[AgentId], usage: Mapping[AgentId, tuple[Usage, float | None]], host: str
) -> list[dict[str, Any]]:
    """Return a row for each of *chosen*, those that need a person first.

    *usage* holds what is known of each tree and its share of a core in percent.
    """
    agents = sorted((fleet.agents[name] for name in chosen), key=_order)
    return [_row(agent, fleet, usage.get(agent.id), host) for agent in agents]


def team_rows(fleet: Fleet) -> list[dict[str, Any]]:
    """Return a row for each team, by name."""
    return [_team_row(fleet, name) for name in sorted(fleet.teams)]


def _order(agent: Agent) -> tuple[int, float, str]:
    since = agent.active_since if agent.state is AgentState.RUNNING and agent.active_since else agent.since
    return attention(agent), since.timestamp() if since else 0.0, agent.id


def _row(agent: Agent, fleet: Fleet, usage: tuple[Usage, float | None] | None, host: str) -> dict[str, Any]:
    spec = fleet.spec(agent.id)
    team, _, name = agent.id.partition("/")
    used, share = usage or (None, None)
    return {
        "team": team,
        "agent": agent.id,
        "name": name,
        "role": spec.role if spec else "",
        "runner": agent.runner or (spec.runner if spec else ""),
        "state": agent.state.value,
        "activity": agent.activity.value,
        "active_since": _moment(agent.active_since),
        "phase": agent.phase.value,
        "source": agent.source,
        "asking": encode(agent.asking),
        "ending": agent.ending.value if agent.ending else None,
        "conversation": agent.session,
        "messages": counts(fleet.of(agent.id)),
        "attention": attention(agent),
        "late": agent.late,
        "unwell": agent.unwell,
        "since": _moment(agent.since),
        "evidence": _evidence(agent, spec, fleet),
        "generation": agent.generation,
        "restarts": agent.restarts,
        "pid": agent.process.pid if agent.process else None,
        "pane": agent.pane,
        "session": session_name(team),
        "window": spec.window if spec else window_name(team, name),
        "cpu_percent": round(share, 1) if share is not None else None,
        "memory_bytes": used.memory_bytes if used else None,
        "processes": used.processes if used else None,
        "limits": _limits(fleet.limits(agent.id)),
        "level": "watch",
        "exit_code": agent.exit_code,
        "retry_at": _moment(agent.retry_at),
        "host": host,
    }


def _evidence(agent: Agent, spec: AgentSpec | None, fleet: Fleet) -> str:
    waiting = waits_for(spec, fleet) if agent.state is AgentState.PENDING and spec is not None else []
    return f"waits for {', '.join(waiting)}" if waiting else agent.evidence


def _team_row(fleet: Fleet, name: str) -> dict[str, Any]:
    team = fleet.teams[name]
    agents = [agent for agent in fleet.agents.values() if team_of(agent.id) == name]
    return {
        "team": name,
        "session": team.spec.session,
        "source": team.spec.source,
        "agents": len(agents),
        "running": sum(agent.state is AgentState.RUNNING for agent in agents),
        "attention": sum(attention(agent) <= _TROUBLED for agent in agents),
    }


def _limits(limits: Limits) -> dict[str, Any]:
    return {
        "cpu_percent": limits.cpu_percent,
        "memory_bytes": limits.memory_bytes,
        "pulse_seconds": limits.pulse / timedelta(seconds=1),
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment else None
