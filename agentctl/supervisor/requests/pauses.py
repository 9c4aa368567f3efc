"""Pauses: agents that stand still because a person wants it, and what lets them go on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agentctl.domain.agent import ALIVE, Agent, AgentState, PauseCause
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.engine.budget import is_used_up
from agentctl.supervisor.requests.limits import named
from agentctl.supervisor.requests.request import Request

_CAN_PAUSE = ALIVE - {AgentState.STOPPING}


async def pause(request: Request) -> dict[str, Any]:
    """Have the selected agents stand still, and hand them nothing; those that do not run cannot."""
    agents = named(request)
    chosen = [agent for agent in agents if agent.state in _CAN_PAUSE and agent.paused is not PauseCause.PERSON]
    facts = {"cause": PauseCause.PERSON.value, "reason": "a person paused it"}
    request.record([Draft(agent_stream(agent.id), EventType.AGENT_PAUSED, facts) for agent in chosen])
    return {
        "paused": [agent.id for agent in chosen],
        "already": [agent.id for agent in agents if agent.paused is PauseCause.PERSON],
        "not_running": [_state(agent) for agent in agents if agent.state not in _CAN_PAUSE],
    }


async def resume(request: Request) -> dict[str, Any]:
    """Let the selected agents go on; one whose budget is used up goes on until as much again is."""
    agents, now = named(request), request.world.clock.now()
    used_up = {agent.id for agent in agents if is_used_up(agent, request.fleet.budget(agent.id), now)}
    chosen = [agent for agent in agents if agent.paused is not None or agent.id in used_up]
    request.record([_resumed(agent, anew=agent.id in used_up) for agent in chosen])
    return {
        "resumed": [agent.id for agent in chosen],
        "anew": [agent.id for agent in chosen if agent.id in used_up],
        "already": [agent.id for agent in agents if agent not in chosen],
    }


def thaw_drafts(agents: Iterable[Agent], reason: str) -> list[Draft]:
    """Return the events that let those of *agents* go on that stand still: they are to end now."""
    return [
        Draft(agent_stream(agent.id), EventType.AGENT_RESUMED, {"cause": agent.paused.value, "reason": reason})
        for agent in agents
        if agent.paused is not None and agent.stands_still
    ]


def _resumed(agent: Agent, *, anew: bool) -> Draft:
    cause = agent.paused or PauseCause.BUDGET
    reason = "a person resumed it" + (", until as much again is used up" if anew else "")
    facts = {"cause": cause.value, "reason": reason, "anew": anew}
    return Draft(agent_stream(agent.id), EventType.AGENT_RESUMED, facts)


def _state(agent: Agent) -> dict[str, str]:
    return {"agent": agent.id, "state": agent.state.value}
