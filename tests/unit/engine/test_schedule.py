"""What a schedule asks for while clocks change, jump and stop, and whoever looks after it is started again."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.schedule import Cron, Every, Schedule, ScheduleKind, Slot, Timing
from agentctl.engine.moments import next_slot
from agentctl.engine.schedule import GRACE, MOST_MISSED, Due, Outcome, Standing, anchor_of, due, explain, next_look
from tests.unit.engine.clocks import CHANGES, ZONES, Change

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
QUARTER = Every(15 * MINUTE)
TIMINGS = st.one_of(
    st.builds(Every, st.timedeltas(MINUTE, 3 * DAY)),
    st.builds(
        Cron, st.sampled_from(["30 2 * * *", "*/15 * * * *", "0 9 * * 1-5", "0,30 1-3 1 * *"]), st.sampled_from(ZONES)
    ),
)
MOMENTS = st.timedeltas(-3 * 365 * DAY, 3 * 365 * DAY).map(lambda span: NOON + span)
JITTERS = st.sampled_from([timedelta(0), timedelta(seconds=10), 2 * MINUTE, 5 * HOUR])


def standing(timing: Timing = QUARTER, anchor: datetime = NOON, *, last: datetime | None = None, **more) -> Standing:
    schedule = Schedule("save", ScheduleKind.COMMIT, timing, ("dev",), **more)
    return Standing(schedule, "shop", "dev", anchor, last)


@dataclass
class Player:
    """Looks after one schedule as a supervisor does, by a clock that can be set, and never knows more than was kept."""

    kept: Standing
    now: datetime
    chance: random.Random
    taken: list[Slot] = field(default_factory=list)
    late: list[Slot] = field(default_factory=list)

    def play(self, until: datetime, *, restarts: bool = True) -> None:
        """Sleep from one look to the next, now and then only a part of it: it was started again."""
        while self.now < until:
            self._look()
            wake = min(next_look([self.kept], self.now) or until, until)
            if restarts and self.chance.random() < 0.3:
                wake = self.now + (wake - self.now) * self.chance.random()
            self.now = max(wake, self.now + timedelta(microseconds=1))
        self._look()

    def jump(self, by: timedelta) -> None:
        self.now += by

    def _look(self) -> None:
        found = due(self.kept, self.now)
        if found.outcome is Outcome.ACT and found.slot is not None:
            self.taken.append(found.slot)
            if self.now - self.kept.moment(found.slot.at) > GRACE:
                self.late.append(found.slot)
            self.kept = replace(self.kept, last=found.slot.at)


def all_slots(timing: Timing, start: datetime, end: datetime, anchor: datetime) -> list[datetime]:
    found: list[datetime] = []
    while (at := next_slot(timing, found[-1] if found else start, anchor)) is not None and at <= end:
        found.append(at)
    return found


@pytest.mark.parametrize("jump", [timedelta(0), DAY, -DAY, -HOUR], ids=["none", "+1d", "-1d", "-1h"])
@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_nothing_is_doubled_and_at_most_one_is_made_up_for(change: Change, jump: timedelta) -> None:
    chance = random.Random(f"{change} {jump}")
    start, jumps_at, end = change.at - 3 * HOUR, change.at + HOUR * chance.uniform(-2, 2), change.at + 30 * HOUR
    for timing in (Every(HOUR), Cron("30 2 * * *", change.zone), Cron("*/30 * * * *", change.zone)):
        jitter = chance.choice([timedelta(0), 4 * MINUTE])
        player = Player(standing(timing, start, jitter=jitter), start, chance)
        player.play(jumps_at)
        player.jump(jump)
        player.play(end)
        moments = [slot.at for slot in player.taken]
        assert moments == sorted(set(moments))
        assert len({slot.id for slot in player.taken}) == len(moments)
        assert len(player.late) <= (jump == DAY)
        lost = set(all_slots(timing, start, end - jitter, start)) - set(moments)
        assert all(jumps_at - jitter < at <= jumps_at + jump for at in lost)


@pytest.mark.parametrize("seed", range(5))
def test_restarts_change_nothing(seed: int) -> None:
    calm, shaken = (Player(standing(jitter=5 * MINUTE), NOON, random.Random(seed)) for _ in range(2))
    calm.play(NOON + DAY, restarts=False)
    shaken.play(NOON + DAY)
    assert shaken.taken == calm.taken
    assert len(calm.taken) in (95, 96)  # the last one's jitter may end later


def test_eight_hours_of_sleep_give_one() -> None:
    player = Player(standing(), NOON, random.Random(0))
    player.play(NOON + HOUR)
    before = len(player.taken)
    player.jump(8 * HOUR + MINUTE)
    assert due(player.kept, player.now) == Due(Outcome.ACT, player.kept.slot(NOON + 9 * HOUR), missed=31)
    player.play(player.now + 10 * MINUTE)
    assert len(player.taken) == before + 1


def test_a_sleep_that_ends_while_the_jitter_lasts_gives_one_too() -> None:
    asleep = standing(jitter=10 * MINUTE)
    woken = NOON + 8 * HOUR
    moment = asleep.moment(woken)
    assert moment > woken
    assert due(asleep, woken) == Due(Outcome.NOT_YET)
    assert next_look([asleep], woken) == moment
    assert due(asleep, moment) == Due(Outcome.ACT, asleep.slot(woken), missed=31)


def test_a_year_of_downtime_is_counted_only_so_far() -> None:
    found = due(standing(), NOON + 365 * DAY)
    assert (found.outcome, found.missed) == (Outcome.ACT, MOST_MISSED)


def test_no_two_at_a_time_and_one_when_the_tick_before_is_over() -> None:
    long = standing(last=NOON + 15 * MINUTE)
    assert due(long, NOON + 70 * MINUTE, busy=True) == Due(Outcome.BUSY, long.slot(NOON + HOUR), missed=2)
    assert due(long, NOON + 71 * MINUTE) == Due(Outcome.ACT, long.slot(NOON + HOUR), missed=2)
    assert due(long, NOON + 20 * MINUTE, busy=True) == Due(Outcome.NOT_YET)


def test_what_does_not_catch_up_is_done_in_time_or_never() -> None:
    strict = standing(catch_up=False)
    at = NOON + 15 * MINUTE
    assert due(strict, at + GRACE).outcome is Outcome.ACT
    assert due(strict, at + GRACE + timedelta(seconds=1)) == Due(Outcome.LATE, strict.slot(at))
    assert next_look([strict], at + 5 * MINUTE) == NOON + 30 * MINUTE


def test_what_is_switched_off_is_never_due() -> None:
    off = standing(enabled=False)
    assert due(off, NOON + DAY) == Due(Outcome.NOT_YET)
    assert next_look([off], NOON) is None


def test_nothing_is_due_of_the_time_before_the_schedule_was_made() -> None:
    made = standing(Cron("0 * * * *"), NOON + MINUTE)
    assert due(made, NOON + 59 * MINUTE) == Due(Outcome.NOT_YET)
    assert due(replace(made, last=NOON - DAY), NOON + 59 * MINUTE) == Due(Outcome.NOT_YET)
    assert due(made, NOON + HOUR).outcome is Outcome.ACT


def test_the_next_look_is_the_soonest_of_all() -> None:
    many = [standing(Every(n * HOUR)) for n in (5, 2, 3)]
    assert next_look([*many, standing(Cron("0 0 */30 2 1#5"))], NOON) == NOON + 2 * HOUR
    assert next_look([], NOON) is None


@given(timing=TIMINGS, jitter=JITTERS, anchor=MOMENTS, now=MOMENTS, last=MOMENTS | st.none(), catch_up=st.booleans())
def test_at_the_next_look_something_is_due(*, timing, jitter, anchor, now, last, catch_up) -> None:
    one = standing(timing, anchor, last=last, jitter=jitter, catch_up=catch_up)
    at = next_look([one], now)
    assert at is not None
    assert at > now
    found = due(one, at)
    assert found.outcome is Outcome.ACT
    assert due(one, at - timedelta(microseconds=1)).slot != found.slot
    assert found.slot is not None
    assert found.slot.at > max(anchor, last or anchor)


@given(timing=TIMINGS, jitter=JITTERS, anchor=MOMENTS, agents=st.lists(st.text("ab", min_size=1), max_size=5))
def test_jitter_is_the_same_for_everybody_and_never_reaches_the_next_slot(timing, jitter, anchor, agents) -> None:
    for agent in agents:
        one = replace(standing(timing, anchor, jitter=jitter), agent=agent)
        at = next_slot(timing, anchor, anchor)
        assert at is not None
        following = next_slot(timing, at, anchor)
        assert following is not None
        moment = one.moment(at)
        assert at <= moment < following
        assert moment - at < jitter or moment == at
        assert moment == replace(one, last=at).moment(at)


def test_jitter_spreads_agents_and_slots() -> None:
    one = standing(jitter=10 * MINUTE)
    by_agent = {replace(one, agent=f"dev-{n}").moment(NOON) for n in range(50)}
    by_slot = {one.moment(NOON + n * HOUR) - n * HOUR for n in range(50)}
    for spread in (by_agent, by_slot):
        assert len(spread) == 50
        assert max(spread) - min(spread) > 5 * MINUTE


@pytest.mark.parametrize(
    ("timing", "words"),
    [
        (QUARTER, "every 15 min"),
        (Every(90 * MINUTE), "every 1 h 30 min"),
        (Every(DAY + HOUR + timedelta(seconds=1.5)), "every 1 d 1 h 1.5 s"),
        (Cron("0 9 * * 1-5", "Europe/Berlin"), "at 09:00 on Monday through Friday, Europe/Berlin"),
        (Cron("*/15 9-17 * * *"), "every 15th minute from 09:00 through 17:59, UTC"),
    ],
)
def test_when_it_is_done_in_words(timing: Timing, words: str) -> None:
    assert explain(standing(timing).schedule) == words
    assert explain(standing(timing, jitter=2 * MINUTE).schedule) == f"{words}, up to 2 min later"


@pytest.mark.parametrize("span", [6 * HOUR, DAY, 365 * DAY])
def test_an_interval_and_a_jitter_of_any_length_are_spread(span: timedelta) -> None:
    agents = [f"shop/dev-{number}" for number in range(20)]
    schedule = standing(Every(2 * span), jitter=span).schedule
    anchors = {anchor_of(schedule, agent) for agent in agents}  # type: ignore[arg-type]
    assert len(anchors) == len(agents)
    assert max(anchors) - min(anchors) < 2 * span
    moments = {standing(Every(2 * span), jitter=span).moment(NOON + number * MINUTE) for number in range(20)}
    assert all(NOON <= moment < NOON + span + 20 * MINUTE for moment in moments)
