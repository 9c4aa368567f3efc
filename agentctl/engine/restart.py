"""Restarts: whether an agent that ended is started again, when, and when to give up and tell a person.

What follows depends on why it ended: a limit ends by itself, a login needs a person, a lost conversation costs nothing.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agentctl.domain.agent import Agent, AgentState, Ending
from agentctl.domain.team import Backoff, RestartPolicy

_LIMITED = Backoff(timedelta(minutes=30), 2.0, timedelta(hours=4), jitter=False)
"""The wait where a provider takes no more and does not say until when."""

_STAGGER = timedelta(minutes=2)
"""Agents of one provider come back spread over this, or their first prompts would reach its limit again."""

_LONGEST_LIMIT = timedelta(days=31)
"""A limit that is said to end later than this was misread."""


@dataclass(frozen=True, slots=True)
class Leave:
    """It ended and stays so."""


@dataclass(frozen=True, slots=True)
class Again:
    """It is started again at `at`; this was failure number `failures` in a row."""

    at: datetime
    failures: int
    because: str = ""
    """Why it waits, where its end was no failure."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """It failed too often; a person is needed."""

    reason: str


def after_end(agent: Agent, policy: RestartPolicy, now: datetime, rng: random.Random) -> Leave | Again | GiveUp:
    """Return what follows the end of *agent*, by why it ended."""
    match agent.ending:
        case Ending.LOGIN:
            return GiveUp("a person has to log in")
        case Ending.QUOTA if policy.policy != "never":
            return Again(_limit_over(agent, now, rng), len(agent.failures), "its usage limit is reached")
        case Ending.LOST_SESSION if policy.policy != "never" and agent.resumed:
            return Again(now, len(agent.failures), "its conversation is gone: a new one begins")
        case _:
            return after_exit(policy, _judged_code(agent), agent.failures, now, rng)


def _judged_code(agent: Agent) -> int | None:
    """Return the exit code that counts: a program that hung and obeyed when it was ended did not succeed."""
    return agent.exit_code if agent.ending in (None, Ending.DONE) else agent.exit_code or None


def _limit_over(agent: Agent, now: datetime, rng: random.Random) -> datetime:
    """Return when *agent* may try again: when its provider said so, else after a wait that grows."""
    said = agent.retry_at
    if said is None or said.tzinfo is None or said > now + _LONGEST_LIMIT:
        return now + delay(_LIMITED, max(agent.refused, 1), rng) + _stagger(agent)
    return max(said, now) + _stagger(agent)


def _stagger(agent: Agent) -> timedelta:
    """Return this agent's place in the queue: always the same, so that a restart of ours changes nothing."""
    share = int.from_bytes(hashlib.sha256(agent.id.encode()).digest()[:4]) / 2**32
    return timedelta(seconds=round(share * _STAGGER.total_seconds()))


def after_exit(
    policy: RestartPolicy, code: int | None, failures: Sequence[datetime], now: datetime, rng: random.Random
) -> Leave | Again | GiveUp:
    """Return what follows an end with exit *code* (None: unknown, which is not success).

    *failures* are the moments it ended by itself since it was last well, this end included.
    """
    if policy.policy == "never" or (policy.policy == "on-failure" and code == 0):
        return Leave()
    recent = _recent(policy, failures, now)
    if recent > policy.most:
        return GiveUp(f"ended {recent} times in {in_words(policy.window)}; last exit code {_code(code)}")
    return Again(now + delay(policy.backoff, max(recent, 1), rng), recent)


def given_up(policy: RestartPolicy, failures: Sequence[datetime], now: datetime) -> str:
    """Return in words that an agent which we ended for its failures has had too many, empty where it has not."""
    recent = _recent(policy, failures, now)
    return f"it failed {recent} times in {in_words(policy.window)}" if recent > policy.most else ""


def was_well(agent: Agent, policy: RestartPolicy, now: datetime) -> bool:
    """Tell whether *agent* has run for so long that its failures before count no more."""
    return agent.state is AgentState.RUNNING and agent.since is not None and now - agent.since >= policy.well_after


def _recent(policy: RestartPolicy, failures: Sequence[datetime], now: datetime) -> int:
    return sum(moment > now - policy.window for moment in failures)


def delay(backoff: Backoff, failures: int, rng: random.Random) -> timedelta:
    """Return the wait after *failures* in a row (1 is the first); jitter takes off up to a tenth."""
    exponent = min(failures - 1, 64)
    wait = min(backoff.longest.total_seconds(), backoff.initial.total_seconds() * backoff.factor**exponent)
    return timedelta(seconds=wait * (1 - 0.1 * rng.random()) if backoff.jitter else wait)


def _code(code: int | None) -> str:
    return "unknown" if code is None else str(code)


def in_words(window: timedelta) -> str:
    """Return *window* for a sentence: `60 min`, `30 s`."""
    minutes = window.total_seconds() / 60
    return f"{minutes:g} min" if minutes >= 1 else f"{window.total_seconds():g} s"
