"""What is known of one agent's doings at a moment."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from agentctl.domain.evidence import Looked, Sight, Sign, Verdict
from agentctl.domain.ports import Shown

_TURNS_REMEMBERED = 64
_CHANGES_AT_ONCE, _SECONDS_A_CHANGE = 100.0, 2.0
"""No turn that was recorded changes its state so often in a row."""


@dataclass(slots=True)
class Pace:
    """How many changes of one agent may be recorded: a program that flickers, or lies, must not fill the log."""

    left: float = _CHANGES_AT_ONCE
    at: float = 0.0
    """By the monotonic clock: when `left` was counted last."""

    def wait(self, now: float) -> float:
        """Return 0 where one more may be recorded at *now*, else the seconds until then."""
        self.left = min(_CHANGES_AT_ONCE, self.left + max(0.0, now - self.at) / _SECONDS_A_CHANGE)
        self.at = now
        if self.left < 1:
            return (1 - self.left) * _SECONDS_A_CHANGE
        self.left -= 1
        return 0.0


@dataclass(slots=True)
class Sense:
    """What is known of one generation of one agent; it goes with the supervisor, and comes back with the next look."""

    generation: int
    moved: datetime
    """When anything of it moved last."""
    sign: Sign | None = None
    looked: Looked | None = None
    shown: Shown | None = None
    last_input: datetime | None = None
    verdict: Verdict | None = None
    turns: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=_TURNS_REMEMBERED))
    """Meaning and id of the last signs."""
    pace: Pace = field(default_factory=Pace)

    def set_back(self, now: datetime) -> None:
        """Move all that is known back where the clock was set back to *now*, or it would count as of the future."""
        known = (
            self.moved,
            self.last_input,
            self.sign.at if self.sign else None,
            self.looked.at if self.looked else None,
        )
        ahead = max(moment for moment in known if moment is not None) - now
        if ahead <= timedelta(0):
            return
        self.moved -= ahead
        self.last_input = self.last_input - ahead if self.last_input is not None else None
        self.sign = replace(self.sign, at=self.sign.at - ahead) if self.sign is not None else None
        if self.looked is not None:
            then = self.looked
            asked = then.asked - ahead if then.asked is not None else None
            self.looked = Looked(then.sight, then.at - ahead, then.since - ahead, then.drawn - ahead, asked)

    @property
    def sight(self) -> Sight | None:
        """Return what the last look at the screen says."""
        return self.looked.sight if self.looked is not None else None
