"""Schedules: what is done for agents again and again, when, and by what name each single time is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from agentctl.domain.names import AgentId, agent_id


class ScheduleKind(StrEnum):
    """What is done."""

    COMMIT = "commit"
    """A checkpoint of the agent's work."""
    MESSAGE = "message"
    """A text for the agent."""
    CHECK_IN = "check-in"
    """A question for how far the agent is; what it answers is kept as a report."""


@dataclass(frozen=True, slots=True)
class Every:
    """Again and again, counted in UTC from a moment that is kept: no change of the clock skips or doubles one."""

    interval: timedelta


@dataclass(frozen=True, slots=True)
class Cron:
    """Cron's five fields, read on the clocks of a time zone."""

    expression: str
    zone: str = "UTC"
    """A name of the IANA time zone database."""


Timing: TypeAlias = Every | Cron


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule of a team; no agent has two of one name."""

    name: str
    kind: ScheduleKind
    timing: Timing
    agents: tuple[str, ...]
    """Whom it is for, by their names in the team; replicas have their numbers."""
    text: str = ""
    """What a message or a check-in says."""
    jitter: timedelta = timedelta(0)
    """Each agent's time is put off by less than this, always by as much for one slot."""
    catch_up: bool = True
    """Whether the newest slot of a gap is made up for after it."""
    enabled: bool = True
    when: str = ""
    """As a message's: `idle`, `now`, or empty."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One time at which a schedule is to be done for one agent: done at most once, whoever does it."""

    team: str
    schedule: str
    agent: str
    at: datetime
    """The nominal moment, in UTC; jitter does not change it."""

    @property
    def agent_id(self) -> AgentId:
        """Return `team/agent`."""
        return agent_id(self.team, self.agent)

    @property
    def id(self) -> str:
        """Return the slot's name, the same wherever and whenever it is made: `shop/dev:save@2026-11-29T12:00:00Z`."""
        moment = self.at.astimezone(UTC).replace(tzinfo=None).isoformat()
        return f"{self.agent_id}:{self.schedule}@{moment}Z"
