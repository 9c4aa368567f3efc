"""Mail: what became of messages, what waits for the caller, and second tries for what could not be delivered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agentctl.domain.errors import NotFound, Refused, UsageError
from agentctl.domain.events import PERSON_STREAM, Draft, Event, EventType, agent_stream
from agentctl.domain.message import PERSON, WAITING, Message, MessageState
from agentctl.domain.names import AgentId
from agentctl.supervisor.requests.request import Request
from agentctl.views.message_rows import message_row, message_rows

_LIMIT = 50
_RETRIED = frozenset({MessageState.DEAD, MessageState.UNSEEN})
_DROPPED = frozenset({*WAITING, MessageState.TYPED, MessageState.UNSEEN})


async def inbox(request: Request) -> dict[str, Any]:
    """Return the caller's messages that wait, with their texts; with `take` they count as read."""
    reader = AgentId(request.caller.agent or PERSON)
    waiting = request.fleet.queued(reader)
    waiting = [message for message in waiting if not message.keys and message.id not in request.world.in_hand]
    if request.arg("take", bool, default=False):
        request.record([_read(message, request) for message in waiting])
    return {"reader": reader, "messages": [message_row(message) | {"text": message.text} for message in waiting]}


def _read(message: Message, request: Request) -> Draft:
    agent = request.fleet.agents.get(message.agent)
    facts = {"message": message.id, "evidence": "it read its inbox"}
    generation = {"generation": agent.generation} if agent is not None else {}
    return Draft(_stream(message), EventType.MESSAGE_ANSWERED, {**facts, **generation})


async def messages(request: Request) -> dict[str, Any]:
    """Return messages as rows: of the selected agents, to and from an agent that asks."""
    states, limit = request.texts("states"), request.arg("limit", int, _LIMIT)
    unknown = sorted(set(states) - {state.value for state in MessageState})
    if unknown:
        known = ", ".join(state.value for state in MessageState)
        raise UsageError(f"'{unknown[0]}' is no state of a message", hint=f"there are: {known}")
    return {"messages": message_rows(_visible(request), states, max(0, limit))}


def _visible(request: Request) -> list[Message]:
    everything = list(request.fleet.messages.values())
    own = request.caller.agent
    if own is not None:
        return [m for m in everything if own in (m.agent, m.sender)]
    if not request.texts("selectors"):
        return everything
    chosen = {*request.selected()} if request.texts("selectors") != [PERSON] else {PERSON}
    return [m for m in everything if m.agent in chosen]


async def message(request: Request) -> dict[str, Any]:
    """Return one message with its whole text and all that happened to it."""
    found = _one(request, request.need("id", str))
    own = request.caller.agent
    if own is not None and own not in (found.agent, found.sender):
        raise Refused("an agent sees its own messages only")
    events = [e for e in request.world.ledger.read(0, _stream(found), None) if e.data.get("message") == found.id]
    return {
        "message": message_row(found) | {"text": _text(events) or found.text},
        "history": [_line(event) for event in events],
    }


async def retry(request: Request) -> dict[str, Any]:
    """Queue messages again that are dead or were not seen; a person has looked and says so."""
    found = _all(request)
    _check(found, _RETRIED, "is not dead and was not missed")
    drafts = []
    for message in found:
        events = request.world.ledger.read(message.seq - 1, _stream(message), 1)
        facts = {"message": message.id, "text": _text(events) or message.text, "reason": "a person tries it again"}
        drafts.append(Draft(_stream(message), EventType.MESSAGE_RETRIED, facts))
    request.record(drafts)
    return _rows(request, found)


async def drop(request: Request) -> dict[str, Any]:
    """Give messages up that wait or were not seen."""
    found = _all(request)
    _check(found, _DROPPED, "is over already")
    for message in found:
        if message.id in request.world.in_hand:
            raise Refused(f"message {message.id} is being typed at this moment", hint="try again")
    facts = {"reason": "a person gave it up"}
    request.record([Draft(_stream(m), EventType.MESSAGE_DEAD, {"message": m.id, **facts}) for m in found])
    return _rows(request, found)


def _check(found: Iterable[Message], states: frozenset[MessageState], why: str) -> None:
    for message in found:
        if message.state not in states:
            raise Refused(f"message {message.id} {why}: it is {message.state}")


def _all(request: Request) -> list[Message]:
    """Return the messages that were named, each once."""
    return list({message.id: message for message in (_one(request, name) for name in request.texts("ids"))}.values())


def _one(request: Request, name: str) -> Message:
    """Return the message whose id is *name* or begins so, where there is one."""
    known = request.fleet.messages
    found = [m for key, m in known.items() if key.startswith(name)] if name else []
    if len(found) != 1:
        what = f"'{name}' fits {len(found)} messages" if found else f"there is no message '{name}'"
        raise NotFound(what, hint="the last ones: agentctl messages")
    return found[0]


def _rows(request: Request, found: Iterable[Message]) -> dict[str, Any]:
    return {"messages": [message_row(request.fleet.messages.get(m.id, m)) for m in found]}


def _stream(message: Message) -> str:
    return PERSON_STREAM if message.agent == PERSON else agent_stream(message.agent)


def _text(events: Iterable[Event]) -> str:
    return next((str(event.data["text"]) for event in events if event.data.get("text")), "")


def _line(event: Event) -> dict[str, Any]:
    evidence = event.data.get("evidence") or event.data.get("reason") or ""
    return {"at": event.at.isoformat(timespec="milliseconds"), "type": event.type, "evidence": evidence}
