"""The pulse: how well the least gap between two operations of an agent was kept, and what that cost it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

_LONGEST = timedelta(days=365)
"""More than this says nothing of a gap; what a hook tells is the agent's own word."""


@dataclass(slots=True)
class Beats:
    """The operations of one agent that are known: messages that it was handed, and tool calls that it told of."""

    operations: int = 0
    waits: int = 0
    """How many of them were made to wait."""
    waited: timedelta = timedelta(0)
    least_gap: timedelta | None = None
    """Between two messages or two tool calls; None: there was no second one, or nothing tells."""
    violations: int = 0
    """How many came sooner after the one before than the pulse allows."""
    _before: timedelta | None = None
    """The pulse at the operation before: a new one counts from the next on."""

    def add(self, pulse: timedelta, *, gap: timedelta | None, waited: timedelta = timedelta(0)) -> None:
        """Count an operation that came *gap* after the one before it; None: nobody knows."""
        self.operations += 1
        self.waits += waited > timedelta(0)
        self.waited += waited
        if gap is not None:
            self.least_gap = gap if self.least_gap is None else min(gap, self.least_gap)
            self.violations += gap < (pulse if self._before is None else min(pulse, self._before))
        self._before = pulse


def told_by_hook(said: Mapping[str, Any]) -> tuple[timedelta, timedelta | None] | None:
    """Return how long a tool call was held and how long after the one before it went on, as its hook *said*.

    None where it did not say, and where what it said is nothing that it can have meant.
    """
    waited, since = _millis(said.get("waited_ms")), _millis(said.get("since_ms"))
    return (waited, since) if waited is not None else None


def _millis(value: object) -> timedelta | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LONGEST // timedelta(milliseconds=1):
        return None
    return timedelta(milliseconds=value)
