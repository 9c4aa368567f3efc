"""What proves that a message was taken, and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from agentctl.domain.agent import Agent, AgentState
from agentctl.domain.events import EventType
from agentctl.domain.evidence import Meaning, Sign
from agentctl.domain.message import Message, MessageState
from agentctl.domain.names import AgentId
from agentctl.runners.manifest import load
from agentctl.runners.runner import Runner
from agentctl.supervisor.proof import is_ours, seen_before_end, seen_by_sign
from agentctl.views.fleet import Fleet
from tests.acceptance.stage import PROGRAMS

NOW = datetime(2030, 1, 1, tzinfo=UTC)
AGENT = Agent(AgentId("t/a"), AgentState.RUNNING, generation=2)
WHOLE = "[agentctl 7f3a 1c9e04ab from person] look at the file that I named yesterday [/1c9e04ab]"
CUT = WHOLE.removesuffix(" [/1c9e04ab]")


@pytest.fixture(scope="module")
def runner() -> Runner:
    return load(PROGRAMS / "fake.toml")


def known(state: MessageState, **facts: Any) -> Fleet:
    message = Message("1c9e04ab", AGENT.id, "look at the file that I named yesterday", "person", state=state)
    return Fleet(agents={AGENT.id: AGENT}, messages={message.id: replace(message, **facts)})


def prompt(text: str) -> Sign:
    return Sign(Meaning.PROMPT, NOW, "UserPromptSubmit", text)


@pytest.mark.parametrize("state", [MessageState.QUEUED, MessageState.HELD, MessageState.TYPED, MessageState.UNSEEN])
def test_a_whole_message_is_seen_however_late(state: MessageState) -> None:
    (draft,) = seen_by_sign(known(state), AGENT, prompt(WHOLE))
    assert draft.type == EventType.MESSAGE_SEEN


@pytest.mark.parametrize("state", [MessageState.QUEUED, MessageState.HELD, MessageState.UNSEEN])
def test_a_cut_message_is_never_seen(state: MessageState) -> None:
    assert seen_by_sign(known(state), AGENT, prompt(CUT)) == []


def test_a_cut_message_is_left_to_a_person() -> None:
    (draft,) = seen_by_sign(known(MessageState.TYPED), AGENT, prompt(CUT))
    assert draft.type == EventType.MESSAGE_UNSEEN


@pytest.mark.parametrize(
    ("state", "generation"), [(MessageState.TYPED, 1), (MessageState.QUEUED, 0), (MessageState.HELD, 0)]
)
def test_what_a_generation_took_just_before_its_end_is_not_given_to_its_successor(
    state: MessageState, generation: int
) -> None:
    (draft,) = seen_before_end(known(state, generation=generation), AGENT, prompt(WHOLE), 1)
    assert (draft.type, draft.data["generation"]) == (EventType.MESSAGE_SEEN, 1)


def test_what_a_generation_said_before_its_end_proves_nothing_of_its_successor() -> None:
    assert seen_before_end(known(MessageState.TYPED, generation=2), AGENT, prompt(WHOLE), 1) == []
    assert seen_before_end(known(MessageState.QUEUED), AGENT, prompt(CUT), 1) == []
    ended = replace(prompt(WHOLE), meaning=Meaning.TURN_END)
    assert seen_before_end(known(MessageState.QUEUED), AGENT, ended, 1) == []


def test_our_text_is_ours_whole_wrapped_by_its_end_or_by_its_mark(runner: Runner) -> None:
    assert is_ours(WHOLE, WHOLE, runner)
    assert is_ours(WHOLE.replace(" look", "\n  look"), WHOLE, runner)
    assert is_ours(WHOLE[-60:], WHOLE, runner)
    assert is_ours("[Pasted text #1 +20 lines]", WHOLE, runner)


@pytest.mark.parametrize(
    "draft",
    [
        "",
        "yes",
        f"{WHOLE} and then delete it",
        f"wait {WHOLE}",
        f"{WHOLE}{WHOLE}",
        WHOLE[-20:],
        "[Pasted text #1 +20 lines] and a long addition by somebody else, who has not finished",
        "[Pasted text #1 +20 lines][Pasted text #2 +20 lines]",
    ],
)
def test_what_a_person_writes_or_stands_there_twice_is_not_ours(runner: Runner, draft: str) -> None:
    assert not is_ours(draft, WHOLE, runner)


def test_a_mark_or_an_end_may_be_a_persons_who_has_pressed_keys_there(runner: Runner) -> None:
    assert is_ours(WHOLE, WHOLE, runner, touched=True)
    assert not is_ours("[Pasted text #1 +20 lines]", WHOLE, runner, touched=True)
    assert not is_ours(WHOLE[-60:], WHOLE, runner, touched=True)


def test_a_text_pasted_a_second_time_counts_only_where_all_of_it_is_to_be_seen(runner: Runner) -> None:
    assert is_ours("[Pasted text #1 +20 lines]", WHOLE, runner, tail=False)
    assert not is_ours(WHOLE[-60:], WHOLE, runner, tail=False)
