"""What the log says of messages and of what agents do, folded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agentctl.domain.agent import Activity, Agent, Ask, AskKind, Phase
from agentctl.domain.codec import decode, encode
from agentctl.domain.errors import IllegalMove
from agentctl.domain.events import PERSON_STREAM, Draft, Event, EventType, agent_stream
from agentctl.domain.message import PERSON, MessageState
from agentctl.domain.names import AgentId
from agentctl.views.fleet import Fleet
from agentctl.views.message_rows import counts, message_row, message_rows

DEV = AgentId("web/dev")
AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
ASK = Ask("12ab", AskKind.PERMISSION, "Run it?", ("Yes", "No"))


class Story:
    """A fleet and the events that made it."""

    def __init__(self) -> None:
        self.fleet = Fleet()
        self.happens(EventType.AGENT_WANTED)
        self.happens(EventType.AGENT_STARTING, generation=1, runner="fake", session="s-1")
        self.happens(EventType.AGENT_READY, generation=1)

    def happens(self, kind: EventType, *, stream: str = agent_stream(DEV), **data: object) -> None:
        draft = Draft(stream, kind, data)
        self.fleet.check([draft])
        seq = self.fleet.seq + 1
        self.fleet.apply(Event(seq, stream, seq, kind, AT + timedelta(seconds=seq), "x", "here", data, ""))

    def queued(self, name: str = "1c9e04ab", **facts: object) -> str:
        data: dict[str, Any] = {"message": name, "text": "do it", "sender": "person", **facts}
        self.happens(EventType.MESSAGE_QUEUED, **data)
        return name

    @property
    def agent(self) -> Agent:
        return self.fleet.agents[DEV]


def test_a_held_message_keeps_its_place_and_says_why() -> None:
    story = Story()
    first, second = story.queued("00000001"), story.queued("00000002")
    story.happens(EventType.MESSAGE_HELD, message=first, reason="a person is typing there")
    assert [m.id for m in story.fleet.queued(DEV)] == [first, second]
    assert story.fleet.messages[first].reason == "a person is typing there"


def test_a_retried_message_goes_to_the_end_with_its_whole_text() -> None:
    story = Story()
    first = story.queued("00000001", text="x" * 5000)
    story.happens(EventType.MESSAGE_DEAD, message=first, reason="gone")
    assert len(story.fleet.messages[first].text) < 5000
    second = story.queued("00000002")
    story.happens(EventType.MESSAGE_RETRIED, message=first, text="x" * 5000, reason="again")
    assert [m.id for m in story.fleet.queued(DEV)] == [second, first]
    assert len(story.fleet.messages[first].text) == 5000


def test_a_message_whose_agent_died_keeps_its_place() -> None:
    story = Story()
    first, second = story.queued("00000001"), story.queued("00000002")
    story.happens(EventType.MESSAGE_TYPED, message=first, generation=1, number=1)
    story.happens(EventType.MESSAGE_RETRIED, message=first, text="do it", reason="it ended", in_place=True)
    assert [m.id for m in story.fleet.queued(DEV)] == [first, second]


def test_a_message_that_was_seen_cannot_be_queued_again() -> None:
    story = Story()
    name = story.queued()
    story.happens(EventType.MESSAGE_TYPED, message=name, generation=1, number=1)
    story.happens(EventType.MESSAGE_SEEN, message=name, evidence="hook")
    with pytest.raises(IllegalMove):
        story.happens(EventType.MESSAGE_RETRIED, message=name, text="do it", reason="again")


def test_what_an_agent_sends_has_one_hop_more_than_what_it_took() -> None:
    story = Story()
    name = story.queued(hops=3)
    story.happens(EventType.MESSAGE_TYPED, message=name, generation=1, number=1)
    assert story.agent.hops == 0
    story.happens(EventType.MESSAGE_SEEN, message=name, evidence="hook")
    assert story.agent.hops == 3


def test_messages_to_a_person_need_no_agent() -> None:
    story = Story()
    story.happens(EventType.MESSAGE_QUEUED, stream=PERSON_STREAM, message="0000000a", text="help", sender=DEV)
    assert [m.text for m in story.fleet.queued(AgentId(PERSON))] == ["help"]


def test_a_typed_message_is_work_and_a_turn_runs_through_its_phases() -> None:
    story = Story()
    assert story.agent.phase is Phase.IDLE
    story.happens(EventType.MESSAGE_TYPED, message=story.queued(), generation=1, number=1)
    phases = [story.agent.phase]
    turn: tuple[tuple[EventType, dict[str, Any]], ...] = (
        (EventType.AGENT_BUSY, {"phase": "reasoning"}),
        (EventType.AGENT_BUSY, {"phase": "executing"}),
        (EventType.AGENT_BUSY, {"phase": "reasoning"}),
        (EventType.AGENT_TURN_ENDED, {"answer": "done"}),
        (EventType.AGENT_IDLE, {}),
    )
    for kind, facts in turn:
        story.happens(kind, generation=1, **facts)
        phases.append(story.agent.phase)
    assert phases == [
        Phase.ASSIGNED, Phase.REASONING, Phase.EXECUTING, Phase.REASONING, Phase.COMPLETED, Phase.IDLE
    ]  # fmt: skip


def test_a_phase_that_cannot_follow_is_refused() -> None:
    story = Story()
    with pytest.raises(IllegalMove):
        story.happens(EventType.AGENT_TURN_ENDED, generation=1)


def test_a_question_is_over_with_the_waiting_for_it_and_keeps_its_age_meanwhile() -> None:
    story = Story()
    story.happens(EventType.AGENT_BUSY, generation=1)
    story.happens(EventType.AGENT_WAITING, generation=1, ask=encode(ASK))
    assert story.agent.asking is not None
    since = story.agent.asking.since
    story.happens(EventType.AGENT_WAITING, generation=1, ask=encode(ASK), evidence="seen again")
    assert story.agent.asking is not None
    assert story.agent.asking.since == since
    story.happens(EventType.AGENT_BUSY, generation=1)
    assert story.agent.asking is None


@pytest.mark.parametrize("kind", [EventType.AGENT_BUSY, EventType.AGENT_IDLE, EventType.AGENT_UNSURE])
def test_news_of_an_older_generation_changes_nothing(kind: EventType) -> None:
    story = Story()
    story.happens(EventType.AGENT_EXITED, generation=1, code=1, ending="crash")
    story.happens(EventType.AGENT_BACKING_OFF, until=AT.isoformat(), failures=1)
    story.happens(EventType.AGENT_STARTING, generation=2, runner="fake")
    before = story.agent
    story.happens(kind, generation=1)
    assert story.agent == before
    assert before.activity is Activity.UNKNOWN


def test_a_quota_is_no_failure_and_a_lost_conversation_is_forgotten() -> None:
    story = Story()
    story.happens(EventType.AGENT_EXITED, generation=1, code=1, ending="quota", until=AT.isoformat())
    assert (story.agent.failures, story.agent.retry_at, story.agent.session) == ((), AT, "s-1")
    story = Story()
    story.happens(EventType.AGENT_EXITED, generation=1, code=1, ending="lost-session")
    assert story.agent.session == ""


def test_an_agent_that_ends_well_again_and_again_is_counted() -> None:
    story = Story()
    story.happens(EventType.AGENT_EXITED, generation=1, code=0, ending="done")
    assert len(story.agent.failures) == 1


def test_a_fleet_with_messages_and_questions_survives_being_written_down() -> None:
    story = Story()
    story.queued(when="idle", hops=2)
    story.happens(EventType.AGENT_WAITING, generation=1, ask=encode(ASK))
    assert decode(Fleet, encode(story.fleet)) == story.fleet


def test_rows_show_one_clean_line_and_the_newest_in_order() -> None:
    story = Story()
    for number in range(5):
        story.queued(f"0000000{number}", text=f"\x1b[31m{number}\x1b[0m first\nsecond")
    rows = message_rows(story.fleet.of(DEV), limit=2)
    assert [row["text"] for row in rows] == ["3 first", "4 first"]
    assert message_rows(story.fleet.of(DEV), states=["dead"]) == []
    assert counts(story.fleet.of(DEV)) == {"waiting": 5, "unseen": 0, "dead": 0}
    assert message_row(story.fleet.messages["00000000"])["state"] == MessageState.QUEUED


def test_of_an_agent_that_is_forgotten_the_dead_letters_stay() -> None:
    story = Story()
    dead, seen = story.queued(), story.queued("2c9e04ab")
    story.happens(EventType.MESSAGE_DEAD, message=dead, reason="no longer part of its team")
    story.happens(EventType.MESSAGE_SEEN, message=seen)
    story.happens(EventType.AGENT_FORGOTTEN, reason="no longer part of its team")
    assert list(story.fleet.messages) == [dead]


def test_what_was_seen_before_it_was_noted_is_counted_only_when_its_pane_says_so() -> None:
    story = Story()
    name = story.queued()
    story.happens(EventType.MESSAGE_SEEN, message=name, generation=1, number=1)
    assert story.agent.typed == 0
    story.happens(EventType.MESSAGE_SEEN, message=name, generation=1, typed=2)
    assert story.agent.typed == 2
