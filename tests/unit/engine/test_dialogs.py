"""Nothing is answered for a person but what the team file says."""

from __future__ import annotations

import itertools

import pytest

from agentctl.domain.agent import Ask, AskKind
from agentctl.domain.team import AgentSpec
from agentctl.engine.dialogs import answer_by_policy

EVERYTHING = {kind.value: "accept" for kind in AskKind}
POLICIES = ("", "ask", "plan", "auto-edit", "auto")


def spec(approve="", **dialogs: str) -> AgentSpec:
    return AgentSpec("shop", "dev", "dev", "claude", "Shop-Dev", 0, "/srv", approve=approve, dialogs=dialogs)


def ask(kind: AskKind) -> Ask:
    return Ask("a1", kind)


@pytest.mark.parametrize("kind", [AskKind.TRUST, AskKind.THEME, AskKind.UPDATE])
def test_dialogs_at_the_start_are_answered_as_written(kind: AskKind) -> None:
    assert answer_by_policy(ask(kind), spec(**{kind: "accept"})) == "approve"
    assert answer_by_policy(ask(kind), spec(**{kind: "decline"})) == "deny"
    assert answer_by_policy(ask(kind), spec(**{kind: "ask"})) is None
    assert answer_by_policy(ask(kind), spec("auto")) is None


def test_permissions_are_given_by_auto_alone() -> None:
    given = [policy for policy in POLICIES if answer_by_policy(ask(AskKind.PERMISSION), spec(policy, **EVERYTHING))]
    assert given == ["auto"]


@pytest.mark.parametrize("kind", [AskKind.LOGIN, AskKind.QUESTION, AskKind.LIMIT, AskKind.OTHER])
def test_nobody_answers_these_for_a_person(kind: AskKind) -> None:
    for policy, dialogs in itertools.product(POLICIES, ({}, EVERYTHING)):
        assert answer_by_policy(ask(kind), spec(policy, **dialogs)) is None
