"""Times: what is done by schedule and when next, and what agents have reported when they were asked by time."""

from __future__ import annotations

from datetime import datetime
from heapq import nlargest
from typing import Any

from agentctl.domain.agent import Agent
from agentctl.domain.codec import decode, encode
from agentctl.domain.events import Event, EventType, agent_stream
from agentctl.domain.names import AgentId
from agentctl.domain.report import Report
from agentctl.engine.schedule import Standing, explain
from agentctl.supervisor.requests.request import Request

_REPORTS = 20


async def schedules(request: Request) -> dict[str, Any]:
    """Return how each schedule stands for the selected agents, what comes next first."""
    agents = [request.fleet.agents[name] for name in request.selected()]
    rows = [_row(request, agent, standing) for agent in agents for standing in request.desk.scheduler.standings(agent)]
    return {"schedules": sorted(rows, key=lambda row: (row["next"] is None, row["next"] or "", row["agent"]))}


async def reports(request: Request) -> dict[str, Any]:
    """Return what the selected agents have reported, the newest last."""
    limit = max(0, request.arg("limit", int, _REPORTS))
    told = (
        (event.seq, name, event)
        for name in request.selected()
        for event in request.world.ledger.read(0, agent_stream(name), None)
        if event.type == EventType.AGENT_REPORTED
    )
    newest = nlargest(limit, told, key=lambda found: found[0])
    return {"reports": [_report(name, event) for _, name, event in reversed(newest)]}


def _report(name: AgentId, event: Event) -> dict[str, Any]:
    said = encode(decode(Report, event.data))
    return {"agent": name, "at": _text(event.at), "message": event.data.get("message", ""), **said}


async def tick(request: Request) -> dict[str, Any]:
    """Take what is due at this moment, and wait until no checkpoint is under way, but not for ever."""
    wait = request.seconds("wait", 0.0)
    taken = request.desk.scheduler.take_now()
    finished = await request.desk.scheduler.finished(wait)
    return {"taken": [slot.id for slot in taken], "finished": finished}


def _row(request: Request, agent: Agent, standing: Standing) -> dict[str, Any]:
    schedule, scheduler = standing.schedule, request.desk.scheduler
    tick, following, message = agent.ticks.get(schedule.name), scheduler.next_of(standing), scheduler.holds(standing)
    evidence = ""
    if message:
        evidence = f"message {message} of the last time is not over"
    elif scheduler.keeps(standing):
        evidence = "its checkpoint waits for its turn, or is being made"
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
