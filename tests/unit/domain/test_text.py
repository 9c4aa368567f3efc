"""Cleaning of hostile text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.text import safe_line, safe_text

ATTACKS = {
    "clipboard": "\x1b]52;c;aGVsbG8=\x07",
    "clipboard by C1": "\x9d52;c;aGVsbG8=\x9c",
    "title": "\x1b]0;owned\x1b\\",
    "link": "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "clear": "\x1b[2J\x1b[H",
    "C1 CSI": "\x9b31mred",
    "device control": "\x1bP+q544e\x1b\\",
    "unfinished OSC": "\x1b]52;c;aGVsbG8=",
    "bidi override": "\u202egpj.exe",
    "zero width": "a\u200bb",
    "carriage return": "safe\rEVIL",
    "backspace": "safe\x08\x08\x08\x08EVIL",
    "nested": "\x1b\x1b[31m]0;x\x07",
    "tag characters": "\U000e0041",
    "lone surrogate": "\ud800",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_nothing_a_terminal_obeys_is_left(attack: str) -> None:
    cleaned = safe_text(attack)
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in cleaned if c not in "\n\t")


@given(st.text(alphabet=st.characters(codec=None), max_size=200))
def test_cleaned_text_holds_no_control_and_stays_as_it_is_when_cleaned_again(text: str) -> None:
    cleaned = safe_text(text)
    assert all(c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs") for c in cleaned)
    assert safe_text(cleaned) == cleaned


def test_plain_text_of_any_language_is_left_alone() -> None:
    text = "naïve 你好 😀 [bold] tab\there\nñandú"
    assert safe_text(text) == text


def test_a_line_is_one_line() -> None:
    assert safe_line("a\n b\t\x1b[31mc ") == "a b c"
