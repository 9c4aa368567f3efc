"""Pressure: who stands still for a while where the machine is short of memory, and who goes on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from agentctl.domain.agent import Activity
from agentctl.domain.names import AgentId

BEGINS_AFTER = 3
"""Rounds in a row: a build takes a lot for a moment, and gives it back."""

_EASED_AFTER = 10.0
_PAUSE_EVERY, _RESUME_EVERY = 3.0, 2.0
"""Seconds in which the last step can show what it did."""

_LONGEST_PAUSE, _LEAST_RUN = 60.0, 30.0
"""Seconds; under lasting pressure everybody has a turn."""

_GOES_FIRST = {Activity.IDLE: 0, Activity.WAITING: 1, Activity.UNKNOWN: 2, Activity.WORKING: 3}


@dataclass(frozen=True, slots=True)
class Strain:
    """Whether one thing of the machine is short: it begins after some rounds, and ends after a while of enough."""

    on: bool = False
    short: int = 0
    """Rounds in a row with too little."""
    enough_since: float | None = None

    def after(self, now: float, *, short: bool, enough: bool) -> Strain:
        """Return the strain after one more round; with neither *short* nor *enough* it goes on as it is."""
        rounds = self.short + 1 if short else 0
        since = (now if self.enough_since is None else self.enough_since) if enough else None
        eased = since is not None and now - since >= _EASED_AFTER
        return Strain((self.on or rounds >= BEGINS_AFTER) and not eased, rounds, since)

    def is_over(self, now: float) -> bool:
        """Tell whether there has been enough for a while."""
        return not self.on and self.enough_since is not None and now - self.enough_since >= _EASED_AFTER


@dataclass(frozen=True, slots=True)
class Candidate:
    """A running agent, as far as it matters who stands still."""

    agent: AgentId
    priority: int
    activity: Activity
    memory_bytes: int
    paused_for: float | None = None
    """Seconds for which it has stood still for the machine's sake; None: it runs."""
    ran_for: float = math.inf
    """Seconds since it went on last."""


@dataclass(frozen=True, slots=True)
class Relief:
    """Who goes on, and then who stands still."""

    resume: tuple[AgentId, ...] = ()
    pause: tuple[AgentId, ...] = ()


def relieve(strain: Strain, candidates: Sequence[Candidate], now: float, acted: float) -> Relief:
    """Return what is to be done at *now*, when the last step was taken at *acted*."""
    paused = sorted((c for c in candidates if c.paused_for is not None), key=lambda c: (-(c.paused_for or 0), c.agent))
    if not strain.on:
        due = paused and strain.is_over(now) and now - acted >= _RESUME_EVERY
        return Relief(resume=(paused[0].agent,)) if due else Relief()
    back = tuple(c.agent for c in paused if c.paused_for is not None and c.paused_for >= _LONGEST_PAUSE)
    running = [c for c in candidates if c.paused_for is None]
    if not strain.short or now - acted < _PAUSE_EVERY or len(running) + len(back) < 2:  # noqa: PLR2004  never the last one
        return Relief(resume=back)
    rested = [c for c in running if c.ran_for >= _LEAST_RUN]
    return Relief(back, tuple(c.agent for c in sorted(rested, key=_order)[:1]))


def _order(candidate: Candidate) -> tuple[int, int, int, str]:
    """Sort the lowest priority first, then who does nothing, then who takes the most."""
    return candidate.priority, _GOES_FIRST[candidate.activity], -candidate.memory_bytes, candidate.agent
