"""Cron expressions and time zones as a team file writes them: what is wrong with one, in words that help to mend it."""

from __future__ import annotations

import re
from datetime import datetime
from difflib import get_close_matches
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from agentctl.spec.problems import quoted

MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}

_FIELD = r"[0-9A-Za-z*/,#-]{1,64}"
PATTERN = rf"@[a-z]+|{_FIELD}( +{_FIELD}){{4}}"

_EXAMPLE = "for example 30 9 * * 1-5 is 09:30 from Monday to Friday"
_FIELDS = (
    ("minute", "0-59"),
    ("hour", "0-23"),
    ("day of the month", "1-31, or L for the last"),
    ("month", "1-12 or JAN-DEC"),
    ("day of the week", "0-7, where 0 and 7 are Sunday, or SUN-SAT"),
)
_FORMS = "also as 1,5 or 1-5 or */5"
_SOME_YEAR = datetime(2000, 1, 1)  # noqa: DTZ001  the time on a wall
_ZONE = re.compile(r"(?!right/|posix/)[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}")
"""What stands under `right/` counts leap seconds, which no clock here does."""


def cron_expression(value: object) -> str:
    """Return the five fields that *value* stands for; raise ValueError with the field that is wrong, and an example."""
    if not isinstance(value, str):
        raise ValueError(f"must be text with five fields; {_EXAMPLE}")  # noqa: TRY004  pydantic catches no TypeError
    if value.startswith("@"):
        if value not in MACROS:
            raise ValueError(f"{quoted(value)}: there is {', '.join(MACROS)}")
        return MACROS[value]
    if not re.fullmatch(PATTERN, value):
        raise ValueError(f"{quoted(value)}: write five fields with spaces between them; {_EXAMPLE}")
    fields = value.split()
    for place, (name, allowed) in enumerate(_FIELDS):
        alone = " ".join(field if place == here else "*" for here, field in enumerate(fields))
        if not _is_valid(alone):
            raise ValueError(f"{quoted(value)}: the {name} may be {allowed}, {_FORMS}; {_EXAMPLE}")
    if not _is_valid(value) or next(CronSim(value, _SOME_YEAR), None) is None:
        raise ValueError(f"{quoted(value)}: no month that is named has such a day, so it would never come; {_EXAMPLE}")
    return value


def zone_name(value: object) -> str:
    """Return *value* where it names a time zone; raise ValueError with what may have been meant."""
    if not isinstance(value, str):
        raise ValueError("must be the name of a time zone, for example Europe/Berlin")  # noqa: TRY004  as above
    if not _is_zone(value):
        raise ValueError(f"there is no time zone {quoted(value)}; {_near(value)}")
    return value


def _is_valid(expression: str) -> bool:
    try:
        CronSim(expression, _SOME_YEAR)
    except CronSimError:
        return False
    return True


def _is_zone(name: str) -> bool:
    if not _ZONE.fullmatch(name):
        return False
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _near(word: str) -> str:
    """Return the zone whose city is written almost like the last part of *word*, as a question."""
    city = _city(word)[:32]
    near = {known: zone for known, zone in _cities().items() if known[:1] == city[:1]}
    found = get_close_matches(city, near, n=1, cutoff=0.7)
    return f"did you mean '{near[found[0]]}'?" if found else "for example Europe/Berlin or UTC"


def _city(zone: str) -> str:
    return zone.rpartition("/")[2].casefold().replace(" ", "_")


@cache
def _cities() -> dict[str, str]:
    return {_city(zone): zone for zone in sorted(available_timezones())}
