"""Budgets of team files: what they may say, and what is told of programs that tell nothing themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from agentctl.domain.team import Budget
from tests.unit.spec.conftest import RUNNERS

COUNTING = {**RUNNERS, "claude": replace(RUNNERS["claude"], counts=True)}


@pytest.mark.parametrize(
    ("written", "budget"),
    [
        ("{tokens: 2M}", Budget(tokens=2_000_000)),
        ("{tokens: 1500000, usd: 2.5}", Budget(tokens=1_500_000, usd=2.5)),
        ("{tokens: '1,500,000', time: 1h30m}", Budget(tokens=1_500_000, time=timedelta(hours=1.5))),
        ("{usd: null, time: 10m}", Budget(time=timedelta(minutes=10))),
        ("{}", Budget()),
    ],
)
def test_what_a_budget_may_say(desk, written, budget):
    team = desk.team(f"agents: {{a: {{runner: claude, budget: {written}}}}}\n")
    assert team.agent("a").budget == budget


@pytest.mark.parametrize(
    "written", ["{tokens: 0}", "{tokens: 1.5}", "{tokens: -3}", "{tokens: lots}", "{usd: 0}", "{time: 2}"]
)
def test_what_it_may_not(desk, written):
    problem = desk.only_problem(f"agents: {{a: {{budget: {written}}}}}\n")
    assert "budget" in problem.render()


def test_a_role_and_the_defaults_have_budgets_too(desk):
    team = desk.team(
        "defaults: {budget: {usd: 5}}\nroles: {r: {budget: {tokens: 1M}}}\nagents: {a: {role: r, budget: {time: 1h}}}\n"
    )
    assert team.agent("a").budget == Budget(1_000_000, 5.0, timedelta(hours=1))


def test_it_is_told_once_which_programs_tell_nothing_of_their_tokens(desk):
    desk = replace(desk, runners=COUNTING)
    team = desk.team(
        "agents:\n"
        "  a: {runner: shell, budget: {tokens: 1M}}\n  b: {runner: shell, budget: {usd: 1}}\n"
        "  c: {runner: claude, budget: {tokens: 1M}}\n  d: {runner: shell, budget: {time: 1h}}\n"
    )
    told = [note for note in team.notes if "budget" in note]
    assert told == [
        "budget of a, b: shell tells nothing of its tokens and what they cost, so those are not counted; "
        "working time is"
    ]
