"""When a limit ends: understood as a whole, or not at all."""

# ruff: noqa: RUF001  programs draw such characters

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.runners.reset import parse_reset

NOW = datetime(2026, 11, 20, 16, 30, tzinfo=UTC)  # a Friday
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("7pm (Europe/Berlin)", "2026-11-20T18:00"),
        ("5:15pm (Europe/Berlin)", "2026-11-21T16:15"),
        ("7pm", "2026-11-20T18:00"),
        ("7 p.m.", "2026-11-20T18:00"),
        ("at 7:30 PM.", "2026-11-20T18:30"),
        ("12am", "2026-11-20T23:00"),
        ("12:05pm", "2026-11-21T11:05"),
        ("19:45", "2026-11-20T18:45"),
        ("20:00 UTC", "2026-11-20T20:00"),
        ("4am (America/New_York)", "2026-11-21T09:00"),
        ("tomorrow at 3am", "2026-11-21T02:00"),
        ("Nov 23, 7pm (Europe/Berlin)", "2026-11-23T18:00"),
        ("Nov 23rd, 2026 7:16 PM", "2026-11-23T18:16"),
        ("Jan 3 at 9am", "2027-01-03T08:00"),
        ("Monday at 9am", "2026-11-23T08:00"),
        ("Fri 5pm", "2026-11-27T16:00"),
        ("in 3 hours", "2026-11-20T19:30"),
        ("in 2 days 4 hours 12 minutes", "2026-11-22T20:42"),
        ("3h 20m", "2026-11-20T19:50"),
        ("after 6h22m3s", "2026-11-20T22:52:03"),
        ("in 1 hour and 30 minutes", "2026-11-20T18:00"),
        ("try again in 45 seconds", "2026-11-20T16:30:45"),
        ("resets at 2026-11-21T08:00:00Z", "2026-11-21T08:00"),
        ("2026-11-21 08:00", "2026-11-21T07:00"),
        ("2026-11-21 08:00 UTC", "2026-11-21T08:00"),
        ("2026-11-21T08:00:00+05:30", "2026-11-21T02:30"),
        ("1795338000", "2026-11-22T09:00"),
        ("1795338000000", "2026-11-22T09:00"),
    ],
)
def test_this_is_understood(text: str, moment: str) -> None:
    assert parse_reset(text, NOW, BERLIN) == datetime.fromisoformat(f"{moment}+00:00")


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "7", "at 7", "25:00", "13pm", "0am", "7pm (Mars/Olympus)", "7pm (PST)", "7pm or so", "later at 7pm",
        "in 3 moons", "in hours", "3", "12345", "in 9999999 days", "9999999999", "2026-13-40T00:00", "Feb 31, 7pm",
        "(UTC)",
        "7pm (../../etc/passwd)", "7pm (Europe)", "-3h", "in 3 hours if you are lucky", "\0", "１９:４５ zulu",
    ],
)  # fmt: skip
def test_this_is_not_guessed(text: str) -> None:
    assert parse_reset(text, NOW, BERLIN) is None


def test_a_clock_time_needs_a_zone() -> None:
    assert parse_reset("7pm", NOW, None) is None
    assert parse_reset("in 3 hours", NOW, None) == NOW + timedelta(hours=3)


@given(st.one_of(st.text(max_size=60), st.text("0123456789apm:hds ,-TZ()/", max_size=60)))
def test_nothing_raises_and_no_answer_is_wild(text: str) -> None:
    found = parse_reset(text, NOW, BERLIN)
    assert found is None or abs(found - NOW) <= timedelta(days=400)


@pytest.mark.parametrize("text", ["1 a" * 5000, "1a " * 70, "1h" * 5000, "a/" * 5000, "1 hours and " * 20 + "!"])
def test_it_takes_no_time(text: str) -> None:
    started = time.process_time()
    assert parse_reset(text, NOW, BERLIN) is None or text.startswith("1h")
    assert time.process_time() - started < 0.1
