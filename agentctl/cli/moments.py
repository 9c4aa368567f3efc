"""Moments of the wire (ISO 8601) as people read them: how long ago."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from agentctl.domain.units import format_duration


def seconds_since(moment: str | datetime, now: float) -> float:
    """Return the seconds from *moment* to *now* (seconds of the epoch); negative where it is still to come."""
    when = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return now - when.timestamp()


def age(moment: str | datetime | None) -> str:
    """Return how long ago *moment* was, in at most two units; empty where it is not known."""
    if not moment:
        return ""
    return format_duration(timedelta(seconds=int(max(0.0, seconds_since(moment, time.time())))))
