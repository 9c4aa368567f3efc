"""Traffic: which messages are refused at once, so that agents cannot drown each other or go round in circles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from agentctl.domain.message import KEPT, PERSON, WAITING, Message
from agentctl.domain.names import AgentId, team_of

MOST_HOPS = 8
"""Agents that may pass on what came of one message before a person has to say that it goes on."""
MOST_WAITING = 100
"""Messages that may wait for one agent."""
_REPEATS, _REPEATED_WITHIN = 3, timedelta(minutes=10)


def refusal(  # noqa: PLR0917  the parts of one message, in the order in which they stand in it
    sender: str, agent: str, text: str, hops: int, recent: Sequence[Message], now: datetime
) -> str:
    """Return why *sender* may not send *text* to *agent* now and what to do instead; empty where they may.

    *agent* may be `person`. *hops* counts the agents that passed on what led to this message, its sender included.
    *recent* holds the messages of the last ten minutes and those that wait, for whomever they are.
    """
    if not _is_agent(sender):
        return _too_many(agent, recent) if sender == PERSON else ""
    return (
        _unwanted(sender, agent)
        or _too_far(hops)
        or _repeated(agent, text, recent, now)
        or _too_many(agent, recent)
    )  # fmt: skip


def _is_agent(sender: str) -> bool:
    return "/" in sender


def _unwanted(sender: str, agent: str) -> str:
    if sender == agent:
        return "an agent cannot send to itself: note it in a file instead"
    if agent != PERSON and team_of(AgentId(sender)) != team_of(AgentId(agent)):
        return f"{agent} is of another team: send to an agent of your own, or ask with: agentctl send {PERSON} TEXT"
    return ""


def _too_far(hops: int) -> str:
    if hops <= MOST_HOPS:
        return ""
    return f"{hops} agents have passed this on, and {MOST_HOPS} may: decide by yourself, or wait until a person writes"


def _repeated(agent: str, text: str, recent: Sequence[Message], now: datetime) -> str:
    """Agents that go round in circles say the same again, whoever of them it is."""
    same = sum(
        message.agent == agent
        and _is_agent(message.sender)
        and message.queued_at is not None
        and message.queued_at > now - _REPEATED_WITHIN
        and _gist(message.text) == _gist(text)
        for message in recent
    )
    if same < _REPEATS:
        return ""
    return f"{agent} was told the same {same} times in 10 min: wait for its answer, or tell it something new"


def _gist(text: str) -> str:
    """Return what counts of a text; only its beginning is kept once it was handed over."""
    return " ".join(text[:KEPT].split())


def _too_many(agent: str, recent: Sequence[Message]) -> str:
    waiting = sum(message.agent == agent and message.state in WAITING for message in recent)
    if waiting < MOST_WAITING:
        return ""
    return f"{waiting} messages wait for {agent}: wait until it has taken some; why it does not: agentctl why {agent}"
