"""Who in a tree need not be held back: who has taken next to nothing for a while, as a program that waits for a person.

In a tree that builds, the agent's own screen sleeps and is typed into: held back with the build, it would stutter.
Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_AT_FIRST, _AT_MOST = 1.5, 60.0
"""Seconds of calm that are asked for, and for one that was calm and was not to be trusted, each time twice as many."""

_SHARE = 0.5
"""Of the limit, for all who are calm together: what they take is counted, and the others have the rest."""

_SETTLED = 1.0
"""Seconds of calm after which one is reckoned with: those who come and go cannot be calm together."""

_MEMORY = 0.5
"""Seconds; who takes as much in a longer time may have taken it at once."""


@dataclass(slots=True)
class Composure:
    """What was seen of one process; moments are seconds of one clock."""

    at: float
    used: float
    """CPU seconds of its own."""
    since: float
    """When it last took more than a little."""
    asked: float = _AT_FIRST
    calm: bool = False

    def look(self, now: float, used: float, allowed: float, *, bore: bool) -> bool:
        """Take in what it has *used* up to *now* and whether it *bore* a child since; tell whether it is calm.

        A parent is not: what is born to it would run free until somebody sees it.
        """
        spent, seconds = used - self.used, min(_MEMORY, now - self.at)
        self.at, self.used = now, used
        if bore or spent > allowed * seconds:
            if self.calm:
                self.asked = min(_AT_MOST, 2 * self.asked)
            self.since, self.calm = now, False
        elif now - self.since >= self.asked:
            self.calm = True
        return self.calm


def allowance(limit: float, seen: Iterable[Composure], now: float) -> float:
    """Return the CPU seconds a second that each who is calm, or will be soon, may take of a tree's *limit*."""
    return limit * _SHARE / max(1, sum(now - one.since >= _SETTLED for one in seen))
