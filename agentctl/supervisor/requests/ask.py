"""Asking: why an agent is said to do what it does, and answers to what it asks a person."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import Any

from agentctl.domain.agent import Agent
from agentctl.domain.codec import encode
from agentctl.domain.errors import Refused
from agentctl.domain.events import Draft, Event, EventType, agent_stream
from agentctl.domain.names import team_of
from agentctl.supervisor.requests.look import rows_of
from agentctl.supervisor.requests.request import Request
from agentctl.supervisor.sense import Sense
from agentctl.views.message_rows import message_rows

_HISTORY = 10
_MESSAGES = 10
_TAKES_EFFECT = 3.0
"""Seconds in which a program takes an answer; it is looked at again so often within them."""

_LOOK_EVERY = 0.1
_OF_STATE = frozenset(
    {
        EventType.AGENT_STARTING, EventType.AGENT_READY, EventType.AGENT_LATE, EventType.AGENT_UNHEALTHY,
        EventType.AGENT_HEALTHY, EventType.AGENT_BUSY, EventType.AGENT_IDLE, EventType.AGENT_WAITING,
        EventType.AGENT_UNSURE, EventType.AGENT_TURN_ENDED, EventType.AGENT_ANSWERED, EventType.AGENT_EXITED,
        EventType.AGENT_BACKING_OFF, EventType.AGENT_FAILED, EventType.AGENT_STOPPING, EventType.AGENT_STOPPED,
        EventType.AGENT_CLOSED, EventType.AGENT_PAUSED, EventType.AGENT_RESUMED, EventType.AGENT_MEMORY,
        EventType.AGENT_BRAKED, EventType.AGENT_BUDGET, EventType.AGENT_LIMITED,
        EventType.AGENT_SILENT,
    }
)  # fmt: skip


async def why(request: Request) -> dict[str, Any]:
    """Return the verdict on one agent with all its evidence."""
    agent = request.one()
    own = request.caller.agent
    if own is not None and team_of(own) != team_of(agent.id):
        raise Refused("an agent may ask about its own team")
    sense = request.desk.senses.of(agent)
    (row,) = rows_of(request, [agent.id])
    return {
        "agent": row,
        "verdict": {
            "activity": agent.activity.value,
            "source": agent.source,
            "evidence": agent.evidence,
            "since": _moment(agent.active_since),
            "phase": agent.phase.value,
        },
        "screen": _screen(request, agent, sense),
        "sign": _sign(sense),
        "ask": encode(agent.asking),
        "messages": message_rows(request.fleet.of(agent.id), limit=_MESSAGES),
        "session": agent.session,
        "history": _history(request, agent),
    }


async def answer(request: Request) -> dict[str, Any]:
    """Answer what one agent asks, and see whether it took the answer."""
    agent, choice = request.one(), request.need("choice", str)
    sight = (await request.desk.senses.look(agent)).sight if agent.pane is not None else None
    ask = sight.ask.id if sight is not None and sight.ask is not None else ""
    pressed = request.world.clock.now()
    words = await request.desk.answering.answer(agent, choice, request.arg("ask", str, "") or None)
    facts = {"generation": agent.generation, "ask": ask, "choice": words, "policy": ""}
    request.record([Draft(agent_stream(agent.id), EventType.AGENT_ANSWERED, facts)])
    state = await _effect(request, agent, ask, pressed)
    if state == "swallowed":
        await request.desk.answering.answer(agent, choice, ask)
        state = await _effect(request, agent, ask, request.world.clock.now())
    if state == "taken":
        request.desk.answering.taken(agent, ask)
    return {"agent": agent.id, "ask": ask, "choice": words, "state": state if state != "swallowed" else "asking"}


async def _effect(request: Request, agent: Agent, ask: str, pressed: datetime) -> str:
    """Return `taken`, `ended` with the agent, or `asking` where the same question still stands there after a while.

    `swallowed`, where the program has said and drawn nothing new since the keys were *pressed*: some drop keys that
    come with a dialog's first drawing, and pressing once more cannot meet another question.
    """
    clock = request.world.clock
    until, sense = clock.monotonic() + _TAKES_EFFECT, request.desk.senses.of(agent)
    while clock.monotonic() < until:
        await clock.sleep(_LOOK_EVERY)
        now = request.fleet.agents.get(agent.id)
        if now is None or now.generation != agent.generation:
            return "ended"
        sense = await request.desk.senses.look(now)
        if sense.sight is not None and (sense.sight.ask is None or sense.sight.ask.id != ask):
            return "taken"
    signals = agent.runner and request.world.runners.known(agent.runner).reports and sense.sign is not None
    moved = sense.sign.at if signals and sense.sign is not None else sense.looked.drawn if sense.looked else pressed
    return "asking" if moved > pressed else "swallowed"


def _screen(request: Request, agent: Agent, sense: Sense) -> dict[str, Any] | None:
    if sense.looked is None:
        return None
    sight = sense.looked.sight
    return {
        "rule": sight.rule,
        "line": request.world.masked(agent.id, sight.line),
        "activity": sight.activity.value if sight.activity is not None else None,
        "composer": sight.composer,
        "draft": bool(sight.draft),
        "drawn": _moment(sense.looked.drawn),
    }


def _sign(sense: Sense) -> dict[str, Any] | None:
    if sense.sign is None:
        return None
    return {"meaning": sense.sign.meaning.value, "kind": sense.sign.kind, "at": _moment(sense.sign.at)}


def _history(request: Request, agent: Agent) -> list[dict[str, Any]]:
    events: deque[Event] = deque(maxlen=_HISTORY)
    events.extend(e for e in request.world.ledger.read(0, agent_stream(agent.id), None) if e.type in _OF_STATE)
    return [
        {
            "at": _moment(event.at),
            "type": event.type,
            "evidence": event.data.get("evidence") or event.data.get("reason") or event.data.get("choice") or "",
        }
        for event in events
    ]


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment else None
