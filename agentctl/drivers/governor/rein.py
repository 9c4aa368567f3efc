"""The rein of one tree: when it is let run, slowed, stopped, and let go again.

What it does next follows from its state and the moment alone:

    free ──credit spent──▶ slowed ──paid (duty: the stop is over)──▶ slice ──credit spent──▶ slowed
      ▲                       │                                         │
      └──wants less again─────┴─────────────────────────────────────────┘        paused, braked: stands still
"""

from __future__ import annotations

import contextlib
import math
from enum import Enum

from agentctl.domain.resources import Brake, Leash
from agentctl.drivers.governor.bucket import BURST, DEEPEST_DEBT, Bucket
from agentctl.drivers.governor.levels import Hold, Quota
from agentctl.drivers.governor.tree import Tree

GLANCE = 0.5
"""Seconds between two looks at a tree that runs free, less where it has threads to spend faster than one core."""

_SHORTEST_GLANCE = 0.05

_REST, _SLEEPS = 1.0, 5.0
"""Seconds between two looks at a tree that has slept for the second of them; less on a machine of so many cores that it
could spend more from one look to the next than is saved up and may be owed: that would be forgiven."""

_STIRS = 0.001
"""CPU seconds; who used less since the last look sleeps."""

EARLY = 0.15
"""Share of its time by which a step may come early, so that one wake-up, which costs more than a step, does several."""

_PAID_WITHIN, _LEAST_SHARE = 1.0, 0.5
"""Seconds in which a tree that the kernel holds pays back what it owes, and the share of its limit that it keeps while
it does: the kernel gives each processor a slice of its own, which is up to a third too much for a tree that is wide."""

_STEEPEST = 4.0
"""Times that for limits of several cores; steeper, and from one look to the next it swings to and fro."""


class Gait(Enum):
    """How a tree goes."""

    FREE = "free"
    SLICE = "slice"
    """It runs, and is looked at again at a moment that was reckoned."""
    SLOWED = "slowed"
    """With a duty it stands still; else the kernel holds it."""
    STILL = "still"
    """It is paused or braked."""


class Rein:
    """One tree under one level."""

    def __init__(self, tree: Tree, hold: Hold, leash: Leash, cores: int, now: float) -> None:
        self.tree = tree
        self.hold = hold
        self.leash = leash
        self.gait = Gait.FREE
        self.brake: Brake | None = None
        self.due = self.early = now
        """When it has to be stepped, and from when on it may be."""
        self.stands = False
        """It stands still now."""
        self.stood = 0.0
        """Seconds for which it has stood still for its limit, in all."""
        self.longest = 0.0
        """Seconds of the longest such stretch since somebody asked."""
        self.most_seen = 0
        """Processes that it was braked for: by the time it stands still some are gone."""
        self._since = now
        self._at = now
        self.used = hold.used_seconds()
        """CPU seconds that the tree had used when it was last due."""
        self._used_at = self._stirred_at = now
        self._bucket = Bucket(math.inf, cores, credit=BURST)
        self.obey(leash, now)

    def obey(self, leash: Leash, now: float) -> None:
        """Take new orders; raises OSError or PermissionError where the level cannot follow them."""
        self.leash = leash
        self._bucket.limit = (leash.cpu_percent or math.inf) / 100
        if leash.released:
            self.brake = None
        if leash.paused or self.brake is not None:
            self._stand_still(now)
        elif self.gait is Gait.STILL:
            self.hold.thaw()
            self._begin(Gait.FREE, now, GLANCE)
        elif leash.cpu_percent is None and self.gait is not Gait.FREE:
            self._let_go(now)
        elif self.gait is Gait.FREE:  # a tighter limit may be spent already
            self._come_back(now, 0.0)

    def stop_at_once(self, now: float) -> None:
        """Bring a tree that is braked to a stop until it is released."""
        if self.brake is Brake.PROCESSES and self.gait is not Gait.STILL:
            self.hold.quell()
        self._stand_still(now)

    def stop_again(self) -> None:
        """Bring a tree to a stop that stands still, and was let go by somebody else."""
        if not self.stands:
            return
        self.tree.stop_again()
        with contextlib.suppress(OSError):
            if self.gait is Gait.STILL:
                self.hold.freeze()
            else:
                self.hold.slow(self._bucket.limit)

    def step(self, now: float) -> None:
        """Do what is due at *now*; `due` says when to come back. Raises as `obey`."""
        if self.gait is Gait.STILL:
            self._come_back(now, math.inf)
        elif self.leash.cpu_percent is None:
            self._take(now, self.hold.used_seconds())
            self._come_back(now, _REST if self._sleeps else GLANCE)
        elif self.hold.duty:
            self._beat_time(now)
        else:
            self._engage(now)

    def used_seconds(self, now: float) -> float:
        """Return the CPU seconds the tree has used up to *now*."""
        return self.used if self._used_at == now else self.hold.used_seconds()

    def stood_seconds(self, now: float) -> float:
        """Return for how long it has stood still for its limit, the stop under way included."""
        if isinstance(self.hold, Quota):
            return self.hold.throttled_seconds()
        under_way = now - self._since if self.gait is Gait.SLOWED and self.hold.duty else 0.0
        return self.stood + under_way

    def let_go(self, now: float) -> None:
        """Let the tree run free for good."""
        if self.gait is not Gait.FREE:
            self._let_go(now)
        self.hold.close()

    # --- levels with a duty: run, stop, run ---

    def _beat_time(self, now: float) -> None:
        if self.gait is Gait.SLOWED:
            self._bucket.account(now - self._at, 0.0)  # what it used on its way to a stop is counted with the slice
            self._at = now
            self._end_stop(now)
            self.hold.let_go()
            self._begin(Gait.SLICE, now, self._bucket.run_seconds())
            return
        self._account(now)
        if self._bucket.is_spent:
            self.hold.slow(self._bucket.limit)
            stop = self._bucket.stop_seconds()
            self._begin(Gait.SLOWED, now, stop)
            if not self._bucket.can_spare(stop, self.due - self.early):
                self.early = self.due
        elif self._bucket.credit >= BURST / 2:
            self._begin(Gait.FREE, now, self._glance())
        else:
            self._begin(Gait.SLICE, now, min(GLANCE / 2, self._bucket.run_seconds()))

    def _glance(self) -> float:
        """Return how long a tree that runs free may be left alone: a burst must not outrun its credit by far."""
        if self._sleeps and self._bucket.credit >= BURST:
            return min(_REST, (BURST + DEEPEST_DEBT) / self._bucket.cores)
        widest = min(self._bucket.cores, max(1, self.tree.threads))
        return max(_SHORTEST_GLANCE, min(GLANCE, self._bucket.credit / widest))

    # --- levels without: the kernel holds it from when its credit is spent until it wants less ---

    def _engage(self, now: float) -> None:
        self._account(now)
        credit, limit = self._bucket.credit, self._bucket.limit
        if self.gait is Gait.SLOWED and credit >= BURST / 2:
            self._let_go(now)
        elif self.gait is Gait.SLOWED or self._bucket.is_spent:
            self.hold.slow(_share(limit, credit))
            self._begin(Gait.SLOWED, now, GLANCE / 2)
        else:
            self._begin(Gait.FREE, now, self._glance())

    # --- moves ---

    def _account(self, now: float) -> None:
        used = self.hold.used_seconds()
        seconds, spent = now - self._at, used - self.used
        self._bucket.account(seconds, spent)
        if self.gait is not Gait.SLOWED:
            self._bucket.learn(seconds, spent)
        self._take(now, used)

    def _take(self, now: float, used: float) -> None:
        if used - self.used >= _STIRS:
            self._stirred_at = now
        self._at, self._used_at, self.used = now, now, used

    @property
    def _sleeps(self) -> bool:
        return self._at - self._stirred_at >= _SLEEPS

    def _stand_still(self, now: float) -> None:
        if self.gait is Gait.STILL:
            return
        self._end_stop(now)
        self.hold.freeze()
        self._begin(Gait.STILL, now, math.inf)

    def _let_go(self, now: float) -> None:
        self._end_stop(now)
        if self.gait is Gait.STILL:
            self.hold.thaw()
        else:
            self.hold.let_go()
        self._begin(Gait.FREE, now, GLANCE)

    def _end_stop(self, now: float) -> None:
        if self.gait is Gait.SLOWED and self.hold.duty:
            self.stood += now - self._since
            self.longest = max(self.longest, now - self._since)

    def _begin(self, gait: Gait, now: float, lasting: float) -> None:
        self.gait, self._since = gait, now
        self.stands = gait is Gait.STILL or (gait is Gait.SLOWED and self.hold.duty)
        self._come_back(now, lasting)

    def _come_back(self, now: float, lasting: float) -> None:
        self.due = now + lasting
        self.early = now + (1 - EARLY) * lasting


def _share(limit: float, credit: float) -> float:
    """Return what the kernel is to let a tree have, in cores: its limit, less what it owes."""
    owed = max(0.0, -credit) * min(max(1.0, limit), _STEEPEST)
    return max(limit * _LEAST_SHARE, limit - owed / _PAID_WITHIN)
