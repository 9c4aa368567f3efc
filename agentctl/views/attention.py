"""Who waits for a person, the one that has waited longest first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from agentctl.domain.agent import ALIVE, Agent, AskKind, PauseCause


def waits_since(agent: Agent) -> datetime | None:
    """Return since when *agent* waits for a person, None where it does not: a limit ends by itself."""
    if agent.asking is not None and agent.asking.kind is not AskKind.LIMIT and agent.state in ALIVE:
        return agent.asking.since
    return agent.paused_since if agent.paused is PauseCause.BUDGET else None


def waiting(agents: Iterable[Agent]) -> list[Agent]:
    """Return those of *agents* that wait for a person."""
    found = [(since, agent.id, agent) for agent in agents if (since := waits_since(agent)) is not None]
    return [agent for _, _, agent in sorted(found, key=lambda one: one[:2])]
