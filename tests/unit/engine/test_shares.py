"""Shares of the CPU: within the band, fair by weight, and nobody is slowed who does not have to be."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.names import AgentId
from agentctl.engine.shares import FLOOR, Claim, demand_of, divide, wanted

BAND = 120.0


def claim(name: str, demand: float, limit: float = 200.0, weight: int = 5) -> Claim:
    return Claim(AgentId(f"t/{name}"), weight, limit, demand)


def shares(*claims: Claim, band: float = BAND) -> dict[str, float]:
    return {name.removeprefix("t/"): round(share, 3) for name, share in divide(claims, band).items()}


def test_while_all_fits_everybody_keeps_his_own_limit() -> None:
    assert shares() == {}
    assert shares(claim("a", 60), claim("b", 60)) == {}
    assert shares(claim("a", 200, limit=50), claim("b", 200, limit=50)) == {}


def test_equals_get_equal_shares() -> None:
    assert shares(claim("a", 100), claim("b", 100), claim("c", 100)) == {"a": 40, "b": 40, "c": 40}


def test_who_wants_little_gets_it_and_the_rest_is_for_the_others() -> None:
    given_out = shares(claim("little", 20), claim("a", 200), claim("b", 200))
    assert given_out["a"] == given_out["b"] == 50
    assert given_out["little"] >= 20


def test_who_does_nothing_may_begin_at_once() -> None:
    assert shares(claim("idle", 0), claim("a", 200), claim("b", 200))["idle"] == 60


def test_priority_counts() -> None:
    assert shares(claim("low", 200, weight=1), claim("high", 200, weight=9), band=100) == {"low": 10, "high": 90}


def test_nobody_gets_more_than_his_own_limit() -> None:
    assert shares(claim("a", 200, limit=30), claim("b", 200), band=100) == {"a": 30, "b": 70}


def test_nobody_is_pressed_below_the_floor() -> None:
    given_out = shares(*(claim(str(n), 100) for n in range(100)))
    assert set(given_out.values()) == {FLOOR}


@pytest.mark.parametrize(
    ("used", "throttled", "demand"), [(40, 0, 40), (40, 50, 80), (10, 90, 100), (0, 0, 0), (1, 100, 20), (0, 100, 0)]
)
def test_what_is_held_back_counts_as_wanted(used: float, throttled: float, demand: float) -> None:
    assert demand_of(used, throttled) == pytest.approx(demand)


ROWS = st.lists(st.tuples(st.floats(0, 400), st.floats(1, 400), st.integers(1, 9)), min_size=1, max_size=30)
CLAIMS = ROWS.map(lambda rows: [claim(str(n), *row) for n, row in enumerate(rows)])


def used(claims: list[Claim], given_out: dict[AgentId, float]) -> float:
    return sum(min(one.want, given_out.get(one.agent, one.limit)) for one in claims)


@given(CLAIMS, st.floats(10, 800))
def test_all_together_stay_within_the_band_or_at_the_floor(claims: list[Claim], band: float) -> None:
    given_out = divide(claims, band)
    least = sum(min(FLOOR, one.want) for one in claims)
    assert used(claims, given_out) <= max(band, least) * 1.000001
    assert all(given_out[one.agent] <= one.limit for one in claims if given_out)


@given(CLAIMS, st.floats(10, 800))
def test_what_the_band_has_is_given_out(claims: list[Claim], band: float) -> None:
    assert used(claims, divide(claims, band)) >= min(band, wanted(claims)) * 0.999


@given(CLAIMS, st.floats(10, 800))
def test_who_gets_less_than_he_wants_gets_no_less_for_his_weight_than_any_other(
    claims: list[Claim], band: float
) -> None:
    given_out = divide(claims, band)
    for one in claims if given_out else ():
        if given_out[one.agent] >= one.want:
            continue
        level = given_out[one.agent] / one.weight
        others = (min(other.want, given_out[other.agent]) for other in claims if other.agent != one.agent)
        weights = (other.weight for other in claims if other.agent != one.agent)
        assert all(
            got <= FLOOR + 1e-6 or got / weight <= level + 1e-6 for got, weight in zip(others, weights, strict=True)
        )


@given(CLAIMS, st.floats(10, 800), st.integers(0, 29))
def test_who_wants_more_never_gets_less(claims: list[Claim], band: float, place: int) -> None:
    place %= len(claims)
    name = claims[place].agent
    before = min(claims[place].want, divide(claims, band).get(name, claims[place].limit))
    claims[place] = replace(claims[place], demand=claims[place].demand + 50)
    assert min(claims[place].want, divide(claims, band).get(name, claims[place].limit)) >= before - 1e-6
