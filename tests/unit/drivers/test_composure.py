"""Who is calm in a tree, by what it took in numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from agentctl.drivers.governor.composure import Composure, allowance

STEP = 0.1
SPENT = some.lists(some.floats(0.0, 0.1), min_size=1, max_size=200)


def seen_for(steps: int, each: float, allowed: float) -> Composure:
    """Return what is seen of a process that takes *each* CPU seconds in each of so many steps."""
    one = Composure(0.0, 0.0, since=0.0)
    for step in range(1, steps + 1):
        one.look(STEP * step, one.used + each, allowed, bore=False)
    return one


def test_who_takes_little_for_a_while_is_calm() -> None:
    assert not seen_for(14, 0.0005, 0.01).calm
    assert seen_for(16, 0.0005, 0.01).calm


def test_who_takes_more_is_not() -> None:
    assert not seen_for(200, 0.002, 0.01).calm


def test_who_sleeps_and_then_works_is_calm_no_more() -> None:
    one = seen_for(50, 0.0, 0.01)
    assert not one.look(60.0, 0.5, 0.1, bore=False)  # as little as that in a minute: but who knows when


def test_a_parent_is_not_calm() -> None:
    one = seen_for(50, 0.0, 0.01)
    assert not one.look(5.1, 0.0, 0.01, bore=True)


def test_who_breaks_its_calm_again_and_again_is_trusted_ever_later() -> None:
    one, now, waited = Composure(0.0, 0.0, since=0.0), 0.0, []
    for _ in range(8):
        since = now
        while not one.look(now := now + STEP, one.used, 0.01, bore=False):
            pass
        waited.append(now - since)
        one.look(now := now + STEP, one.used + 1, 0.01, bore=False)
    assert waited[:4] == sorted(waited[:4])
    assert waited[0] < 1.7
    assert 59 < waited[-1] < 61


@given(some.lists(SPENT, min_size=1, max_size=8), some.floats(0.05, 4.0))
def test_all_who_are_calm_together_take_half_of_the_limit_at_most(spent: list[list[float]], limit: float) -> None:
    seen, now = [Composure(0.0, 0.0, since=0.0) for _ in spent], 0.0
    for step in range(200):
        now += STEP
        before = {id(one): one.used for one in seen}
        allowed = allowance(limit, seen, now)
        for one, each in zip(seen, spent, strict=True):
            one.look(now, one.used + each[step % len(each)], allowed, bore=False)
        calm = sum(one.used - before[id(one)] for one in seen if one.calm)
        assert calm <= limit * 0.5 * STEP * 1.001
