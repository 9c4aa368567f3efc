"""Quiet hours: over midnight, in another zone, and over a change of the clock."""

from __future__ import annotations

import time as machine_time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.quiet import Quiet, parse_quiet

BERLIN = ZoneInfo("Europe/Berlin")
MOMENTS = st.integers(1_735_689_600, 1_924_991_999).map(lambda second: datetime.fromtimestamp(second, UTC))
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])


def berlin(*parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=BERLIN, fold=fold).astimezone(UTC)


def test_hours_go_over_midnight_and_their_end_is_not_in_them():
    quiet = parse_quiet("22:00-07:00 Europe/Berlin")
    assert not quiet.holds(berlin(2026, 1, 5, 21, 59))
    assert quiet.holds(berlin(2026, 1, 5, 22, 0))
    assert quiet.holds(berlin(2026, 1, 6, 6, 59))
    assert not quiet.holds(berlin(2026, 1, 6, 7, 0))
    assert quiet.ends(berlin(2026, 1, 5, 23, 0)) == berlin(2026, 1, 6, 7, 0)
    assert quiet.ends(berlin(2026, 1, 6, 1, 0)) == berlin(2026, 1, 6, 7, 0)


def test_the_night_is_an_hour_shorter_or_longer_when_the_clock_is_changed():
    quiet = parse_quiet("22:00-07:00 Europe/Berlin")
    spring, autumn = berlin(2026, 3, 28, 22, 0), berlin(2026, 10, 24, 22, 0)
    assert quiet.ends(spring) - spring == timedelta(hours=8)
    assert quiet.ends(autumn) - autumn == timedelta(hours=10)


def test_an_end_that_the_clock_skips_is_when_it_has_skipped_it():
    quiet = parse_quiet("22:00-02:30 Europe/Berlin")
    assert quiet.ends(berlin(2026, 3, 28, 23, 0)) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_an_end_that_comes_twice_is_found_both_times():
    quiet = parse_quiet("22:00-02:30 Europe/Berlin")
    first, again = berlin(2026, 10, 25, 2, 10), berlin(2026, 10, 25, 2, 10, fold=1)
    assert quiet.holds(first)
    assert quiet.holds(again)
    assert quiet.ends(first) == berlin(2026, 10, 25, 2, 30)
    assert quiet.ends(again) == berlin(2026, 10, 25, 2, 30, fold=1)


@given(MOMENTS, ZONES, st.times(), st.times())
def test_the_end_is_later_within_a_day_or_so_and_not_quiet(moment, zone, start, end):
    start, end = start.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0)
    if start == end:
        return
    quiet = Quiet(start, end, zone)
    found = quiet.ends(moment)
    assert moment < found <= moment + timedelta(hours=50)
    assert not quiet.holds(found)


def test_without_a_zone_it_is_the_machines_own(monkeypatch):
    quiet = parse_quiet("22:00-07:00")
    try:
        monkeypatch.setenv("TZ", "Asia/Tokyo")
        machine_time.tzset()
        assert quiet.holds(datetime(2026, 1, 5, 14, 0, tzinfo=UTC))  # 23:00 there
        assert quiet.ends(datetime(2026, 1, 5, 14, 0, tzinfo=UTC)) == datetime(2026, 1, 5, 22, 0, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        machine_time.tzset()


@pytest.mark.parametrize(
    "text",
    ["", "22-7", "22:00", "25:00-07:00", "22:00-22:00", "22:00-07:00 Mars/Base", "22:00-07:00 ../../etc/passwd",
     "22:00-07:00 /etc/localtime", "22:00-07:00 Europe/Berlin x", "22:00-07:60"],
)  # fmt: skip
def test_what_are_no_hours_is_refused_in_words(text):
    with pytest.raises(ValueError, match=r"[a-z]"):
        parse_quiet(text)
