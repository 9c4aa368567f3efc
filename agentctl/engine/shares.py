"""Shares: how the CPU that all agents together may take is divided where they want more than that.

Max-min fair: who wants little gets all of it, and what is left is divided among the others by their weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentctl.domain.names import AgentId

FLOOR = 5.0
"""Percent of a core that everybody may take, whatever the others want: below it a program hardly answers."""

_HALVINGS = 40
"""Of the level at which all is given out: to a millionth of a percent."""

_MOST_THROTTLED = 95.0
"""Percent; beyond it what a tree would use is anybody's guess."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one agent wants and may have, in percent of one core."""

    agent: AgentId
    weight: int
    limit: float
    """Its own."""
    demand: float

    @property
    def want(self) -> float:
        """Return what it would take if there were enough."""
        return min(self.demand, self.limit)


def demand_of(used: float, throttled_percent: float) -> float:
    """Return what a tree would use if nothing held it, from what it used while it was held for a part of the time."""
    return used / (1 - min(throttled_percent, _MOST_THROTTLED) / 100)


def wanted(claims: Sequence[Claim]) -> float:
    """Return what all would take together."""
    return sum(claim.want for claim in claims)


def divide(claims: Sequence[Claim], band: float) -> dict[AgentId, float]:
    """Return each agent's limit so that all stay within *band*; empty where they do so by themselves."""
    if wanted(claims) <= band:
        return {}
    wishes = [(claim.want, claim.weight) for claim in claims]
    low, high = 0.0, max(claim.limit / claim.weight for claim in claims)
    for _ in range(_HALVINGS):
        level = (low + high) / 2
        if sum([min(want, max(FLOOR, weight * level)) for want, weight in wishes]) > band:
            high = level
        else:
            low = level
    return {claim.agent: _cap(claim, low) for claim in claims}


def _cap(claim: Claim, level: float) -> float:
    return min(claim.limit, max(FLOOR, claim.weight * level))
