"""Agents as people look at them: one flat row each, the same for the terminal, JSON and every other face."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from agentctl.domain.agent import ALIVE, Activity, Agent, AgentState, MemoryStep, PauseCause
from agentctl.domain.codec import encode
from agentctl.domain.names import AgentId, session_name, team_of, window_name
from agentctl.domain.resources import Sample
from agentctl.domain.team import AgentSpec, Limits
from agentctl.views.fleet import Fleet
from agentctl.views.message_rows import counts, in_hand
from agentctl.views.spending_rows import spending
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
_STANDS_STILL = 8
_OUT_OF_MEMORY = frozenset({MemoryStep.THROTTLED, MemoryStep.RESTARTED, MemoryStep.KILLED})
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
    if agent.late or agent.unwell or agent.condemned or agent.memory_step in _OUT_OF_MEMORY:
        return _TROUBLED
    if agent.report is not None and agent.report.needs and agent.state in ALIVE:  # by its own words
        return _TROUBLED
    if agent.state is AgentState.STOPPED and agent.ending is not None:  # by its limits, and not started again
        return _ATTENTION[AgentState.EXITED]
    if agent.state is AgentState.RUNNING:
        return _paused(agent) if agent.paused is not None else _ACTIVE[agent.activity]
    return _ATTENTION[agent.state]


def _paused(agent: Agent) -> int:
    """Return the rank of a paused agent: one that has used up what it may waits for a person, others for nobody."""
    return _ASKS if agent.paused is PauseCause.BUDGET else _STANDS_STILL


def agent_rows(
    fleet: Fleet,
    chosen: list[AgentId],
    taken: Mapping[AgentId, Sample],
    host: str,
    pulse: Callable[[Agent], Mapping[str, Any]] | None = None,
    *,
    kept: Mapping[AgentId, str] | None = None,
) -> list[dict[str, Any]]:
    """Return a row for each of *chosen*, those that need a person first.

    *taken* is what each tree was seen to take last; *pulse* tells how each one's is kept; *kept* says why agents whose
    turn it is are not started.
    """
    agents = sorted((fleet.agents[name] for name in chosen), key=_order)
    rows = [_row(agent, fleet, taken.get(agent.id), (kept or {}).get(agent.id, ""), host) for agent in agents]
    return [row | {"pulse": pulse(agent) if pulse else None} for agent, row in zip(agents, rows, strict=True)]


def team_rows(fleet: Fleet) -> list[dict[str, Any]]:
    """Return a row for each team, by name."""
    return [_team_row(fleet, name) for name in sorted(fleet.teams)]


def _order(agent: Agent) -> tuple[int, float, str]:
    since = agent.active_since if agent.state is AgentState.RUNNING and agent.active_since else agent.since
    return attention(agent), since.timestamp() if since else 0.0, agent.id


def _row(agent: Agent, fleet: Fleet, sample: Sample | None, kept: str, host: str) -> dict[str, Any]:
    spec = fleet.spec(agent.id)
    team, _, name = agent.id.partition("/")
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
        "task": in_hand(fleet.of(agent.id)),
        "attention": attention(agent),
        "late": agent.late,
        "unwell": agent.unwell,
        "since": _moment(agent.since),
        "evidence": kept or _evidence(agent, spec, fleet),
        "generation": agent.generation,
        "restarts": agent.restarts,
        "pid": agent.process.pid if agent.process else None,
        "pane": agent.pane,
        "session": session_name(team),
        "window": spec.window if spec else window_name(team, name),
        **_figures(sample),
        "limits": _limits(fleet.limits(agent.id)),
        "memory_step": agent.memory_step.value,
        "paused": _pause(agent),
        "report": encode(agent.report),
        "reported_at": _moment(agent.reported_at),
        "missed_check_ins": agent.missed_check_ins,
        "priority": spec.priority if spec else None,
        **spending(agent, fleet.budget(agent.id)),
        "exit_code": agent.exit_code,
        "retry_at": _moment(agent.retry_at),
        "host": host,
    }


def _figures(sample: Sample | None) -> dict[str, Any]:
    """Return what a tree was seen to take; nothing of it is known where nobody has looked."""
    return {
        "cpu_percent": round(sample.cpu_percent, 1) if sample else None,
        "throttled_percent": round(sample.throttled_percent, 1) if sample else None,
        "memory_bytes": sample.memory_bytes if sample else None,
        "memory_kind": sample.memory_kind if sample else None,
        "processes": sample.processes if sample else None,
        "level": sample.level.value if sample else None,
        "brake": sample.brake.value if sample and sample.brake else None,
    }


def _pause(agent: Agent) -> dict[str, Any] | None:
    if agent.paused is None:
        return None
    return {"cause": agent.paused.value, "reason": agent.pause_reason, "since": _moment(agent.paused_since)}


def _evidence(agent: Agent, spec: AgentSpec | None, fleet: Fleet) -> str:
    waiting = waits_for(spec, fleet) if agent.state is AgentState.PENDING and spec is not None else []
    if agent.paused is not None and agent.state is AgentState.RUNNING:
        return agent.pause_reason
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
        "processes": limits.processes,
        "on_exceed": limits.on_exceed,
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment else None
