"""What is known of one agent's doings at a moment."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from agentctl.domain.evidence import Looked, Sight, Sign, Verdict
from agentctl.domain.ports import Shown

_TURNS_REMEMBERED = 64


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

    @property
    def sight(self) -> Sight | None:
        """Return what the last look at the screen says."""
        return self.looked.sight if self.looked is not None else None
