"""Units as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.units import format_bytes, format_duration, parse_bytes, parse_duration, parse_percent


@pytest.mark.parametrize(
    ("text", "seconds"), [("2s", 2), ("15m", 900), ("1h30m", 5400), ("250ms", 0.25), ("1d", 86400), ("1.5s", 1.5)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["15", "", "s", "-2s", "2 weeks", "1e9s", "9999999d", "2s ", "²s"])
def test_a_duration_without_a_unit_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@given(st.integers(min_value=1, max_value=10**8))
def test_what_is_printed_can_be_read_back_to_within_its_two_units(seconds: int) -> None:
    printed = format_duration(timedelta(seconds=seconds))
    assert parse_duration(printed) == pytest.approx(timedelta(seconds=seconds), rel=0.05)


@pytest.mark.parametrize(("text", "size"), [("512MiB", 512 * 2**20), ("1.5GB", 1_500_000_000), ("64 KiB", 65536)])
def test_sizes(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["512", "512M", "MiB", "-1MiB", "1mb"])
def test_a_size_without_a_unit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        parse_bytes(text)


def test_shares_need_their_sign() -> None:
    assert parse_percent("50%") == 50.0
    with pytest.raises(ValueError, match="50%"):
        parse_percent("50")


def test_sizes_read_well() -> None:
    assert [format_bytes(n) for n in (10, 2048, 311 * 2**20, 3 * 2**30)] == ["10B", "2KiB", "311MiB", "3.0GiB"]
