"""The control law: a leaky bucket of CPU time, and how long a tree may run or has to stand still. Pure.

Credit grows with time at the limit's rate, use takes from it. While there is credit nothing is held back, so a program
that stays below its limit on average is never slowed, however it bursts; without credit the tree runs in short slices
whose length follows from how fast it was seen to spend. There is nothing to tune: what one slice takes too much, the
next stop is longer.
"""

from __future__ import annotations

from dataclasses import dataclass, field

PERIOD, PERIOD_OF_LEAST, _LEAST = 0.1, 0.5, 0.15
"""Seconds of one slice and one stop together, and for limits below 15 % of a core: a person feels stops above 150 ms,
shorter ones cost more, and who may take next to nothing is slow in any case."""

BURST = 0.5
"""Seconds of CPU that may be saved up: a burst of half a second at one core under a limit of 40 % needs 0.3."""

_SHORTEST_RUN = 0.004
"""Seconds; a timer comes up to a millisecond late, which must stay a small part of a slice."""

_TURN_FOR_ALL, _SHARE_OF_STOP = 0.015, 0.6
"""Seconds of a slice in which everybody in a tree that is wider than the machine has a turn, at 4 ms each, or a person
feels two stops as one; as far as this share of the longest stop pays for it, which leaves the rest for debts."""

_LONGEST_STOP, _LONGEST_STOP_OF_LITTLE, _LITTLE = 0.1, 0.3, 0.3
"""Seconds of one stop at most, and for limits below 30 % of a core: even a tree in debt shows signs of life. Below 15 %
it is a whole period."""

_PAYS, _PAYS_MUCH, _MUCH = 1.1, 1.3, 0.05
"""Times what completes a period: no stop is longer than that, or than the first of the two, to pay a debt at once. The
second where more than so many seconds of CPU are owed, which only a tree that had run away does."""

DEEPEST_DEBT = 0.5
"""Seconds of CPU; what was overspent before anybody could look is forgiven beyond this."""

_TRUST = 0.5
"""Weight of the newest slice in the rate that is expected: a build changes its width from slice to slice."""


@dataclass(slots=True)
class Bucket:
    """The credit of one tree; *limit* and *rate* are CPU seconds a second, `credit` is CPU seconds."""

    limit: float
    cores: int
    credit: float = 0.0
    rate: float = field(default=1.0)
    """How fast it spends while it runs, as seen lately."""

    def account(self, seconds: float, used: float) -> None:
        """Take in that *used* CPU seconds were spent in the last *seconds*."""
        credit = self.credit + self.limit * seconds - used
        self.credit = min(BURST, max(-DEEPEST_DEBT, credit))

    def learn(self, seconds: float, used: float) -> None:
        """Take in how fast the tree spent in *seconds* in which it ran."""
        if seconds >= _SHORTEST_RUN / 2:
            self.rate += _TRUST * (min(self.cores, used / seconds) - self.rate)

    @property
    def is_spent(self) -> bool:
        """Tell whether the tree has to stand still."""
        return self.credit <= 0

    @property
    def _shortest_run(self) -> float:
        affordable = _SHARE_OF_STOP * self._longest_stop * self.limit / max(self.rate, self.limit)
        return max(_SHORTEST_RUN, min(_TURN_FOR_ALL, affordable))

    @property
    def _longest_stop(self) -> float:
        if self.limit >= _LITTLE:
            return _LONGEST_STOP
        return _LONGEST_STOP_OF_LITTLE if self.limit >= _LEAST else PERIOD_OF_LEAST

    def run_seconds(self) -> float:
        """Return how long the tree may run before it is to be looked at again."""
        spends = max(self.rate, self.limit * 1.01) - self.limit
        return max(self._shortest_run, self.credit / spends)

    def can_spare(self, stop: float, early: float) -> bool:
        """Tell whether *stop* seconds may end *early*: the next slice is long enough to be shortened for it."""
        credit = self.credit + self.limit * (stop - early)
        return credit >= self._shortest_run * (max(self.rate, self.limit) - self.limit)

    def stop_seconds(self) -> float:
        """Return how long the tree has to stand still: what completes a period, and what pays its debt."""
        rate = max(self.rate, self.limit)
        period = PERIOD if self.limit >= _LEAST else PERIOD_OF_LEAST
        period = max(period, self._shortest_run * rate / self.limit)
        rest = period * (1 - self.limit / rate)
        pays = _PAYS_MUCH if self.credit < -_MUCH else _PAYS
        longest = min(self._longest_stop, max(_LONGEST_STOP, pays * rest))
        return max(_SHORTEST_RUN, min(longest, rest - self.credit / self.limit))
