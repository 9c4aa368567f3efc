"""The memory ladder: what is done about an agent whose memory comes near its limit, and passes it.

All of it follows from the samples of one generation, its limit and the step it stands on. Up at once, down only after a
calm while, so that nothing flaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import Literal, NamedTuple

from agentctl.domain.agent import MemoryStep
from agentctl.domain.units import format_bytes

WARN_AT, TELL_AT, THROTTLE_AT, RESTART_AT, KILL_AT = 0.8, 0.9, 1.0, 1.1, 1.25
"""Shares of the limit. Plain choice, but for the last: what is far above is a leak that no turn's end will wait for."""

KEPT_SECONDS = 300.0
"""How far back samples say something."""

_SOON = timedelta(minutes=5)
_SOON_FROM = 0.6
"""Use below this is no cause for a warning, however it grows: programs grow fast while they start."""

_NO_LONGER_SOON = timedelta(minutes=10)
_THROTTLE_AFTER = 3
"""Samples in a row: one may be a moment of a build."""

_WAITS, _WAITS_MOST = 10.0, 60.0
"""Seconds above the limit before a restart: where its turn is over, and in any case."""

_GROWS_ON = 0.05
"""Of the limit: what it may take more while it is ending, because ending takes some."""

_LEEWAY, _CALM_SECONDS = 0.05, 30.0
"""A step is left when all samples of this time lay so far below where it begins."""

_TREND_SECONDS, _RECENT_SECONDS = 180.0, 60.0
_LEAST_SPAN, _LEAST_POINTS, _MOST_POINTS = 30.0, 6, 16
"""What a trend is made of; all pairs of 16 points cost a tenth of a millisecond."""

_NOISE = 0.02
"""Of the limit: growth below this over the whole stretch is none."""

_FARTHEST = timedelta(hours=1)
"""Beyond this a straight line says nothing."""

_STEPS = tuple(MemoryStep)
_FURTHEST = {
    "warn": MemoryStep.TOLD,
    "throttle": MemoryStep.THROTTLED,
    "restart": MemoryStep.KILLED,
    "stop": MemoryStep.KILLED,
}
_BEGINS = {MemoryStep.WARNED: WARN_AT, MemoryStep.TOLD: TELL_AT, MemoryStep.THROTTLED: THROTTLE_AT}


class Held(NamedTuple):
    """What a tree held at one moment, in seconds of a clock that never goes back."""

    at: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Footing:
    """Where one generation of an agent stands on the ladder."""

    samples: Sequence[Held]
    """Of this generation, oldest first; at least one."""
    limit: int
    step: MemoryStep = MemoryStep.OK
    on_exceed: Literal["warn", "throttle", "restart", "stop"] = "restart"
    at_rest: bool = False
    """Its turn is over, so that a restart breaks nothing off."""
    braked: bool = False
    """The governor has stopped it for its memory."""
    exact: bool = True
    """Shared pages are counted once. Else it is too much, and is counted anew when it comes near the limit."""
    ending_from: int | None = None
    """What it held when it was asked to end for its memory; None: it was not."""


def step_of(footing: Footing) -> MemoryStep:
    """Return the step that the agent is to stand on now."""
    left = time_left(footing.samples, footing.limit) if _may_grow(footing) else None
    before = range(_STEPS.index(footing.step), -1, -1)
    kept = next(_STEPS[place] for place in before if _holds(_STEPS[place], footing, left))
    step = max(_reached(footing, left), kept, key=_STEPS.index)
    return min(step, max(_FURTHEST[footing.on_exceed], footing.step, key=_STEPS.index), key=_STEPS.index)


def is_above(step: MemoryStep, other: MemoryStep) -> bool:
    """Tell whether *step* is further up than *other*."""
    return _STEPS.index(step) > _STEPS.index(other)


def time_left(samples: Sequence[Held], limit: int) -> timedelta | None:
    """Return when the limit is reached if it grows on as it does; None where it does not, or nobody can tell."""
    last = samples[-1]
    slope = _trend(samples, _TREND_SECONDS, limit)
    if slope is None or last.memory_bytes >= limit:
        return None
    recent = _slope(_thinned([held for held in samples if held.at >= last.at - _RECENT_SECONDS]))
    seconds = (limit - last.memory_bytes) / slope
    return timedelta(seconds=seconds) if recent > 0 and seconds <= _FARTHEST.total_seconds() else None


def in_words(samples: Sequence[Held], limit: int, kind: str) -> str:
    """Return the last sample as evidence: `409MiB of 512MiB (80%, pss); limit in 4 min`."""
    size = samples[-1].memory_bytes
    words = f"{format_bytes(size)} of {format_bytes(limit)} ({100 * size / limit:.0f}%, {kind})"
    left = time_left(samples, limit) if size >= _SOON_FROM * limit else None
    return words if left is None else f"{words}; limit in {_rounded(left)}"


def _rounded(left: timedelta) -> str:
    seconds = left.total_seconds()
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{max(1, round(seconds))} s"  # noqa: PLR2004  "1 min" says too little


# --- up ---


def _reached(footing: Footing, left: timedelta | None) -> MemoryStep:
    """Return the step that the samples alone ask for."""
    if _is_lost(footing):
        return MemoryStep.KILLED
    if _is_past_waiting(footing):
        return MemoryStep.RESTARTED
    last = [held.memory_bytes for held in footing.samples[-_THROTTLE_AFTER:]]
    if len(last) == _THROTTLE_AFTER and min(last) >= THROTTLE_AT * footing.limit:
        return MemoryStep.THROTTLED
    if last[-1] >= TELL_AT * footing.limit:
        return MemoryStep.TOLD
    soon = left is not None and left <= _SOON
    return MemoryStep.WARNED if soon or last[-1] >= WARN_AT * footing.limit else MemoryStep.OK


def _is_lost(footing: Footing) -> bool:
    """Tell whether only its end at once helps."""
    size = footing.samples[-1].memory_bytes
    grows_on = footing.ending_from is not None and size > footing.ending_from + _GROWS_ON * footing.limit
    return size > KILL_AT * footing.limit or grows_on


def _is_past_waiting(footing: Footing) -> bool:
    """Tell whether it is to be started again: far above its limit, or above it for too long."""
    above = _seconds_above(footing.samples, footing.limit)
    waited = above >= (_WAITS if footing.at_rest else _WAITS_MOST)
    return footing.braked or waited or footing.samples[-1].memory_bytes >= RESTART_AT * footing.limit


def _seconds_above(samples: Sequence[Held], limit: int) -> float:
    """Return for how long it has been above *limit* without a break."""
    since = samples[-1].at
    for held in reversed(samples):
        if held.memory_bytes <= limit:
            break
        since = held.at
    return samples[-1].at - since


def _may_grow(footing: Footing) -> bool:
    """Tell whether it is worth asking when the limit is reached."""
    return footing.exact and footing.samples[-1].memory_bytes > _SOON_FROM * footing.limit


# --- down ---


def _holds(step: MemoryStep, footing: Footing, left: timedelta | None) -> bool:
    """Tell whether an agent that stands on *step* stays there: what was begun is gone through with."""
    begins = _BEGINS.get(step)
    if begins is None:
        return True
    if step is MemoryStep.WARNED and left is not None and left <= _NO_LONGER_SOON:
        return True
    return not _is_calm(footing.samples, (begins - _LEEWAY) * footing.limit)


def _is_calm(samples: Sequence[Held], below: float) -> bool:
    """Tell whether all samples lay below *below* for long enough."""
    since = samples[-1].at - _CALM_SECONDS
    return samples[0].at <= since and all(held.memory_bytes < below for held in samples if held.at >= since)


# --- the trend ---


def _trend(samples: Sequence[Held], seconds: float, limit: int) -> float | None:
    """Return the bytes a second by which it grows; None where that is no more than noise, or seen too briefly."""
    window = _thinned([held for held in samples if held.at >= samples[-1].at - seconds])
    span = window[-1].at - window[0].at
    if len(window) < _LEAST_POINTS or span < _LEAST_SPAN:
        return None
    slope = _slope(window)
    return slope if slope * span >= _NOISE * limit else None


def _thinned(samples: Sequence[Held]) -> Sequence[Held]:
    """Return some of *samples*, spread evenly, the last among them."""
    apart = -(-len(samples) // _MOST_POINTS)
    return samples[(len(samples) - 1) % apart :: apart]


def _slope(points: Sequence[Held]) -> float:
    """Return the median of the slopes of all pairs (Theil and Sen): a third of the points may be anything."""
    slopes = [
        (later.memory_bytes - held.memory_bytes) / (later.at - held.at)
        for place, held in enumerate(points)
        for later in points[place + 1 :]
        if later.at > held.at
    ]
    return median(slopes) if slopes else 0.0
