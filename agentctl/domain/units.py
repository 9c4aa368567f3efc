"""Durations, sizes and shares as people write them; a bare number is refused because nobody agrees on its unit."""

from __future__ import annotations

import re
from datetime import timedelta

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|KiB|MiB|GiB)")
_COUNTS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
_COUNT = re.compile(r"(\d[\d,_]*(?:\.\d+)?)\s*([kMG]?)")
_MONEY = re.compile(r"\$?\s*(\d+(?:\.\d+)?)")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_LONGEST = timedelta(days=3650)


def parse_duration(text: str) -> timedelta:
    """Return the duration written as `2s`, `15m` or `1h30m`; raise ValueError with an example otherwise."""
    if not _DURATION.fullmatch(text):
        raise ValueError("write a duration with a unit, for example 2s, 15m or 1h30m")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(text))
    if seconds > _LONGEST.total_seconds():
        raise ValueError("a duration is at most 3650d")
    return timedelta(seconds=seconds)


def parse_bytes(text: str) -> int:
    """Return the size written as `512MiB` or `1.5GB` in bytes; raise ValueError with an example otherwise."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError("write a size with a unit, for example 512MiB or 1GiB")
    return int(float(match[1]) * _BYTES[match[2]])


def parse_percent(text: str) -> float:
    """Return the share of one core written as `50%`; raise ValueError with an example otherwise."""
    match = _PERCENT.fullmatch(text)
    if match is None:
        raise ValueError("write a share of one core in percent, for example 50%")
    return float(match[1])


def parse_count(text: str) -> int:
    """Return the number written as `200`, `1,500,000`, `500k` or `2M`; raise ValueError with an example otherwise."""
    match = _COUNT.fullmatch(text)
    number = float(re.sub("[,_]", "", match[1])) * _COUNTS[match[2]] if match is not None else -1.0
    if number < 0 or number != int(number):
        raise ValueError("write a whole number, for example 200, 500k or 2M")
    return int(number)


def parse_money(text: str) -> float:
    """Return the US dollars written as `5`, `2.50` or `$10`; raise ValueError with an example otherwise."""
    match = _MONEY.fullmatch(text)
    if match is None:
        raise ValueError("write US dollars, for example 5 or 2.50")
    return float(match[1])


def format_count(number: float) -> str:
    """Return a large number in three digits, as people read it: `999`, `12.5k`, `812k`, `2M`."""
    for unit, step in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= step * 0.9995:
            return f"{number / step:.3g}{unit}"
    return f"{number:.0f}"


def format_duration(duration: timedelta) -> str:
    """Return *duration* in at most two units, in a form that `parse_duration` takes: `1h30m`, `4m`, `1.5s`."""
    seconds = duration.total_seconds()
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.3g}s" if seconds != int(seconds) else f"{int(seconds)}s"
    whole = int(seconds)
    parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "m"), (whole % 60, "s")]
    first = next(i for i, (number, _) in enumerate(parts) if number)
    return "".join(f"{number}{unit}" for number, unit in parts[first : first + 2] if number)


def format_bytes(size: float) -> str:
    """Return *size* in binary units, as people read it: `311MiB`, `2.9GiB`."""
    for unit, step in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= step:
            number = size / step
            return f"{number:.1f}{unit}" if number < 10 and unit == "GiB" else f"{number:.0f}{unit}"  # noqa: PLR2004
    return f"{size:.0f}B"
