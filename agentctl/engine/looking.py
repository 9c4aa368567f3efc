"""Looking: how one look at a screen follows another, and since when it has said the same."""

from __future__ import annotations

from datetime import datetime

from agentctl.domain.agent import Activity
from agentctl.domain.evidence import Looked, Sight


def look_again(before: Looked | None, sight: Sight, now: datetime, *, drawn: bool) -> Looked:
    """Return *sight* with its place in time, after the look *before*; *drawn* tells whether the screen has changed."""
    asked = now if sight.activity is Activity.WAITING else before.asked if before is not None else None
    if before is None:
        return Looked(sight, now, now, now, asked)
    same = says(before.sight) == says(sight)
    return Looked(sight, now, before.since if same else now, now if drawn else before.drawn, asked)


def says(sight: Sight) -> tuple[object, ...]:
    """Return what has to stay the same for the sight to be the same: the line that it was seen by may change."""
    return (sight.activity, sight.rule, sight.ask.id if sight.ask is not None else "", sight.composer)
