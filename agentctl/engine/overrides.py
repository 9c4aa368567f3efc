"""Overrides: limits and budgets that a person set while an agent ran, held against what its team file says."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta

from agentctl.domain.agent import Agent
from agentctl.domain.team import AgentSpec, Budget, Limits
from agentctl.domain.units import format_bytes, format_duration

_SAID = {
    "cpu_percent": "cpu",
    "memory_bytes": "memory",
    "time": "working time",
    "on_exceed": "on exceed",
}


def kept(agent: Agent, old: AgentSpec, new: AgentSpec) -> tuple[Limits | None, Budget | None]:
    """Return what stays of what was set by hand when *new* is deployed: a file that says something new has its way."""
    limits = agent.limits if new.limits == old.limits else None
    return limits, agent.budget if new.budget == old.budget else None


def override_words(agent: Agent, old: AgentSpec, new: AgentSpec) -> list[str]:
    """Return in words what of *agent* is set by hand, and what of that a deploy of *new* takes back."""
    limits, budget = kept(agent, old, new)
    pairs = ((agent.limits, limits, new.limits), (agent.budget, budget, new.budget))
    stays = [words for _, now, file in pairs for words in _differing(now, file)]
    drops = [words for before, now, file in pairs if now is None for words in _differing(before, file)]
    said = [f"set by hand, and stays: {', '.join(stays)} (to take it back: agentctl limits reset)"] if stays else []
    return [*said, *([f"set by hand, and is taken back: {', '.join(drops)}"] if drops else [])]


def _differing(by_hand: Limits | Budget | None, file: Limits | Budget) -> list[str]:
    if by_hand is None:
        return []
    names = [field.name for field in fields(by_hand) if getattr(by_hand, field.name) != getattr(file, field.name)]
    return [f"{called(name)} {figure(name, getattr(by_hand, name))}" for name in names]


def called(name: str) -> str:
    """Return what people call the field *name* of limits or of a budget."""
    return _SAID.get(name, name)


def figure(name: str, value: object) -> str:
    """Return the limit or the part of a budget called *name* for a person."""
    if value is None:
        return "none"
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, int | float):
        words = {"memory_bytes": format_bytes(value), "cpu_percent": f"{value:g}%", "usd": f"${value:,.2f}"}
        return words.get(name, f"{value:,}")
    return str(value)
