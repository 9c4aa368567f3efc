"""Budgets: what an agent has used up of what it may, and what follows. Nothing is broken off: a turn ends by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from agentctl.domain.agent import ALIVE, Activity, Agent, AgentState, PauseCause, Spent
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.team import Budget
from agentctl.domain.units import format_duration

_WARNS_AT = 0.8

_PRICE = "price"
"""Told of where money is bounded and cannot be counted."""

_IN_A_TURN = frozenset({Activity.WORKING, Activity.WAITING})


@dataclass(frozen=True, slots=True)
class Share:
    """One part of a budget, and how much of it is used up."""

    part: str
    used: float
    """In tokens, US dollars or seconds, since the budget began."""
    of: float
    limit: float
    """The figure at which it is used up, counted from the agent's beginning."""
    guessed: bool = False

    @property
    def over(self) -> bool:
        """Tell whether it is used up."""
        return self.used >= self.of

    @property
    def near(self) -> bool:
        """Tell whether most of it is used up."""
        return self.used >= _WARNS_AT * self.of

    def words(self) -> str:
        """Return it for a person: `tokens: 812,000 of 1,000,000`."""
        guess = " (estimated)" if self.guessed else ""
        return f"{self.part}: {_figure(self.part, self.used)} of {_figure(self.part, self.of)}{guess}"


def shares(spent: Spent, since: Spent, budget: Budget) -> list[Share]:
    """Return the parts of *budget* with what is used up of each; *since* is what was spent when it began."""
    return list(_shares(spent, since, budget))


def is_used_up(agent: Agent, budget: Budget, now: datetime) -> bool:
    """Tell whether *agent* has used up what it may."""
    return any(share.over for share in shares(agent.spent_by(now), agent.budget_from, budget))


def judge(agent: Agent, budget: Budget, now: datetime, *, handing: bool = False) -> list[Draft]:
    """Return what is to be recorded of *agent* and its *budget*.

    It is paused when its turn has ended, or, with *handing*, when the next message would be handed to it.
    """
    if agent.state not in ALIVE - {AgentState.STOPPING}:
        return []
    spent = agent.spent_by(now)
    found = shares(spent, agent.budget_from, budget)
    over = next((share for share in found if share.over), None)
    if over is not None:
        ended = handing or agent.activity not in _IN_A_TURN
        return [_pause(agent, over)] if ended and agent.paused is None else []
    eased = [_resume(agent, found)] if agent.paused is PauseCause.BUDGET else []
    return [*eased, *_warnings(agent, found), *_unpriced(agent, spent, budget)]


def _shares(spent: Spent, since: Spent, budget: Budget) -> Iterator[Share]:
    if budget.tokens is not None:
        yield Share("tokens", spent.tokens - since.tokens, budget.tokens, since.tokens + budget.tokens)
    if budget.usd is not None:
        yield Share("usd", spent.usd - since.usd, budget.usd, since.usd + budget.usd, spent.estimated)
    if budget.time is not None:
        used, of, before = (part.total_seconds() for part in (spent.work - since.work, budget.time, since.work))
        yield Share("time", used, of, before + of)


def _pause(agent: Agent, share: Share) -> Draft:
    what = {"tokens": f"{_figure('tokens', share.of)} tokens", "time": f"{_figure('time', share.of)} of work"}
    reason = f"its budget of {what.get(share.part, _figure(share.part, share.of))} is used up"
    return _draft(agent, EventType.AGENT_PAUSED, cause=PauseCause.BUDGET.value, reason=reason)


def _resume(agent: Agent, found: list[Share]) -> Draft:
    reason = f"its budget holds again: {', '.join(share.words() for share in found) or 'it has none'}"
    return _draft(agent, EventType.AGENT_RESUMED, cause=PauseCause.BUDGET.value, reason=reason)


def _warnings(agent: Agent, found: list[Share]) -> list[Draft]:
    return [
        _draft(agent, EventType.AGENT_BUDGET, part=share.part, limit=share.limit, evidence=share.words())
        for share in found
        if share.near and agent.budget_warned.get(share.part) != share.limit
    ]


def _unpriced(agent: Agent, spent: Spent, budget: Budget) -> list[Draft]:
    """Tell once that money which is bounded cannot be counted: no price is made up."""
    if budget.usd is None or not spent.unpriced or _PRICE in agent.budget_warned:
        return []
    evidence = f"usd: no price is known for {spent.unpriced}, so what it costs is not counted"
    return [_draft(agent, EventType.AGENT_BUDGET, part=_PRICE, limit=0, evidence=evidence)]


def _figure(part: str, value: float) -> str:
    if part == "usd":
        return f"${value:,.2f}"
    return f"{value:,.0f}" if part == "tokens" else format_duration(timedelta(seconds=round(value)))


def _draft(agent: Agent, kind: EventType, **facts: object) -> Draft:
    return Draft(agent_stream(agent.id), kind, facts)
