"""What follows from what was spent: a warning at 80 %, a pause when the turn has ended, and a way on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agentctl.domain.agent import Activity, Agent, AgentState, PauseCause, Spent
from agentctl.domain.events import Draft, EventType
from agentctl.domain.names import AgentId
from agentctl.domain.team import Budget
from agentctl.engine.budget import is_used_up, judge, shares

NOW = datetime(2030, 1, 1, tzinfo=UTC)
MILLION = Budget(tokens=1_000_000)


def agent(tokens: int = 0, **facts: object) -> Agent:
    plain = Agent(AgentId("t/a"), AgentState.RUNNING, activity=Activity.IDLE, spent=Spent(tokens=tokens))
    return replace(plain, **facts)  # type: ignore[arg-type]


def said(drafts: list[Draft]) -> list[tuple[str, str]]:
    return [(draft.type, str(draft.data.get("evidence") or draft.data.get("reason"))) for draft in drafts]


@pytest.mark.parametrize(
    ("budget", "spent", "words"),
    [
        (MILLION, Spent(tokens=812_000), "tokens: 812,000 of 1,000,000"),
        (Budget(usd=5.0), Spent(usd=4.1), "usd: $4.10 of $5.00"),
        (Budget(usd=5.0), Spent(usd=4.1, estimated=True), "usd: $4.10 of $5.00 (estimated)"),
        (Budget(time=timedelta(hours=2)), Spent(work=timedelta(minutes=100)), "time: 1h40m of 2h"),
    ],
)
def test_at_80_percent_it_is_told_once_with_figures(budget: Budget, spent: Spent, words: str) -> None:
    drafts = judge(agent(spent=spent), budget, NOW)
    assert said(drafts) == [(EventType.AGENT_BUDGET, words)]
    warned = {drafts[0].data["part"]: drafts[0].data["limit"]}
    assert judge(agent(spent=spent, budget_warned=warned), budget, NOW) == []


def test_below_nothing_is_said_and_without_a_budget_nothing_ever() -> None:
    assert judge(agent(799_999), MILLION, NOW) == []
    assert judge(agent(10**12), Budget(), NOW) == []


def test_two_parts_are_told_of_apart() -> None:
    budget = Budget(tokens=100, usd=1.0)
    spent = Spent(tokens=90, usd=0.9)
    drafts = judge(agent(spent=spent), budget, NOW)
    assert [draft.data["part"] for draft in drafts] == ["tokens", "usd"]
    assert [d.data["part"] for d in judge(agent(spent=spent, budget_warned={"tokens": 100}), budget, NOW)] == ["usd"]


def test_another_budget_is_told_of_again() -> None:
    warned = {"tokens": 1_000_000.0}
    assert judge(agent(850_000, budget_warned=warned), MILLION, NOW) == []
    assert len(judge(agent(850_000, budget_warned=warned), Budget(tokens=1_050_000), NOW)) == 1


@pytest.mark.parametrize("activity", [Activity.WORKING, Activity.WAITING])
def test_a_turn_that_runs_is_finished(activity: Activity) -> None:
    at_work = agent(1_000_000, activity=activity)
    assert judge(at_work, MILLION, NOW) == []
    assert said(judge(at_work, MILLION, NOW, handing=True)) == [
        (EventType.AGENT_PAUSED, "its budget of 1,000,000 tokens is used up")
    ]


@pytest.mark.parametrize(
    ("budget", "spent", "reason"),
    [
        (MILLION, Spent(tokens=1_000_000), "its budget of 1,000,000 tokens is used up"),
        (Budget(usd=5), Spent(usd=5.2), "its budget of $5.00 is used up"),
        (Budget(time=timedelta(hours=2)), Spent(work=timedelta(hours=3)), "its budget of 2h of work is used up"),
    ],
)
def test_when_it_is_used_up_it_is_paused_for_a_reason_in_words(budget: Budget, spent: Spent, reason: str) -> None:
    (draft,) = judge(agent(spent=spent), budget, NOW)
    assert (draft.type, draft.data["cause"], draft.data["reason"]) == (EventType.AGENT_PAUSED, "budget", reason)


@pytest.mark.parametrize("cause", PauseCause)
def test_who_is_paused_already_is_not_paused_again(cause: PauseCause) -> None:
    assert judge(agent(10**7, paused=cause), MILLION, NOW) == []


def test_only_a_pause_for_the_budget_is_over_with_it() -> None:
    raised = Budget(tokens=2_000_000)
    assert said(judge(agent(1_000_000, paused=PauseCause.BUDGET), raised, NOW)) == [
        (EventType.AGENT_RESUMED, "its budget holds again: tokens: 1,000,000 of 2,000,000")
    ]
    assert said(judge(agent(5, paused=PauseCause.BUDGET), Budget(), NOW)) == [
        (EventType.AGENT_RESUMED, "its budget holds again: it has none")
    ]
    assert judge(agent(1_000_000, paused=PauseCause.PERSON), raised, NOW) == []


def test_a_budget_that_begins_anew_counts_from_there() -> None:
    anew = agent(1_500_000, budget_from=Spent(tokens=1_000_000))
    assert not is_used_up(anew, MILLION, NOW)
    (share,) = shares(anew.spent, anew.budget_from, MILLION)
    assert (share.used, share.limit) == (500_000, 2_000_000)


def test_the_work_that_it_is_at_counts() -> None:
    works = agent(activity=Activity.WORKING, work_since=NOW - timedelta(hours=1))
    assert is_used_up(works, Budget(time=timedelta(hours=1)), NOW)
    assert not is_used_up(works, Budget(time=timedelta(hours=1)), NOW - timedelta(minutes=1))
    assert not is_used_up(works, Budget(time=timedelta(hours=1)), NOW - timedelta(days=1)), "the clock was set back"


@pytest.mark.parametrize("state", sorted(set(AgentState) - {AgentState.STARTING, AgentState.RUNNING}))
def test_nothing_is_said_of_one_that_does_not_run(state: AgentState) -> None:
    assert judge(agent(10**7, state=state), MILLION, NOW) == []


def test_money_that_cannot_be_counted_is_told_once() -> None:
    spent = Spent(tokens=10, unpriced="its-own")
    drafts = judge(agent(spent=spent), Budget(usd=1), NOW)
    assert said(drafts) == [
        (EventType.AGENT_BUDGET, "usd: no price is known for its-own, so what it costs is not counted")
    ]
    assert judge(agent(spent=spent, budget_warned={"price": 0}), Budget(usd=1), NOW) == []
    assert judge(agent(spent=spent), Budget(tokens=100), NOW) == []
