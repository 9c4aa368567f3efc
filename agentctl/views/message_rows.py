"""Messages as people look at them: one flat row each, the same for the terminal, JSON and every other face."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from agentctl.domain.message import Message, MessageState
from agentctl.domain.text import safe_line, safe_text

_HEAD = 200


def message_row(message: Message) -> dict[str, Any]:
    """Return the row of *message*; its text only by its first line."""
    return {
        "id": message.id,
        "agent": message.agent,
        "sender": message.sender,
        "kind": message.kind,
        "state": message.state.value,
        "when": message.when,
        "since": _moment(message.since),
        "queued_at": _moment(message.queued_at),
        "reason": message.reason,
        "evidence": message.evidence,
        "answer": message.answer,
        "code": message.code,
        "hops": message.hops,
        "number": message.number,
        "generation": message.generation,
        "text": _head(message),
    }


def message_rows(messages: Iterable[Message], states: Collection[str] = (), limit: int = 0) -> list[dict[str, Any]]:
    """Return a row for each of *messages* in one of *states* (all where there is none), the newest *limit* in order."""
    chosen = sorted((m for m in messages if not states or m.state in states), key=lambda m: m.seq)
    return [message_row(message) for message in chosen[-limit if limit else 0 :]]


def counts(messages: Iterable[Message]) -> dict[str, int]:
    """Return how many of one reader's messages wait, were not seen, and are dead."""
    states = [message.state for message in messages]
    waiting = sum(state in (MessageState.QUEUED, MessageState.HELD) for state in states)
    return {"waiting": waiting, "unseen": states.count(MessageState.UNSEEN), "dead": states.count(MessageState.DEAD)}


def in_hand(messages: Iterable[Message]) -> str:
    """Return the first line of what a reader works on: the last message that it took and has not answered yet."""
    taken = [message for message in messages if message.state is MessageState.SEEN]
    return _head(max(taken, key=lambda m: m.seq)) if taken else ""


def _head(message: Message) -> str:
    if message.keys:
        return f"keys {' '.join(message.keys)}"
    lines = safe_text(message.text[: 8 * _HEAD]).strip().splitlines()
    return safe_line(lines[0])[:_HEAD] if lines else ""


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment else None
