"""When a limit ends, from the words in which programs say it; what is not wholly understood is not guessed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_LONGEST = 200
_FURTHEST = timedelta(days=400)
"""No limit lasts longer: what names a later moment was misread."""
_LEAD = re.compile(
    r"(?:(?:it|limit|quota|usage|please)\s+)?(?:resets?|try again|retry|again|available)?\s*(?:at|on|after)?\s+",
    re.IGNORECASE,
)
_ZONE = re.compile(r"\s*\(?((?:[A-Za-z_]+/)+[A-Za-z_+\-0-9]+|UTC|GMT|Z)\)?$")
_EPOCH = re.compile(r"(\d{10})(?:\.\d+)?|(\d{13})")
_SPAN = re.compile(r"(?:in\s+|after\s+)?((?:\d+(?:\.\d+)?\s*[a-z]+[\s,]*(?:and\s+)?)+)", re.IGNORECASE)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+?)[\s,]*(?:and\s+)?(?=\d|$)", re.IGNORECASE)
_UNITS = {
    "ms": 0.001,
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 604800.0),
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"(?:at\s+)?(\d{1,2})(?::(\d{2}))?(?::(\d{2}))?(?:\s*([ap])\.?m\.?)?", re.IGNORECASE)
_DAY = re.compile(
    r"(?:(?P<near>today|tomorrow)|(?P<weekday>mon|tue|wed|thu|fri|sat|sun)[a-z]*"
    r"|(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?"
    r"(?:,?\s+(?P<year>\d{4}))?)(?:\s*,?\s*|$)",
    re.IGNORECASE,
)


def parse_reset(text: str, now: datetime, zone: tzinfo | None) -> datetime | None:
    """Return the moment that *text* names, in UTC; None where it cannot be understood as a whole.

    *zone* is the one of a clock time that names none. A clock time alone is the next one after *now*. Understood are
    `7pm (Europe/Berlin)`, `19:30`, `tomorrow at 3am`, `Oct 3, 7pm`, `in 3 hours`, `6h22m3s`, ISO dates and Unix times.
    """
    if len(text) > _LONGEST:
        return None
    words = " ".join(text.split()).rstrip(".")
    lead = _LEAD.match(f"{words} ")
    words = words[lead.end() :] if lead and lead.end() <= len(words) else words
    try:
        moment = _epoch(words) or _span(words, now) or _iso(words, zone) or _wall(words, now, zone)
    except (ValueError, OverflowError, OSError):
        return None
    if moment is None or abs(moment - now) > _FURTHEST:
        return None
    return moment.astimezone(UTC)


def _epoch(words: str) -> datetime | None:
    match = _EPOCH.fullmatch(words)
    if match is None:
        return None
    return datetime.fromtimestamp(int(match[1]) if match[1] else int(match[2]) / 1000, UTC)


def _span(words: str, now: datetime) -> datetime | None:
    match = _SPAN.fullmatch(words)
    if match is None:
        return None
    parts = _PART.findall(match[1].strip())
    units = [_UNITS.get(unit.lower()) for _, unit in parts]
    if not parts or None in units:
        return None
    return now + timedelta(seconds=sum(float(n) * u for (n, _), u in zip(parts, units, strict=True) if u is not None))


def _iso(words: str, zone: tzinfo | None) -> datetime | None:
    if not re.match(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}", words):
        return None
    bare, said = _split_zone(words)
    moment = datetime.fromisoformat(bare)
    return moment if moment.tzinfo else _placed(moment, said or zone)


def _wall(words: str, now: datetime, zone: tzinfo | None) -> datetime | None:
    """Read a clock time, with a day before it or none."""
    bare, said = _split_zone(words)
    place = said or zone
    if place is None:
        return None
    here = now.astimezone(place)
    day = _DAY.match(bare)
    clock = _CLOCK.fullmatch(bare[day.end() :] if day else bare)
    time = _time(clock) if clock else None
    if time is None:
        return None
    start = _date(day, here) if day else here
    moment = start.replace(hour=time[0], minute=time[1], second=time[2], microsecond=0, tzinfo=None)
    if moment <= here.replace(tzinfo=None):
        moment += _next(day)
    return _placed(moment, place)


def _time(clock: re.Match[str]) -> tuple[int, int, int] | None:
    hour, minute, second = (int(clock[n] or 0) for n in (1, 2, 3))
    if clock[4]:
        if not 1 <= hour <= 12:  # noqa: PLR2004  a clock with am and pm
            return None
        hour = hour % 12 + 12 * (clock[4].lower() == "p")
    elif clock[2] is None:  # a bare number is no time
        return None
    return hour, minute, second


def _date(day: re.Match[str], here: datetime) -> datetime:
    if day["near"]:
        return here + timedelta(days=day["near"].lower() == "tomorrow")
    if day["weekday"]:
        return here + timedelta(days=(_WEEKDAYS.index(day["weekday"].lower()) - here.weekday()) % 7)
    month = _MONTHS.index(day["month"].lower()) + 1
    year = int(day["year"]) if day["year"] else here.year + (month < here.month)
    return here.replace(year=year, month=month, day=int(day["day"]))


def _next(day: re.Match[str] | None) -> timedelta:
    """Return how much later a moment that is past comes again: a clock time each day, a weekday each week."""
    if day is None:
        return timedelta(days=1)
    return timedelta(days=7) if day["weekday"] else timedelta(0)


def _split_zone(words: str) -> tuple[str, tzinfo | None]:
    match = _ZONE.search(words)
    if match is None:
        return words, None
    name = "UTC" if match[1] in ("UTC", "GMT", "Z") else match[1]
    try:
        return words[: match.start()], UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name} is no zone that is known here") from None


def _placed(moment: datetime, zone: tzinfo | None) -> datetime:
    if zone is None:
        raise ValueError("no zone")
    return moment.replace(tzinfo=zone)
