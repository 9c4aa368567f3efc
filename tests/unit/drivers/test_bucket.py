"""The control law played against programs that want this or that much, without a process."""

from __future__ import annotations

import statistics

from hypothesis import given
from hypothesis import strategies as some

from agentctl.drivers.governor.bucket import BURST, PERIOD, PERIOD_OF_LEAST, Bucket
from agentctl.drivers.governor.rein import GLANCE

LIMITS = some.floats(0.05, 2.0)
RATES = some.floats(0.01, 4.0)


def play(limit: float, rate: float, seconds: float = 30.0, late: float = 0.0) -> tuple[list[float], float]:
    """Run a program that spends *rate* while it runs; return its use in each second, and its longest stop."""
    bucket = Bucket(limit, cores=4)
    now, windows, longest = 0.0, [0.0] * (int(seconds) + 2), 0.0
    while now < seconds:
        run = min(GLANCE, bucket.run_seconds()) + late
        into_next = max(0.0, now + run - int(now + run)) if int(now + run) > int(now) else 0.0
        windows[int(now)] += (run - into_next) * rate
        windows[int(now + run)] += into_next * rate
        bucket.account(run, run * rate)
        bucket.learn(run, run * rate)
        now += run
        if bucket.is_spent:
            stop = bucket.stop_seconds() + late
            longest = max(longest, stop)
            bucket.account(stop, 0.0)
            now += stop
    return windows[: int(seconds)], longest


@given(LIMITS, RATES)
def test_over_a_while_it_takes_its_limit_or_what_it_wants(limit: float, rate: float) -> None:
    windows, _ = play(limit, rate)
    assert statistics.mean(windows[3:]) <= min(limit, rate) * 1.02 + 0.02
    assert statistics.mean(windows[3:]) >= min(limit, rate) * 0.98 - 0.02


@given(LIMITS, RATES)
def test_each_second_is_like_the_other(limit: float, rate: float) -> None:
    windows, _ = play(limit, rate)
    period = PERIOD if limit >= 0.15 else PERIOD_OF_LEAST
    assert statistics.pstdev(windows[3:]) <= max(0.35 * rate * period, 0.01)


@given(some.floats(0.3, 2.0), RATES, some.floats(0, 0.005))
def test_no_stop_is_long_enough_to_be_felt(limit: float, rate: float, late: float) -> None:
    assert play(limit, rate, late=late)[1] <= 0.15


@given(some.floats(0.05, 0.3), RATES)
def test_low_limits_stop_for_longer_and_not_for_long(limit: float, rate: float) -> None:
    assert play(limit, rate)[1] <= (0.3 if limit >= 0.15 else PERIOD_OF_LEAST)


@given(LIMITS, some.lists(some.floats(0.0, 0.5), min_size=1, max_size=50))
def test_credit_is_bounded_whatever_was_spent(limit: float, spent: list[float]) -> None:
    bucket = Bucket(limit, cores=4)
    for used in spent:
        bucket.account(0.1, used)
        assert -BURST <= bucket.credit <= BURST
        assert bucket.run_seconds() > 0
        assert 0 < bucket.stop_seconds() <= (0.3 if limit >= 0.15 else PERIOD_OF_LEAST)


def test_a_burst_that_was_saved_up_for_passes_untouched() -> None:
    bucket = Bucket(0.4, cores=2)
    bucket.account(1.5, 0.0)
    for _ in range(5):
        bucket.account(0.1, 0.1)
        assert not bucket.is_spent
