"""Where slots lie: every change of the clock in ten zones, beside a plain count of minutes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.schedule import Cron, Every, Timing
from agentctl.engine.moments import count_slots, newest_slot, next_slot
from tests.unit.engine.clocks import CHANGES, ZONES, Change

DAY, HOUR, MINUTE, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
FIXED = ["30 2 * * *", "0 0 * * *", "0,30 1-3 * * *", "45 23 * * *", "15 2,3 * * 0", "59 1 * * 1-5"]
PASSING = ["*/15 * * * *", "0 * * * *", "*/20 1-3 * * *", "30 */2 * * *", "* 2 * * *"]
TIMINGS = st.one_of(
    st.builds(Every, st.timedeltas(MINUTE, timedelta(days=3))),
    st.builds(Cron, st.sampled_from(FIXED + PASSING + ["0 0 29 2 *", "0 12 L * *"]), st.sampled_from(ZONES)),
)
MOMENTS = st.integers(0, 36 * 365 * 86400).map(lambda second: datetime(2009, 1, 1, tzinfo=UTC) + second * SECOND)


def slots(timing: Timing, start: datetime, end: datetime, anchor: datetime = LONG_AGO) -> list[datetime]:
    """All slots after *start* up to *end*, each looked for from the one before it, as after a restart."""
    found: list[datetime] = []
    while (at := next_slot(timing, found[-1] if found else start, anchor)) is not None and at <= end:
        found.append(at)
    return found


def minutes(start: datetime, end: datetime, zone: str) -> Iterator[tuple[datetime, datetime]]:
    """Every minute of the time line with what the clocks show at it."""
    at = start + MINUTE
    while at <= end:
        yield at, at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
        at += MINUTE


def matching(expression: str, first: datetime, last: datetime) -> list[datetime]:
    """The times on a wall, from *first* to *last*, that match."""
    return list(takewhile(lambda wall: wall <= last, CronSim(expression, first - MINUTE)))


@pytest.mark.parametrize("expression", PASSING)
@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_with_a_star_each_minute_that_the_clocks_show_counts(change: Change, expression: str) -> None:
    start, end = change.at - 4 * HOUR, change.at + 4 * HOUR
    shown = list(minutes(start, end, change.zone))
    walls = {wall for _, wall in shown}
    wanted = set(matching(expression, min(walls), max(walls)))
    assert slots(Cron(expression, change.zone), start, end) == [at for at, wall in shown if wall in wanted]


@pytest.mark.parametrize("expression", FIXED)
@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_time_of_day_comes_once_a_day_and_after_the_hour_that_is_left_out(change: Change, expression: str) -> None:
    start, end = change.at - DAY, change.at + DAY
    shown: dict[datetime, datetime] = {}
    for at, wall in minutes(start - DAY, end, change.zone):
        shown.setdefault(wall, at)  # of a time that comes twice, the first
    wanted = {shown.get(wall, change.at) for wall in matching(expression, min(shown), max(shown))}
    assert slots(Cron(expression, change.zone), start, end) == sorted(at for at in wanted if start < at <= end)


@pytest.mark.parametrize("change", CHANGES, ids=str)
@pytest.mark.parametrize("minutes_between", [15, 60, 90])
def test_an_interval_knows_nothing_of_clocks(change: Change, minutes_between: int) -> None:
    interval = timedelta(minutes=minutes_between)
    anchor = change.at - 7 * HOUR
    found = slots(Every(interval), anchor, change.at + 7 * HOUR, anchor)
    assert found == [anchor + n * interval for n in range(1, len(found) + 1)]
    assert len(found) == 14 * HOUR // interval


def test_the_hour_that_is_left_out_and_the_one_that_comes_twice_in_berlin() -> None:
    nightly = Cron("30 2 * * *", "Europe/Berlin")
    spring, autumn = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert slots(nightly, spring, spring + DAY) == [datetime(2026, 3, 29, 1, tzinfo=UTC)]
    assert slots(nightly, autumn, autumn + DAY) == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC)]


def test_a_day_that_never_was_is_made_up_for_once() -> None:
    """West of the date line on the 29th, east of it on the 31st."""
    start, daily = datetime(2011, 12, 29, 12, tzinfo=UTC), Cron("0 9 * * *", "Pacific/Apia")
    local = [at.astimezone(ZoneInfo(daily.zone)) for at in slots(daily, start, start + 2 * DAY)]
    assert [(at.day, at.hour) for at in local] == [(29, 9), (31, 0), (31, 9)]


def test_what_comes_never_ends_and_what_comes_seldom_is_found() -> None:
    assert next_slot(Cron("0 0 */30 2 1#5"), LONG_AGO, LONG_AGO) is None
    seldom = next_slot(Cron("0 0 29 2 */7"), datetime(2033, 1, 1, tzinfo=UTC), LONG_AGO)
    assert seldom == datetime(2060, 2, 29, tzinfo=UTC)


def test_nothing_lies_at_the_anchor_or_before_it() -> None:
    anchor = datetime(2026, 11, 29, 12, 0, 30, 5, tzinfo=UTC)
    assert next_slot(Every(HOUR), LONG_AGO, anchor) == anchor.replace(hour=13, microsecond=0)
    assert next_slot(Cron("* * * * *"), LONG_AGO, anchor) == anchor.replace(minute=1, second=0, microsecond=0)


@given(timing=TIMINGS, after=MOMENTS)
def test_slots_strictly_increase_and_do_not_depend_on_where_one_looks_from(timing: Timing, after: datetime) -> None:
    found = [after]
    for _ in range(5):
        at = next_slot(timing, found[-1], LONG_AGO)
        assert at is not None
        found.append(at)
    assert all(earlier < later for earlier, later in pairwise(found))
    assert next_slot(timing, found[1] - timedelta(microseconds=1), LONG_AGO) == found[1]
    assert next_slot(timing, found[1] + (found[2] - found[1]) / 2, LONG_AGO) == found[2]


@given(timing=TIMINGS, since=MOMENTS, numbers=st.tuples(st.integers(0, 40), st.floats(0, 0.999)))
def test_the_newest_and_the_number_of_slots_agree_with_a_walk(timing: Timing, since: datetime, numbers) -> None:
    steps, further = numbers
    walk = [since]
    for _ in range(steps + 1):
        walk.append(next_slot(timing, walk[-1], LONG_AGO) or since)
    until = walk[steps] + (walk[steps + 1] - walk[steps]) * further
    assert newest_slot(timing, since, until, LONG_AGO) == (walk[steps] if steps else None)
    assert count_slots(timing, since, walk[steps], LONG_AGO, 1000) == max(0, steps - 1)
    assert count_slots(timing, since, walk[steps], LONG_AGO, 3) == min(3, max(0, steps - 1))
