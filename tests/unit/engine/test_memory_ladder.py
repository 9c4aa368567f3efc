"""The memory ladder: up at once, down after a while, and never to and fro."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctl.domain.agent import MemoryStep
from agentctl.engine.memory_ladder import KEPT_SECONDS, Footing, Held, in_words, is_above, step_of, time_left

MIB = 2**20
LIMIT = 512 * MIB
STEPS = list(MemoryStep)


def seconds(*percents: float, every: float = 1.0) -> list[Held]:
    """Return samples of so many percent of the limit, one a second."""
    return [Held(every * n, math.ceil(percent * LIMIT / 100)) for n, percent in enumerate(percents)]


def steady(percent: float, lasting: int = 60) -> list[Held]:
    return seconds(*[percent] * lasting)


def on(samples: Sequence[Held], **facts) -> MemoryStep:
    return step_of(Footing(samples, LIMIT, **facts))


def climbed(samples: Sequence[Held], **facts) -> list[MemoryStep]:
    """Return the step after each sample, each judged with those of the last minutes."""
    step, steps = MemoryStep.OK, []
    for end in range(1, len(samples) + 1):
        known = [held for held in samples[:end] if samples[end - 1].at - held.at <= KEPT_SECONDS]
        step = step_of(replace(Footing(known, LIMIT, **facts), step=step))
        steps.append(step)
    return steps


# --- up ---


@pytest.mark.parametrize(
    ("percent", "step"),
    [
        (0, MemoryStep.OK),
        (79, MemoryStep.OK),
        (80, MemoryStep.WARNED),
        (90, MemoryStep.TOLD),
        (99.9, MemoryStep.TOLD),
        (110, MemoryStep.RESTARTED),
        (126, MemoryStep.KILLED),
    ],
)
def test_each_step_begins_where_it_is_said_to(percent: float, step: MemoryStep) -> None:
    assert on(seconds(percent)) is step


def test_one_look_above_the_limit_is_a_moment_of_a_build() -> None:
    assert on(seconds(50, 50, 101)) is MemoryStep.TOLD
    assert on(seconds(50, 101, 101)) is MemoryStep.TOLD
    assert on(seconds(101, 101, 101)) is MemoryStep.THROTTLED


def test_it_is_started_again_when_its_turn_is_over_or_after_a_minute() -> None:
    assert on(steady(102, 10), at_rest=True) is MemoryStep.THROTTLED
    assert on(steady(102, 11), at_rest=True) is MemoryStep.RESTARTED
    assert on(steady(102, 60)) is MemoryStep.THROTTLED
    assert on(steady(102, 61)) is MemoryStep.RESTARTED


def test_the_time_above_begins_anew_when_it_was_below() -> None:
    assert (
        on([*steady(102, 50), Held(50, LIMIT), *(Held(51 + n, LIMIT + 1) for n in range(50))]) is MemoryStep.THROTTLED
    )


def test_a_tree_that_the_governor_stopped_is_started_again_whatever_it_holds_now() -> None:
    assert on(seconds(50), braked=True) is MemoryStep.RESTARTED


def test_what_grows_on_while_it_ends_is_killed() -> None:
    ending = {"step": MemoryStep.RESTARTED, "ending_from": LIMIT}
    assert on(seconds(104), **ending) is MemoryStep.RESTARTED
    assert on(seconds(106), **ending) is MemoryStep.KILLED


@pytest.mark.parametrize(
    ("on_exceed", "furthest"),
    [
        ("warn", MemoryStep.TOLD),
        ("throttle", MemoryStep.THROTTLED),
        ("restart", MemoryStep.KILLED),
        ("stop", MemoryStep.KILLED),
    ],
)
def test_it_goes_no_further_than_it_may(on_exceed: str, furthest: MemoryStep) -> None:
    assert on(steady(300), on_exceed=on_exceed) is furthest
    assert on(steady(80), on_exceed=on_exceed) is MemoryStep.WARNED


# --- down ---


def test_a_step_is_left_only_after_half_a_minute_well_below_it() -> None:
    steps = climbed([*seconds(81), *(Held(1 + n, LIMIT // 2) for n in range(60))])
    assert steps.index(MemoryStep.OK) == 31
    assert climbed(seconds(81, *[76] * 200))[-1] is MemoryStep.WARNED


def test_it_comes_down_step_by_step() -> None:
    assert climbed(seconds(*[101] * 3, *[88] * 100))[-1] is MemoryStep.TOLD
    assert climbed(seconds(*[101] * 3, *[82] * 100))[-1] is MemoryStep.WARNED


@pytest.mark.parametrize("step", [MemoryStep.RESTARTED, MemoryStep.KILLED])
def test_what_was_begun_is_gone_through_with(step: MemoryStep) -> None:
    assert on(steady(10), step=step) is step


def test_a_supervisor_that_knows_nothing_yet_leaves_it_as_it_is() -> None:
    assert on(seconds(10), step=MemoryStep.TOLD) is MemoryStep.TOLD


# --- what will be ---


def test_growth_is_told_before_it_arrives() -> None:
    grows = seconds(*(60 + n / 20 for n in range(60)))
    left = time_left(grows, LIMIT)
    assert left is not None
    assert timedelta(minutes=12) < left < timedelta(minutes=13)
    assert on(grows) is MemoryStep.OK
    assert on(seconds(*(60 + n / 6 for n in range(60)))) is MemoryStep.WARNED


def test_what_grows_fast_and_is_small_is_no_cause_for_a_warning() -> None:
    assert on(seconds(*(n for n in range(60)))) is MemoryStep.OK


def test_shared_pages_that_count_more_than_once_foretell_nothing() -> None:
    grows = seconds(*(60 + n / 6 for n in range(60)))
    assert on(grows, exact=False) is MemoryStep.OK
    assert on(seconds(81), exact=False) is MemoryStep.WARNED


@pytest.mark.parametrize(
    "samples",
    [
        seconds(70),
        steady(70, 200),
        seconds(*(70 + n / 6 for n in range(20))),
        seconds(*(90 - n / 10 for n in range(200))),
        seconds(*(70 + n % 2 / 10 for n in range(200))),
        seconds(*(70 + n / 2000 for n in range(200))),
        seconds(*(40 + n / 2 for n in range(100)), *[89.5] * 80),
        steady(101, 100),
    ],
    ids=["one", "still", "too short", "shrinks", "noise", "a crawl", "has stopped", "is there"],
)
def test_nothing_is_foretold_of_what_does_not_grow(samples: list[Held]) -> None:
    assert time_left(samples, LIMIT) is None


def test_a_moment_of_a_build_is_no_trend() -> None:
    spiky = seconds(*(95 if n % 10 == 0 else 65 for n in range(150)), 65)
    assert time_left(spiky, LIMIT) is None


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (steady(80), "410MiB of 512MiB (80%, pss)"),
        (seconds(50), "256MiB of 512MiB (50%, pss)"),
        (seconds(*(70 + n / 12 for n in range(60))), "384MiB of 512MiB (75%, pss); limit in 5 min"),
        (seconds(*(60 + n / 2 for n in range(60))), "458MiB of 512MiB (90%, pss); limit in 21 s"),
    ],
)
def test_the_evidence_is_in_words(samples: list[Held], words: str) -> None:
    assert in_words(samples, LIMIT, "pss") == words


# --- whatever it does ---

PERCENTS = st.lists(st.floats(0, 140), min_size=1, max_size=120)


@given(PERCENTS, st.booleans(), st.sampled_from(["warn", "throttle", "restart", "stop"]))
def test_a_step_is_never_left_sooner_than_it_may(percents: list[float], at_rest: bool, on_exceed: str) -> None:
    steps = climbed(seconds(*percents), at_rest=at_rest, on_exceed=on_exceed)
    downs = [place for place, (old, new) in enumerate(itertools.pairwise(steps), 1) if is_above(old, new)]
    for place in downs:
        assert max(percents[place - 30 : place + 1]) < 95
        assert place >= 30
    gaps = [b - a for a, b in itertools.pairwise(downs)]
    assert not any(is_above(steps[a], steps[a - 1]) for a in downs)
    assert all(gap >= 1 for gap in gaps)


@given(PERCENTS, st.floats(0, 100), st.sampled_from(STEPS))
def test_more_memory_never_means_a_lower_step(percents: list[float], more: float, step: MemoryStep) -> None:
    less = Footing(seconds(*percents), LIMIT, step)
    last = less.samples[-1]
    larger = replace(less, samples=[*less.samples[:-1], Held(last.at, last.memory_bytes + int(more * MIB))])
    assert not is_above(step_of(less), step_of(larger))


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 109), st.floats(-3, 3), st.lists(st.floats(-3, 3), min_size=200, max_size=200))
def test_who_trembles_around_a_threshold_does_not_flap(level: float, drift: float, noise: list[float]) -> None:
    percents = [max(0.0, level + drift * n / 200 + tremble) for n, tremble in enumerate(noise)]
    steps = climbed(seconds(*(min(percent, 109) for percent in percents)), on_exceed="throttle")
    changes = sum(old is not new for old, new in itertools.pairwise([MemoryStep.OK, *steps]))
    assert changes <= 5


@given(st.lists(st.tuples(st.floats(0.1, 30), st.floats(0, 200)), min_size=1, max_size=60))
def test_a_forecast_is_never_absurd(held: list[tuple[float, float]]) -> None:
    times = itertools.accumulate(apart for apart, _ in held)
    samples = [Held(at, int(percent * LIMIT / 100)) for at, (_, percent) in zip(times, held, strict=True)]
    left = time_left(samples, LIMIT)
    assert left is None or timedelta(0) < left <= timedelta(hours=1)
    assert "inf" not in in_words(samples, LIMIT, "rss")
