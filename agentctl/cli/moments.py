"""Moments of the wire (ISO 8601) as people read them: how long ago."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from agentctl.domain.units import format_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def seconds_since(moment: str | datetime, now: float) -> float:
    """Return the seconds from *moment* to *now* (seconds of the epoch); negative where it is still to come."""
    when = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return now - when.timestamp()


def age(moment: str | datetime | None) -> str:
    """Return how long ago *moment* was, in at most two units; empty where it is not known."""
    if not moment:
        return ""
    return format_duration(timedelta(seconds=int(max(0.0, seconds_since(moment, time.time())))))


def so_long(row: Mapping[str, Any]) -> str:
    """Return for how long the agent of *row* has been as it is: where it runs, since its activity is what it is."""
    moment = row.get("active_since") if row.get("state") == "running" else None
    return age(moment or row.get("since"))
