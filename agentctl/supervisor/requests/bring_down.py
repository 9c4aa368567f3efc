"""Stop, stop-all and reset: record that agents are to end, then follow them until nothing of them runs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from agentctl.domain.agent import AgentState
from agentctl.domain.errors import NotFound
from agentctl.domain.events import Draft, EventType, team_stream
from agentctl.domain.names import AgentId, team_of
from agentctl.supervisor.requests.bring_up import stop_draft
from agentctl.supervisor.requests.pauses import thaw_drafts
from agentctl.supervisor.requests.progress import follow
from agentctl.supervisor.requests.request import Request

_MARGIN = 15.0
"""Seconds beyond the longest grace: killing, closing windows, writing."""


async def stop(request: Request) -> dict[str, Any]:
    """End the selected agents: TERM, their grace, KILL, over their whole trees."""
    return await _end(request, request.selected(), "stop was asked for")


async def stop_all(request: Request) -> dict[str, Any]:
    """End every agent of every team."""
    return await _end(request, list(request.fleet.agents), "stop-all was asked for")


async def reset(request: Request) -> dict[str, Any]:
    """End a team and forget it; the log keeps its history."""
    team = request.need("team", str)
    if team not in request.fleet.teams:
        raise NotFound(f"no team '{team}' is deployed", hint=f"there are: {', '.join(request.fleet.teams) or 'none'}")
    agents = [name for name in request.fleet.agents if team_of(name) == team]
    ended = await _end(request, agents, "reset was asked for")
    left = [a.id for a in request.fleet.agents.values() if team_of(a.id) == team and not _is_down(request, a.id)]
    if left:  # somebody may have deployed it again meanwhile
        return {"team": team, **ended, "left": left}
    request.record([Draft(team_stream(team), EventType.TEAM_RESET, {"reason": "reset was asked for"})])
    return {"team": team, **ended}


async def _end(request: Request, agents: Collection[AgentId], reason: str) -> dict[str, Any]:
    fleet = request.fleet
    concerned = [name for name in agents if fleet.agents[name].state is not AgentState.STOPPED]
    grace = request.seconds("grace", 0.0) or None
    thawed = thaw_drafts([fleet.agents[name] for name in concerned], reason)
    request.record([*thawed, *(stop_draft(fleet.agents[name], reason, grace) for name in concerned)])
    graces = [grace or spec.grace.total_seconds() for name in concerned if (spec := fleet.spec(name)) is not None]
    in_time = await follow(
        request, concerned, lambda name: _is_settled(request, name), max(graces, default=0) + _MARGIN
    )
    left = [name for name in concerned if not _is_down(request, name)]
    return {
        "stopped": [name for name in concerned if name not in left],
        "already": [name for name in agents if name not in concerned],
        "left": left,
        "survivors": _survivors(request, [name for name in concerned if not _is_taken_over(request, name)]),
        "timed_out": not in_time,
    }


def _is_down(request: Request, name: AgentId) -> bool:
    agent = request.fleet.agents.get(name)
    return agent is None or agent.state is AgentState.STOPPED


def _is_settled(request: Request, name: AgentId) -> bool:
    return _is_down(request, name) or _is_taken_over(request, name)


def _is_taken_over(request: Request, name: AgentId) -> bool:
    """Tell whether another order has come: *name* is to run again, and what lives of it is no survivor."""
    agent = request.fleet.agents.get(name)
    return agent is not None and (agent.again or agent.state not in (AgentState.STOPPING, AgentState.STOPPED))


def _survivors(request: Request, agents: Collection[AgentId]) -> list[dict[str, Any]]:
    trees = request.desk.observer.trees(agents)
    return [{"agent": name, "pid": process.pid} for name, tree in trees.items() for process in tree]
