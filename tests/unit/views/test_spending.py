"""What agents spend, folded from the log: a figure of a conversation replaces the one before, and work is timed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.agent import Agent, PauseCause, Spent
from agentctl.domain.codec import decode, encode
from agentctl.domain.events import Draft, Event, EventType, agent_stream
from agentctl.domain.names import AgentId
from agentctl.domain.team import Budget, Limits
from agentctl.views.fleet import Fleet
from agentctl.views.spending_rows import spending

A = AgentId("t/a")
START = datetime(2030, 1, 1, tzinfo=UTC)


class Log:
    """A fleet with one agent, and events that come to it at moments."""

    def __init__(self) -> None:
        self.fleet, self.seconds, self.seq = Fleet(), 0.0, 0
        self.add(EventType.AGENT_WANTED)
        self.add(EventType.AGENT_STARTING, generation=1)
        self.add(EventType.AGENT_READY)

    def add(self, kind: EventType, after: float = 0.0, **data: Any) -> None:
        self.seconds += after
        self.seq += 1
        at = START + timedelta(seconds=self.seconds)
        self.fleet.apply(Event(self.seq, agent_stream(A), self.seq, kind, at, "test", "", data, ""))

    @property
    def agent(self) -> Agent:
        return self.fleet.agents[A]

    @property
    def worked(self) -> float:
        return self.agent.spent.work.total_seconds()

    def spend(self, conversation: str, tokens: int, **more: Any) -> None:
        own = encode(Spent(tokens=tokens, **more))
        self.add(EventType.AGENT_SPENT, generation=1, spent=own, conversation=conversation, own=own)


def test_work_is_the_time_in_which_it_works() -> None:
    log = Log()
    log.add(EventType.AGENT_BUSY, 10)
    log.add(EventType.AGENT_BUSY, 5, phase="executing")
    log.add(EventType.AGENT_WAITING, 5, ask={"id": "x", "kind": "permission"})
    log.add(EventType.AGENT_BUSY, 100)
    log.add(EventType.AGENT_TURN_ENDED, 7)
    log.add(EventType.AGENT_IDLE, 0)
    log.add(EventType.AGENT_EXITED, 100, code=0)
    assert log.worked == 17


def test_work_ends_with_its_generation_and_with_a_pause_that_stops_it() -> None:
    log = Log()
    log.add(EventType.AGENT_BUSY)
    log.add(EventType.AGENT_PAUSED, 3, cause="person")
    log.add(EventType.AGENT_RESUMED, 1000, cause="person")
    log.add(EventType.AGENT_PAUSED, 4, cause="budget")
    log.add(EventType.AGENT_EXITED, 5, code=1)
    log.add(EventType.AGENT_BACKING_OFF, 0, until=START.isoformat())
    assert log.worked == 12, "paused for its budget it works its turn to the end"


def test_a_clock_that_was_set_back_takes_no_work_away() -> None:
    log = Log()
    log.add(EventType.AGENT_BUSY)
    log.add(EventType.AGENT_IDLE, -3600)
    assert log.worked == 0


def test_an_agent_of_which_nothing_tells_works_while_it_runs() -> None:
    log = Log()
    log.add(EventType.AGENT_STOPPING, generation=1)
    log.add(EventType.AGENT_STOPPED)
    log.add(EventType.AGENT_WANTED)
    log.add(EventType.AGENT_STARTING, generation=2, mute=True)
    log.add(EventType.AGENT_READY, 5)
    log.add(EventType.AGENT_EXITED, 60, code=0)
    assert log.worked == 60


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 10**6)), max_size=30))
def test_what_is_told_twice_counts_once(told: list[tuple[str, int]]) -> None:
    log = Log()
    for conversation, tokens in told:
        log.spend(conversation, tokens)
        log.spend(conversation, tokens)
    assert log.agent.spent.tokens == sum(dict(told).values())


def test_of_very_many_conversations_the_oldest_are_put_together() -> None:
    log = Log()
    for number in range(500):
        log.spend(f"c{number}", 10, usd=0.5, estimated=True)
    assert len(log.agent.books) <= 201
    assert log.agent.spent == Spent(tokens=5000, usd=250.0, estimated=True)


def test_a_budget_begins_anew_where_a_person_says_so() -> None:
    log = Log()
    log.spend("c", 100)
    log.add(EventType.AGENT_PAUSED, cause="budget", reason="its budget of 100 tokens is used up")
    assert log.agent.paused is PauseCause.BUDGET
    log.add(EventType.AGENT_RESUMED, cause="budget", anew=True)
    assert (log.agent.paused, log.agent.budget_from.tokens) == (None, 100)
    log.add(EventType.AGENT_RESUMED, cause="person")
    assert log.agent.budget_from.tokens == 100


def test_a_budget_stays_used_up_when_it_is_started_again_and_nothing_else_stands_still() -> None:
    for cause, left in (("budget", PauseCause.BUDGET), ("person", None), ("pressure", None)):
        log = Log()
        log.add(EventType.AGENT_PAUSED, cause=cause)
        log.add(EventType.AGENT_STOPPING, generation=1, again=True)
        log.add(EventType.AGENT_STOPPED)
        assert log.agent.paused is left


def test_limits_and_budgets_set_by_hand_are_in_force_until_they_are_taken_back() -> None:
    log = Log()
    limits, budget = Limits(cpu_percent=40), Budget(tokens=5)
    log.add(EventType.AGENT_LIMITED, limits=encode(limits), budget=encode(budget))
    assert (log.fleet.limits(A), log.fleet.budget(A)) == (limits, budget)
    assert spending(log.agent, budget)["by_hand"] == ["limits", "budget"]
    log.add(EventType.AGENT_LIMITED, limits=None, budget=encode(budget))
    assert (log.fleet.limits(A), log.fleet.budget(A)) == (Limits(), budget)
    log.add(EventType.AGENT_LIMITED, limits=None)
    assert log.fleet.budget(A) == Budget()


def test_a_snapshot_keeps_all_of_it() -> None:
    log = Log()
    log.add(EventType.AGENT_BUSY)
    log.spend("c", 100, unpriced="x")
    log.add(EventType.AGENT_BUDGET, part="tokens", limit=120, evidence="tokens: 100 of 120")
    log.add(EventType.AGENT_LIMITED, budget=encode(Budget(time=timedelta(hours=1))))
    assert decode(Fleet, encode(log.fleet)) == log.fleet


def test_a_trial_of_an_event_needs_no_time() -> None:
    log = Log()
    log.add(EventType.AGENT_BUSY)
    log.fleet.check([Draft(agent_stream(A), EventType.AGENT_IDLE, {"generation": 1})])
