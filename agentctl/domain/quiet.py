"""Quiet hours: a stretch of each day, by the clock on somebody's wall, in which nobody is to be called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

_HOURS = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)(?: ([A-Za-z][A-Za-z0-9_+/-]{0,63}))?")
_LOOKED_AT = 3
"""Days; the end of the hours is at most one away, and a day in which the clock is changed may lack it."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of each day, over midnight where they end before they start."""

    start: time
    end: time
    zone: str = ""
    """A name of the tz database, `Europe/Berlin`; empty is the machine's own zone."""

    def holds(self, moment: datetime) -> bool:
        """Tell whether *moment* lies in the hours; their end does not."""
        at = self._on_the_wall(moment).time()
        if self.start < self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end

    def ends(self, moment: datetime) -> datetime:
        """Return when the hours next end after *moment*, in UTC; where the clock skips that time, once it has."""
        today = self._on_the_wall(moment).date()
        for day in range(_LOOKED_AT):
            for fold in (0, 1):
                end = datetime.combine(today + timedelta(days=day), self.end).replace(fold=fold)
                found = (end.replace(tzinfo=ZoneInfo(self.zone)) if self.zone else end).astimezone(UTC)
                if found > moment and not self.holds(found):
                    return found
        return moment + timedelta(days=1)

    def _on_the_wall(self, moment: datetime) -> datetime:
        return moment.astimezone(ZoneInfo(self.zone) if self.zone else None)


def parse_quiet(text: str) -> Quiet:
    """Return the hours written as `22:00-07:00` or `22:00-07:00 Europe/Berlin`; raise ValueError otherwise."""
    found = _HOURS.fullmatch(text)
    if found is None:
        raise ValueError("write the hours as 22:00-07:00, with a zone where it is not yours: 22:00-07:00 Europe/Berlin")
    try:
        start, end = (time.fromisoformat(part) for part in (found[1], found[2]))
    except ValueError:
        raise ValueError("a day has the hours from 00:00 to 23:59") from None
    if start == end:
        raise ValueError("these hours begin and end at the same time")
    return Quiet(start, end, _known(found[3] or ""))


def _known(zone: str) -> str:
    try:
        if zone:
            ZoneInfo(zone)
    except (LookupError, ValueError, OSError):
        raise ValueError(f"this machine knows no zone {zone}; for example Europe/Berlin") from None
    return zone
