"""Dialogs: what the team file lets us answer for a person. All else waits for one."""

from __future__ import annotations

from typing import Literal

from agentctl.domain.agent import Ask, AskKind
from agentctl.domain.team import AgentSpec

Answer = Literal["approve", "deny"]

_AT_START = frozenset({AskKind.TRUST, AskKind.THEME, AskKind.UPDATE})
_ANSWERS: dict[str, Answer] = {"accept": "approve", "decline": "deny"}


def answer_by_policy(ask: Ask, spec: AgentSpec) -> Answer | None:
    """Return the answer that the team file gives to *ask* beforehand, None where a person has to.

    A login and a question are never answered: nobody can know the answer beforehand.
    """
    if ask.kind in _AT_START:
        return _ANSWERS.get(spec.dialogs.get(ask.kind, ""))
    if ask.kind is AskKind.PERMISSION and spec.approve == "auto":
        return "approve"
    return None
