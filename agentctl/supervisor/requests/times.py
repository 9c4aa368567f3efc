"""Times: what is done by schedule, and when next."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from agentctl.domain.agent import Agent
from agentctl.engine.schedule import Standing, explain
from agentctl.supervisor.requests.request import Request


async def schedules(request: Request) -> dict[str, Any]:
    """Return how each schedule stands for the selected agents, what comes next first."""
    agents = [request.fleet.agents[name] for name in request.selected()]
    rows = [_row(request, agent, standing) for agent in agents for standing in request.desk.scheduler.standings(agent)]
    return {"schedules": sorted(rows, key=lambda row: (row["next"] is None, row["next"] or "", row["agent"]))}


def _row(request: Request, agent: Agent, standing: Standing) -> dict[str, Any]:
    schedule, scheduler = standing.schedule, request.desk.scheduler
    tick, following, message = agent.ticks.get(schedule.name), scheduler.next_of(standing), scheduler.holds(standing)
    evidence = ""
    if message:
        evidence = f"message {message} of the last time is not over"
    elif following is None:
        evidence = f"the agent is {agent.state.value}" if not scheduler.takes(agent) else "it never comes"
    return {
        "team": standing.team,
        "agent": agent.id,
        "schedule": schedule.name,
        "kind": schedule.kind.value,
        "timing": explain(schedule),
        "next": _text(following),
        "last": _text(tick.at if tick is not None else None),
        "evidence": evidence,
    }


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
