"""Patterns of a manifest: sound ones pass, and none that could hang the supervisor does."""

# ruff: noqa: RUF001  programs draw such characters

from __future__ import annotations

import time

import pytest

from agentctl.runners.patterns import compiled, fault


@pytest.mark.parametrize(
    "pattern",
    [
        "esc to interrupt", r"^\s*(?:❯\s*)?(\d)\. (.+?)\s*$", r"^─{10,}", r"(?:foo|bar)+", r"(?:ab)*c",
        r"\[Pasted text #\d+", r"(?i)^quota", r"(?>\s+\S+)+", r"(?:\w++ )*x", r"^[^\n]*limit", r"(a|b)?c", r"(?<=x)y",
        r"\(\d+s • esc", r"(?:\d{2}:)+",
    ],
)  # fmt: skip
def test_a_sound_pattern_passes(pattern: str) -> None:
    assert fault(pattern) == ""


@pytest.mark.parametrize("pattern", ["(", "[a", "*", "(?P<x", "a{2,1}", r"\q"])
def test_what_is_none_is_said(pattern: str) -> None:
    assert fault(pattern).startswith("is no regular expression: ")


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+$",
        r"(a*)*b",
        r"(?:a|aa)+$",
        r"(?:\w|ab)*!",
        r"(\s*\w*)*x",
        r"(?:a?a)*b",
        r"(?:(?:ab?)+c?)+d",
        r"(?>(a+)+b)",
        r"(?=(a+)+$)b",
    ],
)
def test_what_could_take_for_ever_is_refused_by_its_shape(pattern: str) -> None:
    started = time.process_time()
    assert "a repeat without end" in fault(pattern)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("pattern", [r"[^!]*[^!]*[^!]*!$", r"\w*\w*\w*\w*\w*!"])
def test_what_is_merely_slow_is_found_by_a_trial(pattern: str) -> None:
    started = time.process_time()
    assert "takes too long" in fault(pattern)
    assert time.process_time() - started < 5


def test_what_is_too_long_is_refused() -> None:
    assert fault("a" * 1001)
    assert fault("(" * 500 + ")" * 500) != ""


def test_a_pattern_sees_the_lines_of_its_region() -> None:
    assert compiled("^b$").search("a\nb\nc")
    assert compiled("^b$") is compiled("^b$")
