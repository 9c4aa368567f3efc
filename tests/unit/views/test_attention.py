"""Who waits for a person, and what they were told: folded from the log, and kept with a snapshot."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from agentctl.domain.agent import Agent, AgentState, Ask, AskKind, PauseCause
from agentctl.domain.codec import decode, encode
from agentctl.domain.events import Event, EventType, agent_stream
from agentctl.domain.names import AgentId
from agentctl.domain.notice import Told
from agentctl.views.attention import waiting
from agentctl.views.fleet import Fleet

A = AgentId("t/a")
START = datetime(2030, 1, 1, tzinfo=UTC)
RUNNING = Agent(A, AgentState.RUNNING)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def told(*rows: tuple[str, str, float, list[str]]) -> Fleet:
    """Return a fleet whose person was told of its agent: why, ask, since, ways; a minute between each."""
    fleet = Fleet()
    events: list[tuple[EventType, dict[str, Any]]] = [(EventType.AGENT_WANTED, {})]
    for why, ask, since, ways in rows:
        facts = {"why": why, "ask": ask, "since": at(since).isoformat(), "ways": ways, "evidence": ""}
        events.append((EventType.PERSON_NOTIFIED, facts))
    for number, (kind, data) in enumerate(events):
        fleet.apply(Event(number + 1, agent_stream(A), number + 1, kind, at(number * 60), "", "", data, ""))
    return fleet


def test_who_waits_longest_comes_first_and_limits_end_by_themselves() -> None:
    def asks(name: str, kind: AskKind, since: float) -> Agent:
        return replace(RUNNING, id=AgentId(name), asking=Ask("q", kind, since=at(since)))

    spent = replace(RUNNING, id=AgentId("t/spent"), paused=PauseCause.BUDGET, paused_since=at(2))
    held = replace(RUNNING, id=AgentId("t/held"), paused=PauseCause.PERSON, paused_since=at(0))
    ended = replace(asks("t/ended", AskKind.QUESTION, 0), state=AgentState.STOPPED)
    agents = [asks("t/late", AskKind.QUESTION, 3), spent, asks("t/limit", AskKind.LIMIT, 0), held, ended,
              asks("t/early", AskKind.PERMISSION, 1), RUNNING]  # fmt: skip
    assert [agent.id for agent in waiting(agents)] == ["t/early", "t/spent", "t/late"]


def test_what_was_told_is_kept_by_reason_and_a_second_way_comes_to_the_first() -> None:
    fleet = told(("question", "q1", 0, ["bell"]), ("error", "", 5, ["bell"]), ("question", "q1", 0, ["slack", "bell"]))
    assert fleet.agents[A].told == {
        "question": Told("q1", at(0), ("bell", "slack"), at(180)),
        "error": Told("", at(5), ("bell",), at(120)),
    }


def test_the_next_occasion_takes_the_place_of_the_last() -> None:
    fleet = told(("question", "q1", 0, ["bell"]), ("question", "q1", 9, ["slack"]))
    assert fleet.agents[A].told == {"question": Told("q1", at(9), ("slack",), at(120))}


def test_what_was_told_is_kept_with_a_snapshot() -> None:
    fleet = told(("question", "q1", 0, ["bell", "slack:#shop"]))
    assert decode(Fleet, encode(fleet)) == fleet


def test_a_turns_end_is_known_until_the_next_start() -> None:
    fleet = told()
    steps: list[tuple[EventType, dict[str, Any]]] = [
        (EventType.AGENT_STARTING, {"generation": 1}),
        (EventType.AGENT_READY, {}),
        (EventType.AGENT_BUSY, {"generation": 1, "phase": "reasoning"}),
        (EventType.AGENT_TURN_ENDED, {"generation": 1}),
        (EventType.AGENT_IDLE, {"generation": 1}),
        (EventType.AGENT_EXITED, {"generation": 1, "code": 0}),
        (EventType.AGENT_WANTED, {}),
        (EventType.AGENT_STARTING, {"generation": 2}),
    ]
    ends = []
    for number, (kind, data) in enumerate(steps, 2):
        fleet.apply(Event(number, agent_stream(A), number, kind, at(number), "", "", data, ""))
        ends.append(fleet.agents[A].turn_ended)
    assert ends == [None, None, None, at(5), at(5), at(5), at(5), None]
