"""Which messages are refused at once: agents that talk in circles, drown each other, or speak to whom they may not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agentctl.domain.message import KEPT, Message, MessageState
from agentctl.domain.names import AgentId
from agentctl.engine.traffic import MOST_HOPS, MOST_WAITING, refusal

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DEV, PM, OTHER = "shop/dev", "shop/pm", "bank/dev"


def sent(text: str, *, sender: str = PM, to: str = DEV, ago: timedelta = MINUTE, **facts) -> Message:
    return Message("1c9e04ab", AgentId(to), text, sender, queued_at=NOW - ago, **facts)


def why(
    sender: str = PM, agent: str = DEV, text: str = "go on", hops: int = 1, recent: list[Message] | None = None
) -> str:
    return refusal(sender, agent, text, hops, recent or [], NOW)


@pytest.mark.parametrize(("sender", "agent"), [(PM, DEV), (PM, "person"), ("person", DEV), ("agentctl", DEV)])
def test_who_may_speak_to_whom(sender: str, agent: str) -> None:
    assert why(sender, agent) == ""


def test_an_agent_cannot_send_to_itself() -> None:
    assert "cannot send to itself" in why(DEV, DEV)


def test_an_agent_reaches_its_own_team_alone() -> None:
    assert "of another team" in why(PM, OTHER)
    assert "agentctl send person" in why(PM, OTHER)


def test_what_was_passed_on_too_often_goes_no_further() -> None:
    assert why(hops=MOST_HOPS) == ""
    assert f"{MOST_HOPS + 1} agents have passed this on" in why(hops=MOST_HOPS + 1)
    assert why("person", hops=99) == ""


def test_the_same_text_is_taken_three_times_in_ten_minutes() -> None:
    said = [sent("go on"), sent(" go  on\n", sender="shop/qa"), sent("go on", ago=9 * MINUTE)]
    assert why(recent=said[:2]) == ""
    assert "told the same 3 times" in why(recent=said)
    assert why(text="go on, please", recent=said) == ""
    assert why(agent="shop/qa", recent=said) == ""


def test_what_was_said_long_ago_or_by_a_person_is_no_repeat() -> None:
    said = [sent("go on"), sent("go on"), sent("go on", ago=11 * MINUTE), sent("go on", sender="person")]
    assert why(recent=said) == ""


def test_a_person_may_repeat_themselves() -> None:
    assert why("person", recent=[sent("go on")] * 5) == ""


def test_a_long_text_is_the_same_though_only_its_beginning_is_kept() -> None:
    text = "x" * (KEPT + 500)
    assert "told the same" in why(text=text, recent=[sent(text[:KEPT])] * 3)


@pytest.mark.parametrize("sender", [PM, "person"])
def test_a_hundred_may_wait_for_one_agent(sender: str) -> None:
    waiting = [sent(f"{n}", state=MessageState.HELD if n % 2 else MessageState.QUEUED) for n in range(MOST_WAITING)]
    assert why(sender, recent=waiting[1:]) == ""
    assert "100 messages wait for shop/dev" in why(sender, recent=waiting)
    assert why(sender, agent="shop/qa", recent=waiting) == ""
    seen = [sent(f"{n}", state=MessageState.SEEN) for n in range(MOST_WAITING)]
    assert why(sender, recent=seen) == ""


def test_what_the_program_itself_has_to_say_always_goes() -> None:
    assert why("agentctl", recent=[sent(f"{n}") for n in range(500)]) == ""
