"""Whether, when and how often an agent that ended is started again."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.agent import Agent, AgentState
from agentctl.domain.names import AgentId
from agentctl.domain.team import Backoff, RestartPolicy
from agentctl.engine.restart import Again, GiveUp, Leave, after_exit, delay, given_up, was_well

NOW = datetime(2026, 11, 20, tzinfo=UTC)
RNG = random.Random(1)


def failures(number: int, apart: timedelta = timedelta(seconds=1)) -> list[datetime]:
    return [NOW - apart * i for i in reversed(range(number))]


@pytest.mark.parametrize("code", [0, 1, None])
def test_never_means_never(code: int | None) -> None:
    assert after_exit(RestartPolicy("never"), code, failures(1), NOW, RNG) == Leave()


def test_success_is_left_alone_unless_it_is_always() -> None:
    assert after_exit(RestartPolicy("on-failure"), 0, failures(1), NOW, RNG) == Leave()
    assert isinstance(after_exit(RestartPolicy("always"), 0, failures(1), NOW, RNG), Again)


def test_an_unknown_exit_code_is_not_success() -> None:
    assert isinstance(after_exit(RestartPolicy("on-failure"), None, failures(1), NOW, RNG), Again)


def test_the_wait_doubles_from_one_second_to_five_minutes() -> None:
    waits = [delay(Backoff(jitter=False), n, RNG).total_seconds() for n in range(1, 12)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


@given(st.integers(min_value=1, max_value=10_000), st.integers())
def test_jitter_takes_off_a_tenth_at_most(number: int, seed: int) -> None:
    exact = delay(Backoff(jitter=False), number, RNG)
    assert exact * 0.9 <= delay(Backoff(), number, random.Random(seed)) <= exact


def test_five_in_the_window_are_tried_again_and_the_sixth_is_fatal() -> None:
    assert isinstance(after_exit(RestartPolicy(), 1, failures(5), NOW, RNG), Again)
    given_up = after_exit(RestartPolicy(), 1, failures(6), NOW, RNG)
    assert isinstance(given_up, GiveUp)
    assert "6 times in 60 min" in given_up.reason


def test_failures_before_the_window_do_not_count() -> None:
    old = failures(6, timedelta(minutes=20))
    assert isinstance(after_exit(RestartPolicy(), 1, old, NOW, RNG), Again)


def test_a_broken_agent_is_started_at_most_twenty_times_an_hour() -> None:
    policy = RestartPolicy(most=1000)
    moment, ends = NOW, []
    while moment < NOW + timedelta(hours=1):
        ends.append(moment)
        again = after_exit(policy, 1, ends, moment, random.Random(3))
        assert isinstance(again, Again)
        moment = again.at
    assert len(ends) <= 20


def test_who_was_ended_for_its_failures_is_given_up_as_soon_as_who_ended_by_itself() -> None:
    assert given_up(RestartPolicy(), failures(5), NOW) == ""
    assert given_up(RestartPolicy(), failures(6), NOW) == "it failed 6 times in 60 min"
    assert given_up(RestartPolicy(), failures(6, timedelta(minutes=20)), NOW) == ""


@pytest.mark.parametrize(
    ("state", "minutes", "well"),
    [(AgentState.RUNNING, 10, True), (AgentState.RUNNING, 9, False), (AgentState.STARTING, 99, False)],
)
def test_who_has_run_for_long_was_well(state: AgentState, minutes: int, well: bool) -> None:
    agent = Agent(AgentId("t/a"), state, NOW - timedelta(minutes=minutes))
    assert was_well(agent, RestartPolicy(), NOW) is well
