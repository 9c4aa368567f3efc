"""What is known of an agent stays true when the clock is set back, and changes are recorded at a pace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from agentctl.domain.agent import Activity
from agentctl.domain.evidence import Looked, Meaning, Sight, Sign
from agentctl.engine.verdict import judge
from agentctl.supervisor.sense import Pace, Sense

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
IDLE = Sight(Activity.IDLE, "composer", "? for shortcuts", composer=True)


def test_after_the_clock_was_set_back_an_hour_the_state_is_known_as_before() -> None:
    looked = Looked(IDLE, NOON, NOON - timedelta(minutes=5), NOON - timedelta(minutes=5))
    sign = Sign(Meaning.TURN_END, NOON - timedelta(minutes=5), "Stop")
    sense = Sense(1, NOON, sign=sign, looked=looked, last_input=NOON - timedelta(minutes=6))
    earlier = NOON - timedelta(hours=1)
    before = judge(sense.sign, sense.looked, sense.last_input, NOON, own_signals=True)
    sense.set_back(earlier)
    assert judge(sense.sign, sense.looked, sense.last_input, earlier, own_signals=True) == before
    assert sense.moved == earlier
    assert before is not None
    assert before.activity is Activity.IDLE


def test_input_after_the_clock_was_set_back_is_newer_than_what_was_said_before() -> None:
    sense = Sense(1, NOON, sign=Sign(Meaning.TURN_END, NOON, "Stop"))
    earlier = NOON - timedelta(hours=1)
    sense.set_back(earlier)
    sense.last_input = earlier + timedelta(seconds=1)
    assert judge(sense.sign, sense.looked, sense.last_input, earlier + timedelta(seconds=2), own_signals=True) is None


def test_a_clock_that_goes_on_changes_nothing() -> None:
    sense = Sense(1, NOON, sign=Sign(Meaning.TURN_END, NOON, "Stop"), last_input=NOON)
    sense.set_back(NOON + timedelta(seconds=5))
    assert (sense.moved, sense.last_input) == (NOON, NOON)


def test_changes_in_plenty_are_recorded_and_then_one_every_two_seconds() -> None:
    pace = Pace()
    at_once = sum(pace.wait(50.0) == 0.0 for _ in range(1000))
    assert at_once == 100
    wait = pace.wait(50.0)
    assert 0 < wait <= 2
    assert pace.wait(50.0 + wait + 1e-6) == 0.0
    assert sum(pace.wait(50.0 + moment / 10) == 0.0 for moment in range(36_000)) <= 1_801
