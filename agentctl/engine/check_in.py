"""What becomes of a check-in when its time has come: whether it is sent, and whether the last one was answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from agentctl.domain.agent import Agent
from agentctl.domain.message import OVER, Message, MessageState
from agentctl.domain.report import CHECK_IN
from agentctl.engine.digest import digest
from agentctl.engine.moments import next_slot
from agentctl.engine.schedule import Standing
from agentctl.views.fleet import Fleet

SILENT_AFTER = 2
"""So many check-ins without an answer are told of."""

_SHORT = 3
"""A third of the interval: who began or reported within it is not asked, who was asked within it has time left."""


@dataclass(frozen=True, slots=True)
class CheckIn:
    """What one slot of a check-in asks for."""

    text: str = ""
    """What the agent is asked; empty: nothing."""
    skipped: str = ""
    """Why it is asked nothing."""
    waiting: str = ""
    """The check-in before, where it is not over: the next one waits for its end."""
    unanswered: str = ""
    """The check-in that the agent got and should have answered by now."""
    silent: bool = False
    """With this one it has left so many unanswered that a person should know."""


def check_in(fleet: Fleet, standing: Standing, at: datetime, now: datetime) -> CheckIn:
    """Return what the slot of *standing* whose nominal moment is *at* asks for."""
    agent, schedule = fleet.agents[standing.agent_id], standing.schedule
    before = _before(fleet, agent, schedule.name)
    waiting = before.id if before is not None and before.state not in OVER | {MessageState.UNSEEN} else ""
    if agent.paused is not None:
        return CheckIn(skipped=f"it is paused: {agent.pause_reason}", waiting=waiting)
    short = _short(standing, at)
    if agent.since is not None and timedelta(0) <= now - agent.since < short:
        return CheckIn(skipped="it has just begun", waiting=waiting)
    if agent.reported_at is not None and timedelta(0) <= now - agent.reported_at < short:
        return CheckIn(skipped="it has just reported", waiting=waiting)
    unanswered = _unanswered(fleet, agent, now - short)
    silent = bool(unanswered) and agent.missed_check_ins + 1 == SILENT_AFTER
    if waiting:
        skipped = f"check-in {waiting} is not answered"
        return CheckIn(skipped=skipped, waiting=waiting, unanswered=unanswered, silent=silent)
    told = digest(fleet, agent.id, now)
    text = f"{schedule.text}\n\n{told}" if told else schedule.text
    return CheckIn(text, unanswered=unanswered, silent=silent)


def _before(fleet: Fleet, agent: Agent, schedule: str) -> Message | None:
    tick = agent.ticks.get(schedule)
    return fleet.messages.get(tick.message) if tick is not None else None


def _short(standing: Standing, at: datetime) -> timedelta:
    """Return what is a short time for this check-in; none where there is no next one."""
    following = next_slot(standing.schedule.timing, at, standing.anchor)
    return (following - at) / _SHORT if following is not None else timedelta(0)


def _unanswered(fleet: Fleet, agent: Agent, until: datetime) -> str:
    """Return the newest check-in that this generation got *until* then, where it has not answered it and could have."""
    if agent.asking is not None:  # it waits for a person, or for its provider
        return ""
    got = (m for m in fleet.of(agent.id) if m.kind == CHECK_IN and m.generation == agent.generation)
    newest = max(got, key=lambda m: m.seq, default=None)
    if newest is None or newest.state is MessageState.ANSWERED or (newest.since is not None and newest.since > until):
        return ""
    return newest.id
