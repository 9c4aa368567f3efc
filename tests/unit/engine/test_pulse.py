"""How the pulse is counted: gaps, waits, and what came too soon; what a hook says of it is the agent's own word."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.engine.pulse import Beats, told_by_hook

SECOND = timedelta(seconds=1)
PULSE = 2 * SECOND


def test_operations_waits_and_the_least_gap_add_up() -> None:
    beats = Beats()
    beats.add(PULSE, gap=None)
    beats.add(PULSE, gap=5 * SECOND)
    beats.add(PULSE, gap=PULSE, waited=1.5 * SECOND)
    beats.add(PULSE, gap=2.25 * SECOND, waited=0.5 * SECOND)
    assert (beats.operations, beats.waits, beats.waited) == (4, 2, PULSE)
    assert (beats.least_gap, beats.violations) == (PULSE, 0)


def test_what_comes_too_soon_is_counted() -> None:
    beats = Beats()
    for gap in (None, PULSE, PULSE - timedelta(milliseconds=1), SECOND / 2):
        beats.add(PULSE, gap=gap)
    assert (beats.violations, beats.least_gap) == (2, SECOND / 2)


@pytest.mark.parametrize(("before", "now"), [(SECOND, PULSE), (PULSE, SECOND), (0 * SECOND, PULSE)])
def test_a_call_that_was_let_go_on_under_another_pulse_is_no_violation(before: timedelta, now: timedelta) -> None:
    """A hook reads the pulse when its call comes, and is heard of when it has changed already."""
    beats = Beats()
    beats.add(before, gap=None)
    beats.add(now, gap=SECOND)
    assert beats.violations == 0
    beats.add(now, gap=SECOND)
    assert beats.violations == (now > SECOND)


def test_without_a_pulse_nothing_comes_too_soon() -> None:
    beats = Beats()
    for _ in range(3):
        beats.add(timedelta(0), gap=timedelta(0))
    assert (beats.operations, beats.violations) == (3, 0)


def test_what_a_hook_says() -> None:
    assert told_by_hook({"waited_ms": 1240, "since_ms": 2000, "payload": {}}) == (1.24 * SECOND, PULSE)
    assert told_by_hook({"waited_ms": 0, "since_ms": None}) == (timedelta(0), None)
    assert told_by_hook({"payload": {"waited_ms": 1}}) is None


@pytest.mark.parametrize("value", [-1, True, 1.5, "1", None, [], {}, 10**30, 366 * 86_400_000])
def test_what_a_hook_cannot_have_meant_says_nothing(value: object) -> None:
    assert told_by_hook({"waited_ms": value, "since_ms": 5}) is None
    assert told_by_hook({"waited_ms": 5, "since_ms": value}) == (timedelta(milliseconds=5), None)


VALUES = st.integers() | st.floats() | st.text()


@given(said=st.lists(st.dictionaries(st.sampled_from(["waited_ms", "since_ms"]), VALUES)))
def test_whatever_is_said_is_counted_or_passed_over(said: list[dict[str, Any]]) -> None:
    beats = Beats()
    for one in said:
        if (told := told_by_hook(one)) is not None:
            beats.add(PULSE, gap=told[1], waited=told[0])
    assert 0 <= beats.violations <= beats.operations <= len(said)
    assert 0 <= beats.waits <= beats.operations
