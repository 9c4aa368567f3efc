"""What a schedule asks for now, and when it is to be looked at again.

A gap of any length (a sleep, a downtime, a tick that took long) is made up for by the newest slot alone. A slot at or
before the last one that was taken never comes again, wherever the clock goes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from cronsim import CronSim

from agentctl.domain.names import AgentId, agent_id
from agentctl.domain.schedule import Cron, Every, Schedule, Slot, Timing
from agentctl.engine.moments import count_slots, newest_slot, next_slot

GRACE = timedelta(minutes=1)
"""A tick that is not made up for may come so late: a busy machine is no gap."""
MOST_MISSED = 100
"""Counting further would only take time."""

_UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1)))
_SHARES, _MICROSECOND = 2**32, timedelta(microseconds=1)
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


class Outcome(StrEnum):
    """What becomes of a schedule's newest slot, in words that end `do it:`."""

    NOT_YET = "not yet"
    ACT = "now"
    BUSY = "when the one before is over"
    """No two at a time: it stays, and is asked for again when that one ends."""
    LATE = "never"
    """It was missed, and this schedule does not catch up."""


@dataclass(frozen=True, slots=True)
class Due:
    """What a schedule asks for at a moment."""

    outcome: Outcome
    slot: Slot | None = None
    """The slot that is spoken of; None where none has come."""
    missed: int = 0
    """How many older ones are dropped for it; `MOST_MISSED` stands for that many or more."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a schedule stands for one of its agents."""

    schedule: Schedule
    team: str
    agent: str
    anchor: datetime
    """When the schedule was made: intervals count from here, and nothing is due before."""
    last: datetime | None = None
    """The nominal moment of the last slot that was taken."""

    @property
    def since(self) -> datetime:
        """Return the moment up to which all is settled."""
        return self.anchor if self.last is None else max(self.anchor, self.last)

    @property
    def agent_id(self) -> AgentId:
        """Return `team/agent`."""
        return agent_id(self.team, self.agent)

    def slot(self, at: datetime) -> Slot:
        """Return the slot whose nominal moment is *at*."""
        return Slot(self.team, self.schedule.name, self.agent, at)

    def moment(self, at: datetime) -> datetime:
        """Return when the slot of *at* is to be done: jitter later, and always before the next one."""
        room = self.schedule.jitter
        if not room:
            return at
        following = next_slot(self.schedule.timing, at, self.anchor)
        if following is not None:
            room = min(room, following - at)
        return at + _part(room, self.slot(at).id)


def anchor_of(schedule: Schedule, agent: AgentId) -> datetime:
    """Return from when on the intervals of *schedule* are counted for *agent*.

    It follows from names alone, so that neither a restart nor another deploy moves a slot; and it lies elsewhere for
    each agent, so that not all of them are asked in the same second.
    """
    if not isinstance(schedule.timing, Every):
        return _EPOCH
    return _EPOCH + _part(schedule.timing.interval, f"{agent}:{schedule.name}")


def due(standing: Standing, now: datetime, *, busy: bool = False) -> Due:
    """Return what *standing* asks for at *now*; *busy*: the tick before is not over.

    Of what has come since the last slot only the newest counts, even while its jitter lasts.
    """
    schedule, since = standing.schedule, standing.since
    at = newest_slot(schedule.timing, since, now, standing.anchor) if schedule.enabled else None
    if at is None or now < (moment := standing.moment(at)):
        return Due(Outcome.NOT_YET)
    slot, missed = standing.slot(at), count_slots(schedule.timing, since, at, standing.anchor, MOST_MISSED)
    if not schedule.catch_up and now - moment > GRACE:
        return Due(Outcome.LATE, slot, missed)
    return Due(Outcome.BUSY if busy else Outcome.ACT, slot, missed)


def next_look(standings: Iterable[Standing], now: datetime) -> datetime | None:
    """Return when something is due next, after what `due` told at the same *now*; None: never.

    Of one standing it changes only with what is taken, so it can be kept until then. What `due` held back as busy is
    looked at when that is over, which is no matter of time.
    """
    return min((at for standing in standings if (at := _next_moment(standing, now)) is not None), default=None)


def explain(schedule: Schedule) -> str:
    """Return when *schedule* is done, in words: `every 15 min`, `at 09:00 on Monday through Friday, Europe/Berlin`."""
    spread = f", up to {_in_words(schedule.jitter)} later" if schedule.jitter else ""
    return f"{_explain(schedule.timing)}{spread}"


def _next_moment(standing: Standing, now: datetime) -> datetime | None:
    timing, since, anchor = standing.schedule.timing, standing.since, standing.anchor
    if not standing.schedule.enabled:
        return None
    following = next_slot(timing, since, anchor)
    if following is not None and following <= now:
        newest = newest_slot(timing, since, now, anchor) or following
        if (moment := standing.moment(newest)) > now:
            return moment
        following = next_slot(timing, now, anchor)
    return None if following is None else standing.moment(following)


def _part(span: timedelta, name: str) -> timedelta:
    """Return a part of *span* that is always the same for *name*; in numbers, for a timedelta would overflow."""
    share = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])
    return timedelta(microseconds=span // _MICROSECOND * share // _SHARES)


def _explain(timing: Timing) -> str:
    match timing:
        case Every():
            return f"every {_in_words(timing.interval)}"
        case Cron():
            text = CronSim(timing.expression, datetime.min.replace(tzinfo=UTC)).explain()
            return f"{text[0].lower()}{text[1:]}, {timing.zone}"


def _in_words(span: timedelta) -> str:
    """Return *span* exactly: `1 h 30 min`, `45 s`."""
    words = []
    for unit, size in _UNITS:
        number, span = divmod(span, size)
        words += [f"{number} {unit}"] if number else []
    return " ".join([*words, f"{span.total_seconds():g} s"] if span or not words else words)
