"""Memory and number of processes: looked at the sooner, the nearer a tree comes to its bound; then it is braked.

A tree that used no CPU since the last look cannot have grown: it is not looked at until it stirs.
"""

from __future__ import annotations

from dataclasses import dataclass

from agentctl.domain.resources import Brake, Leash
from agentctl.drivers.governor.levels import Freezer, Hold, Quota
from agentctl.drivers.governor.rein import EARLY
from agentctl.drivers.governor.tree import Tree

HARD = 1.1
"""A tree is braked this much above its limit: up to there it is warned, slowed and started again in good order."""

_SUSPECT = 0.8
"""From this share of the limit each shared page is counted once: resident sets are 3 to 7 times too much."""

_SOONEST = 0.02
"""Seconds between two looks at a tree that grows towards its bound."""

_AHEAD = 2.5 * _SOONEST
"""Seconds; what is above its limit and grows fast is braked so long before it passes its bound: until the next look,
and until it stands."""

_LONGEST, _CALM = 0.25, 1.0
"""Seconds: what a program takes that has only just begun to grow is not known before. The second of them where the
bound is far away."""

_FASTEST = 1 << 30
"""Bytes a second that a program may begin to take from one look to the next: about what one core fills with zeros."""

_RESTS = 10.0
"""Seconds; a tree that stands still or sleeps may let go of memory that others shared with it."""

_STIRS = 0.001
"""CPU seconds; a tree that used less has not grown."""

_COSTLY_EVERY = 1.0
"""Seconds between two walks through page tables, which cost milliseconds, unless the bound may be passed."""


@dataclass(slots=True)
class Watchman:
    """Keeps an eye on one tree."""

    tree: Tree
    hold: Hold
    bytes: int = 0
    kind: str = "rss"
    processes: int = 0
    """How many it had at the last look, where their number is bounded."""
    due: float = 0.0
    early: float = 0.0
    """From when on it may be looked at, that one wake-up may do for several."""
    _resident: int = 0
    _used: float = 0.0
    _at: float = 0.0
    _counted_at: float = -_COSTLY_EVERY

    def look(self, now: float, leash: Leash) -> Brake | None:
        """Look at the tree; return why it has to be braked, None where it need not."""
        limit = leash.memory_bytes
        self.tree.refresh()
        rests = self._rests(now)
        resident = self.tree.resident_bytes
        grown = (resident - self._resident) / (now - self._at) if now > self._at else 0.0
        self._resident, self._at = resident, now
        self._count(now, limit, resident)
        self.come_back(now, _RESTS if rests else self._pause(limit, grown))
        if leash.processes is not None:
            self.processes = self.hold.count()
            if self.processes > leash.processes:
                return Brake.PROCESSES
        if leash.memory_brake and limit is not None and self._passes(limit, grown):
            return Brake.MEMORY
        return None

    def _passes(self, limit: int, grown: float) -> bool:
        """Tell whether it is past its bound, or will be before the next look can do anything about it."""
        return self.bytes > limit and self.bytes + _AHEAD * max(0.0, grown) > limit * HARD

    def rouse(self, now: float, used: float) -> None:
        """Have a tree that rested looked at now, where it has *used* more CPU seconds than at the last look."""
        if self.due > now + _CALM and used - self._used >= _STIRS:
            self.come_back(now)

    def come_back(self, now: float, lasting: float = 0.0) -> None:
        """Have it looked at in *lasting* seconds."""
        self.due = now + lasting
        self.early = self.due - EARLY * lasting

    def _rests(self, now: float) -> bool:
        """Tell whether the tree has done nothing for long enough since the last look."""
        before, self._used = self._used, self.hold.used_seconds()
        return now - self._at >= _LONGEST * (1 - EARLY) and self._used - before < _STIRS

    def _count(self, now: float, limit: int | None, resident: int) -> None:
        """Say what the tree holds, as truly as is worth its cost."""
        held = self.hold.group.memory_bytes() if isinstance(self.hold, Quota | Freezer) else None
        if held is not None:
            self.bytes, self.kind = held, "cgroup"
            return
        if limit is None or resident < limit * _SUSPECT:
            self.bytes, self.kind = resident, "rss"
            return
        if now - self._counted_at >= _COSTLY_EVERY or resident > limit * HARD:
            self._counted_at = now
            proportional = self.tree.proportional_bytes()
            self.bytes, self.kind = (proportional, "pss") if proportional is not None else (resident, "rss")

    def _pause(self, limit: int | None, grown: float) -> float:
        """Return the seconds until half the way to the bound is gone, or may be."""
        if limit is None:
            return _CALM
        room = limit * HARD - self._resident
        calm = max(_LONGEST, min(_CALM, room / _FASTEST))
        return max(_SOONEST, min(calm, room / grown / 2)) if grown > 0 else calm
