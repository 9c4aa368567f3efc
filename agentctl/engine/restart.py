"""Restarts: whether an agent that ended is started again, when, and when to give up and tell a person."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agentctl.domain.team import Backoff, RestartPolicy


@dataclass(frozen=True, slots=True)
class Leave:
    """It ended and stays so."""


@dataclass(frozen=True, slots=True)
class Again:
    """It is started again at `at`; this was failure number `failures` in a row."""

    at: datetime
    failures: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """It failed too often; a person is needed."""

    reason: str


def after_exit(
    policy: RestartPolicy, code: int | None, failures: Sequence[datetime], now: datetime, rng: random.Random
) -> Leave | Again | GiveUp:
    """Return what follows an end with exit *code* (None: unknown, which is not success).

    *failures* are the moments it ended by itself since it was last well, this end included.
    """
    if policy.policy == "never" or (policy.policy == "on-failure" and code == 0):
        return Leave()
    recent = sum(moment > now - policy.window for moment in failures)
    if recent > policy.most:
        return GiveUp(f"ended {recent} times in {_words(policy.window)}; last exit code {_code(code)}")
    return Again(now + delay(policy.backoff, max(recent, 1), rng), recent)


def delay(backoff: Backoff, failures: int, rng: random.Random) -> timedelta:
    """Return the wait after *failures* in a row (1 is the first); jitter takes off up to a tenth."""
    exponent = min(failures - 1, 64)
    wait = min(backoff.longest.total_seconds(), backoff.initial.total_seconds() * backoff.factor**exponent)
    return timedelta(seconds=wait * (1 - 0.1 * rng.random()) if backoff.jitter else wait)


def _code(code: int | None) -> str:
    return "unknown" if code is None else str(code)


def _words(window: timedelta) -> str:
    minutes = window.total_seconds() / 60
    return f"{minutes:g} min" if minutes >= 1 else f"{window.total_seconds():g} s"
