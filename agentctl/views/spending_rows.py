"""What an agent has spent and may spend, as people look at it: the keys of its row."""

from __future__ import annotations

from typing import Any

from agentctl.domain.agent import Agent, Spent
from agentctl.domain.team import Budget


def spending(agent: Agent, budget: Budget) -> dict[str, Any]:
    """Return the keys of the row of *agent* that tell of its spending; *budget* is the one in force."""
    return {
        "spent": {
            **_figures(agent.spent),
            "cached": agent.spent.cached,
            "estimated": agent.spent.estimated,
            "unpriced": agent.spent.unpriced,
        },
        "used": _used(agent),
        "budget": {
            "tokens": budget.tokens,
            "usd": budget.usd,
            "work_seconds": budget.time.total_seconds() if budget.time is not None else None,
        },
        "work_since": agent.work_since.isoformat(timespec="milliseconds") if agent.work_since else None,
        "by_hand": [name for name in ("limits", "budget") if getattr(agent, name) is not None],
    }


def _used(agent: Agent) -> dict[str, Any]:
    """Return what counts against the budget: what was spent since a person last let it go on."""
    spent, since = agent.spent, agent.budget_from
    return _figures(Spent(spent.tokens - since.tokens, spent.usd - since.usd, spent.work - since.work))


def _figures(spent: Spent) -> dict[str, Any]:
    return {"tokens": spent.tokens, "usd": round(spent.usd, 4), "work_seconds": round(spent.work.total_seconds(), 1)}
