"""Sending: a message for one agent, queued durably, handed over when the agent can take it."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from agentctl.domain.agent import Agent, AgentState
from agentctl.domain.errors import NotFound, Refused, UsageError
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.supervisor.loop import first
from agentctl.supervisor.requests.request import Request

_MOST_BYTES = 1 * 2**20
_HANDED_OVER_WITHIN = 2.0
"""Seconds a sender without `--wait` is kept for the first news of its message."""

_HANDED_OVER = frozenset({"typed", "seen", "answered", "dead"})
_REACHABLE = frozenset({AgentState.RUNNING, AgentState.STARTING, AgentState.PENDING, AgentState.BACKOFF})


async def send(request: Request) -> dict[str, Any]:
    """Queue a message and say how far it came: at once, or after `wait` seconds where an answer is wanted."""
    agent = request.one()
    text, keys = request.arg("text", str, ""), tuple(request.texts("keys"))
    _check(text, keys)
    _check_takes(request, agent, keys)
    if agent.state not in _REACHABLE:
        raise Refused(f"{agent.id} does not run ({agent.state})", hint=f"start it: agentctl restart {agent.id}")
    message = secrets.token_hex(4)
    facts = {"message": message, "text": text, "keys": list(keys), "sender": request.caller.name}
    events = request.record([Draft(agent_stream(agent.id), EventType.MESSAGE_QUEUED, facts)])
    message = events[0].data["message"]
    wait = request.seconds("wait", 0.0)
    goal = frozenset({"answered", "dead"}) if wait else _HANDED_OVER
    await _until(request, message, goal, wait or _HANDED_OVER_WITHIN)
    return _result(request, message)


def _check(text: str, keys: tuple[str, ...]) -> None:
    if not text and not keys:
        raise UsageError("there is nothing to send", hint="give a text, --file, - for standard input, or --keys")
    if text and keys:
        raise UsageError("a message is a text or keys, not both")
    if len(text.encode(errors="replace")) > _MOST_BYTES:
        raise UsageError("a message is at most 1 MiB", hint="put it in a file and send its path")


def _check_takes(request: Request, agent: Agent, keys: tuple[str, ...]) -> None:
    if agent.runner and not keys and request.world.runners.get(agent.runner).submit.channel == "none":
        raise Refused(f"{agent.id} is a {agent.runner}: it takes no messages", hint="press keys instead: --keys C-c")


async def _until(request: Request, message: str, goal: frozenset[str], seconds: float) -> None:
    clock = request.world.clock
    end = clock.monotonic() + seconds
    while True:
        changed = asyncio.ensure_future(request.world.ledger.changed())
        found = request.fleet.messages.get(message)
        left = end - clock.monotonic()
        if found is None or found.state in goal or left <= 0:
            changed.cancel()
            return
        await first(changed, clock.sleep(left))


def _result(request: Request, message: str) -> dict[str, Any]:
    found = request.fleet.messages.get(message)
    if found is None:
        raise NotFound(f"message {message} is gone: its agent was forgotten")
    agent = request.fleet.agents.get(found.agent)
    why = f"{found.agent} is {agent.state}" if agent is not None and found.state == "queued" else found.evidence
    return {
        "message": message,
        "agent": found.agent,
        "state": found.state,
        "evidence": why,
        "code": found.code,
    }
