"""Ten time zones and the moments at which their clocks are changed, looked for in the zones themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Pacific/Chatham",
    "UTC",
)
_YEARS = {"America/Sao_Paulo": 2018, "Pacific/Apia": 2012}
"""The last that had both changes; every other zone is looked at in 2026."""
_NEVER = datetime(2026, 3, 29, 1, tzinfo=UTC)
"""For the zones that never change theirs: when Europe does."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the clocks of a zone."""

    zone: str
    at: datetime
    by: timedelta

    def __str__(self) -> str:
        return f"{self.zone}{self.by.total_seconds() / 60:+.0f}min"


def changes(zone: str) -> list[Change]:
    """The changes of a year, found by looking at each half hour; one by nothing for a zone that has none."""
    start = datetime(_YEARS.get(zone, 2026), 1, 1, tzinfo=UTC)
    clock, half = ZoneInfo(zone), timedelta(minutes=30)
    offsets = [(start + n * half, (start + n * half).astimezone(clock).utcoffset()) for n in range(366 * 48)]
    found = [
        Change(zone, at, offset - before)
        for (_, before), (at, offset) in pairwise(offsets)
        if before is not None and offset is not None and offset != before
    ]
    return found or [Change(zone, _NEVER, timedelta(0))]


CHANGES = [change for zone in ZONES for change in changes(zone)]
