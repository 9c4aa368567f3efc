"""The nominal moments of a schedule: where on the time line its slots lie.

An interval counts in UTC. Of a cron expression, cronsim tells which times on a wall clock match; what moments these are
is worked out here, as Debian's cron does: a fixed time of day comes once on every day, at the end of the hour that is
left out where it lies in it, while a minute or an hour with a star counts the time that passes. cronsim's own walk over
a change of the clock loses times where the change is not a whole hour.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim

from agentctl.domain.schedule import Cron, Every, Timing

_SECOND = timedelta(seconds=1)
_FIRST_SPAN = timedelta(minutes=1)
_STRIDE = timedelta(days=7)
"""No zone changes its clocks twice within this."""


def next_slot(timing: Timing, after: datetime, anchor: datetime) -> datetime | None:
    """Return the first nominal moment after both *after* and *anchor*, in UTC; None: not within 50 years."""
    return next(_moments(timing, after, anchor), None)


def newest_slot(timing: Timing, since: datetime, until: datetime, anchor: datetime) -> datetime | None:
    """Return the last nominal moment after *since* that is not after *until*, None where there is none."""
    first = next_slot(timing, since, anchor)
    if first is None or first > until:
        return None
    span = _FIRST_SPAN
    while True:  # ends at the latest where it looks from `since` on: there is one
        within = takewhile(lambda at: at <= until, _moments(timing, max(since, until - span), anchor))
        if newest := deque(within, maxlen=1):
            return newest[0]
        span *= 4


def count_slots(timing: Timing, since: datetime, before: datetime, anchor: datetime, most: int) -> int:
    """Return how many nominal moments lie between *since* and *before*, neither of them included, *most* at most."""
    between = takewhile(lambda at: at < before, _moments(timing, since, anchor))
    return sum(1 for _ in islice(between, most))


def _moments(timing: Timing, after: datetime, anchor: datetime) -> Iterator[datetime]:
    after = max(after, anchor).astimezone(UTC)
    match timing:
        case Every():
            return _every(timing.interval, after, anchor.astimezone(UTC).replace(microsecond=0))
        case Cron():
            minute, hour, *_ = timing.expression.split()
            walk = _as_time_passes if minute.startswith("*") or hour.startswith("*") else _by_the_clock
            return walk(timing.expression, ZoneInfo(timing.zone), after)


def _every(interval: timedelta, after: datetime, anchor: datetime) -> Iterator[datetime]:
    at = anchor + ((after - anchor) // interval + 1) * interval
    while True:
        yield at
        at += interval


def _by_the_clock(expression: str, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """Yield the moment of each time of day that matches, once a day whatever becomes of the clock."""
    for wall in CronSim(expression, _wall(after, _offset(zone, after))):
        first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        # A time that no clock shows reads later as the first of two than as the second.
        moment = first if first <= second else _turn(zone, second, first) or first
        if moment > after:
            yield moment
            after = moment


def _as_time_passes(expression: str, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """Yield each moment at which the clocks show a time that matches, an hour that comes twice included."""
    offset = _offset(zone, after)
    start = _wall(after, offset)
    while True:
        for wall in CronSim(expression, start):
            moment = wall.replace(tzinfo=UTC) - offset
            if (turn := _turn(zone, after, moment)) is not None:
                offset, after = _offset(zone, turn), turn
                start = _wall(turn - _SECOND, offset)
                break
            yield moment
            after = moment
        else:
            return


def _turn(zone: tzinfo, start: datetime, end: datetime) -> datetime | None:
    """Return the first moment after *start*, up to *end*, at which the clocks of *zone* have been changed."""
    offset = _offset(zone, start)
    while start < end:
        reached = min(start + _STRIDE, end)
        if _offset(zone, reached) != offset:
            whole = start.replace(microsecond=0)
            seconds = range((reached - whole) // _SECOND + 1)
            changed = bisect_left(seconds, True, key=lambda second: _offset(zone, whole + second * _SECOND) != offset)
            return whole + changed * _SECOND
        start = reached
    return None


def _offset(zone: tzinfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def _wall(moment: datetime, offset: timedelta) -> datetime:
    """Return what a clock that is *offset* ahead of UTC shows at *moment*."""
    return (moment + offset).replace(tzinfo=None)
