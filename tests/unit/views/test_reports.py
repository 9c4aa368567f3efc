"""What the fleet knows of reports: the newest, once a check-in, and for how long there was none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agentctl.domain.agent import Activity, Agent, AgentState
from agentctl.domain.codec import decode, encode
from agentctl.domain.errors import IllegalMove
from agentctl.domain.events import Draft, Event, EventType, agent_stream
from agentctl.domain.message import Message
from agentctl.domain.names import AgentId
from agentctl.domain.report import Report
from agentctl.views.fleet import Fleet
from agentctl.views.rows import attention

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
DEV = AgentId("shop/dev")
REPORTED = {"message": "aaaaaaaa", **encode(Report(("x",), needs=("a key",)))}


def fleet(**facts: object) -> Fleet:
    agent = Agent(DEV, AgentState.RUNNING, generation=1, activity=Activity.IDLE)
    known = Message("aaaaaaaa", DEV, "How far?", "agentctl", kind="check-in")
    made = Fleet(agents={DEV: agent}, messages={known.id: known})
    for number in range(int(str(facts.get("missed", 0)))):
        apply(made, EventType.AGENT_TICKED, schedule="c", at=NOW.replace(minute=number).isoformat(), unanswered="a")
    return made


def apply(made: Fleet, kind: EventType, **data: object) -> Fleet:
    made.apply(Event(made.seq + 1, agent_stream(DEV), 1, kind, NOW, "supervisor", "here", dict(data), ""))
    return made


def test_a_report_is_kept_and_ends_the_silence() -> None:
    made = fleet(missed=3)
    assert made.agents[DEV].missed_check_ins == 3
    agent = apply(made, EventType.AGENT_REPORTED, **REPORTED).agents[DEV]
    assert (agent.report, agent.reported_at) == (Report(("x",), needs=("a key",)), NOW)
    assert (agent.missed_check_ins, agent.activity) == (0, Activity.IDLE)
    assert decode(Fleet, encode(made)) == made


def test_one_check_in_has_one_report() -> None:
    made = apply(fleet(), EventType.AGENT_REPORTED, **REPORTED)
    with pytest.raises(IllegalMove, match="comes once"):
        made.check([Draft(agent_stream(DEV), EventType.AGENT_REPORTED, REPORTED)])


def test_a_tick_that_finds_an_answer_misses_nothing() -> None:
    made = apply(fleet(), EventType.AGENT_TICKED, schedule="c", at=NOW.isoformat(), message="bbbbbbbb")
    assert made.agents[DEV].missed_check_ins == 0


def test_a_new_start_is_held_nothing_against_and_keeps_the_report() -> None:
    made = fleet(missed=2)
    apply(made, EventType.AGENT_REPORTED, **REPORTED)
    apply(made, EventType.AGENT_TICKED, schedule="c", at=NOW.replace(minute=30).isoformat(), unanswered="a")
    assert made.agents[DEV].missed_check_ins == 1
    apply(made, EventType.AGENT_EXITED, generation=1, code=1)
    apply(made, EventType.AGENT_WANTED)
    apply(made, EventType.AGENT_STARTING, generation=2)
    assert (made.agents[DEV].missed_check_ins, made.agents[DEV].report) == (0, Report(("x",), needs=("a key",)))


def test_who_says_that_it_needs_a_person_comes_before_the_idle_and_after_the_failed() -> None:
    made = apply(fleet(), EventType.AGENT_REPORTED, **REPORTED)
    idle = Agent(DEV, AgentState.RUNNING, activity=Activity.IDLE)
    assert attention(Agent(DEV, AgentState.FATAL)) < attention(made.agents[DEV]) < attention(idle)
    stopped = Agent(DEV, AgentState.STOPPED, report=made.agents[DEV].report)
    assert attention(stopped) == attention(Agent(DEV, AgentState.STOPPED))
