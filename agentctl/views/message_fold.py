"""What each event makes of a message, and the table of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from agentctl.domain.errors import IllegalMove
from agentctl.domain.events import Event, EventType
from agentctl.domain.message import KEPT, Message, MessageState
from agentctl.domain.names import AgentId

_AT_HAND = frozenset({MessageState.QUEUED, MessageState.HELD, MessageState.TYPED, MessageState.UNSEEN})
"""While it may have to be typed its whole text is kept at hand."""


def queued(reader: AgentId, event: Event) -> Message:
    """Return the message that *event* queues for *reader*."""
    data = event.data
    return Message(
        data["message"],
        reader,
        data["text"],
        data["sender"],
        event.seq,
        data.get("kind", "message"),
        tuple(data.get("keys", ())),
        data.get("when", ""),
        data.get("hops", 0),
        since=event.at,
        queued_at=event.at,
    )


def _move(to: MessageState) -> Callable[[Message, Event], Message]:
    def fold(message: Message, event: Event) -> Message:
        data = event.data
        if message.state is to and to is not MessageState.HELD:
            return replace(message, number=data.get("number", message.number))
        return message.move(
            to,
            since=event.at,
            text=message.text if to in _AT_HAND else message.text[:KEPT],
            number=data.get("number", message.number),
            generation=data.get("generation", message.generation),
            reason=data.get("reason", ""),
            evidence=data.get("evidence", message.evidence),
            answer=data.get("answer", message.answer),
            code=data.get("code", message.code),
        )

    return fold


def _nudged(message: Message, event: Event) -> Message:
    return replace(message, nudged=True, evidence=event.data.get("evidence", message.evidence))


def _retried(message: Message, event: Event) -> Message:
    facts: dict[str, Any] = {
        "text": event.data.get("text", message.text),
        "seq": message.seq if event.data.get("in_place") else event.seq,
        "number": 0,
    }
    facts |= {"generation": 0, "nudged": False, "evidence": "", "code": None, "answer": ""}
    return message.move(MessageState.QUEUED, since=event.at, reason=event.data.get("reason", ""), **facts)


def _reported(message: Message, event: Event) -> Message:
    if message.reported:
        raise IllegalMove(f"{event.type} comes once: {message.id} has a report")
    return replace(message, reported=True)


MESSAGE_FOLDS: dict[str, Callable[[Message, Event], Message]] = {
    EventType.MESSAGE_HELD: _move(MessageState.HELD),
    EventType.MESSAGE_TYPED: _move(MessageState.TYPED),
    EventType.MESSAGE_NUDGED: _nudged,
    EventType.MESSAGE_UNSEEN: _move(MessageState.UNSEEN),
    EventType.MESSAGE_SEEN: _move(MessageState.SEEN),
    EventType.MESSAGE_ANSWERED: _move(MessageState.ANSWERED),
    EventType.MESSAGE_DEAD: _move(MessageState.DEAD),
    EventType.MESSAGE_RETRIED: _retried,
    EventType.AGENT_REPORTED: _reported,
}
