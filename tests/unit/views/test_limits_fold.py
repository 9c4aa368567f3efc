"""What limits make of an agent: steps, pauses, ends that count as failures, and what is over with a generation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from agentctl.domain.agent import Agent, AgentState, Ending, Identity, MemoryStep, PauseCause
from agentctl.domain.events import Event, EventType
from agentctl.domain.names import AgentId
from agentctl.views.fleet import Fleet
from agentctl.views.rows import agent_rows, attention

NOW = datetime(2026, 11, 29, tzinfo=UTC)
NAME = AgentId("t/a")
SHIM = Identity("b", 20, 2)
RUNS = Agent(NAME, AgentState.RUNNING, NOW, generation=1, process=SHIM)
STARTS = {"generation": 2}
FOR_MEMORY = {"generation": 1, "reason": "too much", "again": True, "ending": "memory"}


def after(agent: Agent, *events: tuple[EventType, dict[str, Any]]) -> Agent:
    """Return *agent* after *events*, a minute apart."""
    fleet, numbers = Fleet(agents={NAME: agent}), count(1)
    for kind, data in events:
        number = next(numbers)
        at = NOW + timedelta(minutes=number)
        fleet._fold(Event(number, f"agent:{NAME}", number, kind, at, "supervisor", "here", data, ""))
    return fleet.agents[NAME]


def test_an_end_for_memory_is_a_failure_and_why_it_comes_back() -> None:
    stopping = after(RUNS, (EventType.AGENT_STOPPING, FOR_MEMORY))
    assert (stopping.ending, stopping.failures) == (Ending.MEMORY, (NOW + timedelta(minutes=1),))
    back = after(
        stopping,
        (EventType.AGENT_STOPPED, {"code": 143, "reason": "too much"}),
        (EventType.AGENT_WANTED, {"reason": "too much"}),
    )
    assert (back.state, back.ending, len(back.failures)) == (AgentState.PENDING, Ending.MEMORY, 1)
    assert after(back, (EventType.AGENT_STARTING, STARTS)).restarts == 1


def test_an_end_that_somebody_wanted_is_none() -> None:
    asked = {"generation": 1, "reason": "restart was asked for", "again": True}
    stopping = after(RUNS, (EventType.AGENT_STOPPING, FOR_MEMORY), (EventType.AGENT_STOPPING, asked))
    assert stopping.ending is None
    back = after(
        stopping,
        (EventType.AGENT_STOPPED, {"code": 143, "reason": ""}),
        (EventType.AGENT_WANTED, {"reason": "restart was asked for", "fresh": True}),
        (EventType.AGENT_STARTING, STARTS),
    )
    assert (back.failures, back.restarts, back.ending) == ((), 0, None)


def test_a_persons_restart_of_a_crashed_agent_says_nothing_of_the_crash() -> None:
    crashed = after(RUNS, (EventType.AGENT_EXITED, {"code": 1, "ending": "crash"}))
    wanted = after(crashed, (EventType.AGENT_WANTED, {"reason": "restart was asked for", "fresh": True}))
    assert (crashed.ending, wanted.ending) == (Ending.CRASH, None)


def test_well_wipes_the_failures_before() -> None:
    ended = after(RUNS, *[(EventType.AGENT_STOPPING, FOR_MEMORY)] * 3)
    assert len(ended.failures) == 3
    assert len(after(ended, (EventType.AGENT_STOPPING, FOR_MEMORY | {"well": True})).failures) == 1


def test_a_step_is_of_one_generation_and_is_known_while_it_ends() -> None:
    killed = (EventType.AGENT_MEMORY, {"generation": 1, "step": "killed"})
    assert after(RUNS, (EventType.AGENT_STOPPING, FOR_MEMORY), killed).memory_step is MemoryStep.KILLED
    assert after(RUNS, (EventType.AGENT_MEMORY, {"generation": 7, "step": "told"})).memory_step is MemoryStep.OK
    ended = after(RUNS, (EventType.AGENT_MEMORY, {"generation": 1, "step": "told"}), (EventType.AGENT_EXITED, {}))
    assert ended.memory_step is MemoryStep.OK


def test_too_many_processes_condemn_a_generation_and_too_much_memory_does_not() -> None:
    braked = {"generation": 1, "evidence": "it ran 1,893 processes at once"}
    condemned = after(RUNS, (EventType.AGENT_BRAKED, braked | {"brake": "processes"}))
    assert condemned.condemned == "it ran 1,893 processes at once"
    assert after(condemned, (EventType.AGENT_EXITED, {"code": 137})).condemned == ""
    assert after(RUNS, (EventType.AGENT_BRAKED, braked | {"brake": "memory"})).condemned == ""
    assert after(RUNS, (EventType.AGENT_BRAKED, braked | {"brake": "processes", "generation": 7})).condemned == ""


@pytest.mark.parametrize(
    ("cause", "still"), [(PauseCause.PRESSURE, True), (PauseCause.PERSON, True), (PauseCause.BUDGET, False)]
)
def test_a_budget_stops_no_process(cause: PauseCause, still: bool) -> None:
    paused = after(RUNS, (EventType.AGENT_PAUSED, {"cause": cause.value, "reason": "x"}))
    assert (paused.paused, paused.stands_still) == (cause, still)
    assert not after(paused, (EventType.AGENT_RESUMED, {"cause": cause.value})).stands_still


def test_who_needs_a_person_comes_before_whom_the_machine_keeps_waiting() -> None:
    def paused(cause: PauseCause) -> int:
        return attention(after(RUNS, (EventType.AGENT_PAUSED, {"cause": cause.value})))

    throttled = attention(after(RUNS, (EventType.AGENT_MEMORY, {"generation": 1, "step": "throttled"})))
    assert paused(PauseCause.BUDGET) < throttled < paused(PauseCause.PRESSURE) == paused(PauseCause.PERSON)


def test_a_row_says_why_it_stands_still_and_since_when() -> None:
    paused = after(RUNS, (EventType.AGENT_PAUSED, {"cause": "pressure", "reason": "the machine is short of memory"}))
    (row,) = agent_rows(Fleet(agents={NAME: paused}), [NAME], {}, "here")
    since = (NOW + timedelta(minutes=1)).isoformat(timespec="milliseconds")
    assert row["paused"] == {"cause": "pressure", "reason": "the machine is short of memory", "since": since}
    assert row["evidence"] == "the machine is short of memory"


def test_a_row_says_why_it_is_kept_back() -> None:
    waits = Agent(NAME, AgentState.PENDING, NOW, "deployed")
    kept = {NAME: "8 of at most 8 agents run"}
    (row,) = agent_rows(Fleet(agents={NAME: waits}), [NAME], {}, "here", kept=kept)
    assert row["evidence"] == "8 of at most 8 agents run"
