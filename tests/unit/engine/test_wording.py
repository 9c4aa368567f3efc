"""What a person is told in words: whose they are, cleaned and cut."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.names import AgentId, PaneId
from agentctl.domain.notice import Why
from agentctl.engine.attention import Occasion
from agentctl.engine.wording import notification

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def occasion(agent: str = "shop/dev", why: Why = Why.APPROVAL, words: str = "Run npm i?") -> Occasion:
    return Occasion(AgentId(agent), why, NOON, "q1", words)


def test_one_agent_is_told_of_in_our_words_and_its_own():
    note = notification([occasion()], [PaneId("%3")], "box")
    assert (note.title, note.text) == ("shop/dev needs an approval", "Run npm i?")
    assert (note.agents, note.panes, note.why, note.host) == (("shop/dev",), ("%3",), "approval", "box")


def test_many_are_counted_and_named():
    many = [occasion(f"shop/dev-{number}") for number in range(12)]
    note = notification(many, [], "box")
    assert note.title == "12 agents need you"
    assert note.text.startswith("shop/dev-0 (approval), shop/dev-1 (approval)")
    assert note.text.endswith("and 2 more")
    assert notification([occasion("a/b", Why.DONE), occasion("a/c", Why.DONE)], [], "box").title == "2 agents are done"


@given(st.text())
def test_what_an_agent_says_is_one_clean_line_that_is_not_long(words):
    text = notification([occasion(words=words + "\x1b]0;x\x07\n" * 3 + "a" * 500)], [], "box").text
    assert len(text) <= 200
    assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for letter in text)
