"""Sending: a message for one agent or for a person, queued durably, handed over when its reader can take it."""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta
from typing import Any

from agentctl.domain.agent import Agent, AgentState
from agentctl.domain.codec import encode
from agentctl.domain.errors import Refused, UsageError
from agentctl.domain.events import PERSON_STREAM, Draft, EventType, agent_stream
from agentctl.domain.message import PERSON, Message, MessageState
from agentctl.domain.names import AgentId
from agentctl.engine.dialogs import answer_by_policy
from agentctl.engine.traffic import refusal
from agentctl.supervisor.loop import first
from agentctl.supervisor.requests.request import Request
from agentctl.views.message_rows import message_row

_MOST_BYTES = 1 * 2**20
_HANDED_OVER_WITHIN = 2.0
"""Seconds a sender without `--wait` is kept for the first news of its message."""

_SHOWN_WITHIN = timedelta(seconds=2)

_HANDED_OVER = frozenset(
    {MessageState.TYPED, MessageState.UNSEEN, MessageState.SEEN, MessageState.ANSWERED, MessageState.DEAD}
)
_OVER = frozenset({MessageState.ANSWERED, MessageState.DEAD, MessageState.UNSEEN})
_REACHABLE = frozenset({AgentState.RUNNING, AgentState.STARTING, AgentState.PENDING, AgentState.BACKOFF})
_WHEN = ("", "idle", "now")


async def send(request: Request) -> dict[str, Any]:
    """Queue a message and say how far it came: at once, or after `wait` seconds where an answer is wanted."""
    text, keys = request.arg("text", str, ""), tuple(request.texts("keys"))
    _check(request, text, keys)
    if request.need("agent", str) == PERSON:
        return _to_person(request, text)
    agent = request.one()
    _check_takes(request, agent, keys)
    message = _queue(request, agent, text, keys)
    wait = request.seconds("wait", 0.0)
    await _until(request, message, _OVER if wait else _HANDED_OVER, wait or _HANDED_OVER_WITHIN)
    return result(request, message)


def _check(request: Request, text: str, keys: tuple[str, ...]) -> None:
    if not text and not keys:
        raise UsageError("there is nothing to send", hint="give a text, --file, - for standard input, or --keys")
    if text and keys:
        raise UsageError("a message is a text or keys, not both")
    if len(text.encode(errors="replace")) > _MOST_BYTES:
        raise UsageError("a message is at most 1 MiB", hint="put it in a file and send its path")
    if request.arg("when", str, "") not in _WHEN:
        raise UsageError("--when takes: idle, now")
    if request.caller.agent is not None and (keys or request.arg("raw", bool, default=False)):
        raise Refused("an agent sends messages; keys and raw texts are for persons")


def _check_takes(request: Request, agent: Agent, keys: tuple[str, ...]) -> None:
    if agent.runner and not keys and request.world.runners.known(agent.runner).submit.channel == "none":
        raise Refused(f"{agent.id} is a {agent.runner}: it takes no messages", hint="press keys instead: --keys C-c")
    if agent.state not in _REACHABLE:
        raise Refused(f"{agent.id} does not run ({agent.state})", hint=f"start it: agentctl restart {agent.id}")


def _to_person(request: Request, text: str) -> dict[str, Any]:
    if not text:
        raise UsageError("a person takes a text")
    message = _append(request, PERSON_STREAM, AgentId(PERSON), text, ())
    return result(request, message)


def _queue(request: Request, agent: Agent, text: str, keys: tuple[str, ...]) -> str:
    return _append(request, agent_stream(agent.id), agent.id, text, keys)


def _append(request: Request, stream: str, reader: AgentId, text: str, keys: tuple[str, ...]) -> str:
    hops = _hops(request, reader, text)
    facts = {
        "message": secrets.token_hex(4),
        "text": text,
        "keys": list(keys),
        "sender": request.caller.name,
        "kind": "raw" if request.arg("raw", bool, default=False) else "message",
        "when": request.arg("when", str, ""),
        "hops": hops,
    }
    return str(request.record([Draft(stream, EventType.MESSAGE_QUEUED, facts)])[0].data["message"])


def _hops(request: Request, reader: AgentId, text: str) -> int:
    """Return how many agents have passed this on; raise `Refused` for what looks like agents going in circles."""
    sender = request.caller.agent
    if sender is None:
        return 0
    hops = _hops_of(request, sender) + 1
    why = refusal(sender, reader, text, hops, list(request.fleet.messages.values()), request.world.clock.now())
    if why:
        facts = {"verb": "send", "why": why, "pid": request.caller.pid}
        request.record([Draft("supervisor", EventType.CALL_REFUSED, facts)])
        raise Refused(why, hint="tell a person: agentctl send person TEXT")
    return hops


def _hops_of(request: Request, sender: AgentId) -> int:
    """Return the hops of what *sender* works on; it may send on what it was given before its signal is heard."""
    agent = request.fleet.agents.get(sender)
    if agent is None:
        return 0
    given = (m.hops for m in request.fleet.of(sender) if m.state is MessageState.TYPED)
    return max(agent.hops, *given, 0)


async def _until(request: Request, message: str, goal: frozenset[MessageState], seconds: float) -> None:
    clock = request.world.clock
    end = clock.monotonic() + seconds
    while True:
        changed = asyncio.ensure_future(request.world.ledger.changed())
        found = request.fleet.messages.get(message)
        left = end - clock.monotonic()
        in_vain = _in_vain_in(request, found, seconds) if found is not None else None
        if found is None or found.state in goal or left <= 0 or in_vain == 0:
            changed.cancel()
            return
        await first(changed, clock.sleep(left if in_vain is None else min(left, in_vain)))


def _in_vain_in(request: Request, message: Message, seconds: float) -> float | None:
    """Return in how many seconds waiting is in vain until a person answers what the agent asks; None: it never is."""
    agent, spec = request.fleet.agents.get(message.agent), request.fleet.spec(message.agent)
    if seconds <= _HANDED_OVER_WITHIN or agent is None or spec is None or agent.asking is None:
        return None
    if answer_by_policy(agent.asking, spec) is not None:
        return None
    if agent.source == "screen":
        return 0.0
    now = request.world.clock.now()  # its signal comes before the question is on the screen, and no event need follow
    return max(0.0, (_SHOWN_WITHIN - (now - (agent.asking.since or now))).total_seconds())


def _behind(request: Request, message: Message) -> str:
    """Say which message keeps *message* back, and why, where one does."""
    before = next((m for m in request.fleet.queued(message.agent) if m.seq < message.seq), None)
    return f"it waits behind {before.id}" + (f": {before.reason}" if before.reason else "") if before else ""


def result(request: Request, message: str) -> dict[str, Any]:
    """Return how far *message* has come."""
    found = request.fleet.messages.get(message)
    if found is None:
        raise Refused(f"message {message} is gone: its agent was forgotten")
    agent = request.fleet.agents.get(found.agent)
    waits = found.state in (MessageState.QUEUED, MessageState.HELD)
    why = found.reason or _behind(request, found) or (f"{found.agent} is {agent.state}" if agent is not None else "")
    row = message_row(found)
    evidence = why if waits or found.state in (MessageState.UNSEEN, MessageState.DEAD) else found.evidence
    asking = agent.asking if agent is not None else None
    return row | {"message": found.id, "evidence": evidence, "asking": encode(asking)}
