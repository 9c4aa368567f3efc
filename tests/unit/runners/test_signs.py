"""Signals of programs, in our words; whatever the payload holds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.evidence import Meaning, Sign
from agentctl.runners.signs import read_signal
from tests.unit.runners.boxes import MANIFEST, box

AT = datetime(2026, 11, 20, 16, 30, tzinfo=UTC)
HOOKED = box(
    MANIFEST
    + """
[signals]
session = "session_id"
id = "turn.id"
[signals.Prompt]
means = "prompt"
text = "parts.0.text"
[signals.Stop]
means = "turn-end"
text = "answer"
unless = "background"
[signals."session.idle"]
means = "idle"
"""
)


def sign(kind: str, payload: object) -> Sign | None:
    return read_signal(HOOKED, kind, payload, AT)


def test_a_prompt_that_arrived_is_told_with_its_text() -> None:
    payload = {"session_id": "s1", "turn": {"id": 7}, "parts": [{"text": "do it\n"}]}
    assert sign("Prompt", payload) == Sign(Meaning.PROMPT, AT, "Prompt", "do it\n", "s1", "7")


def test_a_kind_that_the_runner_does_not_know_says_nothing() -> None:
    assert sign("Other", {}) is None
    assert sign("session", {}) is None


def test_a_kind_may_hold_a_dot() -> None:
    assert sign("session.idle", None) == Sign(Meaning.IDLE, AT, "session.idle")


@pytest.mark.parametrize(
    ("background", "working"), [([], False), ([{"id": 1}], True), ({}, False), (0, False), ("x", True), (None, False)]
)
def test_a_turn_that_leaves_work_behind_has_not_ended(background: object, working: bool) -> None:
    found = sign("Stop", {"answer": "done", "background": background})
    assert found is not None
    assert (found.text, found.working) == ("done", working)


@pytest.mark.parametrize(
    "payload",
    [None, 3, "x", [], {"parts": None}, {"parts": {}}, {"parts": [[]]}, {"parts": [{"text": {}}]},
     {"parts": [{"text": True}]}, {"session_id": ["s"], "turn": "x"}, {"": "s"}],
)  # fmt: skip
def test_what_is_missing_or_of_another_type_is_empty(payload: object) -> None:
    assert sign("Prompt", payload) == Sign(Meaning.PROMPT, AT, "Prompt")


def test_texts_are_bounded() -> None:
    found = sign("Prompt", {"session_id": "s" * 10_000, "parts": [{"text": "é" * 100_000}]})
    assert found is not None
    assert len(found.text.encode()) == 64 * 1024
    assert len(found.session) == 200
    found = sign("Prompt", {"parts": [{"text": 10**5000}]})
    assert found is not None
    assert found.text == ""


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["session_id", "turn", "id", "parts", "text", "background", "0", ""]), inner, max_size=4
    ),
)  # fmt: skip


@given(st.sampled_from(["Prompt", "Stop", "session.idle", "x"]), _JSON)
def test_no_payload_ever_raises(kind: str, payload: object) -> None:
    found = sign(kind, payload)
    assert found is None or (
        isinstance(found.text, str) and isinstance(found.session, str) and found.text.encode() is not None
    )
