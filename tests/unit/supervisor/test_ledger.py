"""The ledger: log and fleet in step, followers told, a slow one cut off."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from agentctl.domain.agent import AgentState
from agentctl.domain.events import Draft, EventType
from agentctl.domain.names import AgentId
from agentctl.store.memory import MemoryLog
from agentctl.supervisor import ledger
from agentctl.supervisor.ledger import Ledger

STREAM = "agent:t/a"
WANTED = Draft(STREAM, EventType.AGENT_WANTED, {"reason": "test"})


def log() -> MemoryLog:
    return MemoryLog(host="here", clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))


def test_a_repeated_request_changes_nothing_twice() -> None:
    own = Ledger(log())
    first = own.append([WANTED], request="r1")
    assert own.append([WANTED], request="r1") == first
    assert own.fleet.seq == 1


def test_followers_see_what_is_appended_and_only_that() -> None:
    async def story() -> None:
        own = Ledger(log())
        own.append([WANTED])
        async with own.follow() as queue:
            changed = asyncio.ensure_future(own.changed())
            await asyncio.sleep(0)
            own.append([WANTED, WANTED])
            await asyncio.wait_for(changed, 1)
            seqs = [event.seq for event in (queue.get_nowait(), queue.get_nowait()) if event]
            assert seqs == [2, 3]
        own.append([WANTED])
        assert queue.empty()

    asyncio.run(story())


def test_what_is_appended_before_a_waiting_task_runs_for_the_first_time_wakes_it() -> None:
    async def story() -> None:
        own = Ledger(log())
        changed = asyncio.ensure_future(own.changed())
        own.append([WANTED])
        await asyncio.wait_for(changed, 1)

    asyncio.run(story())


def test_a_follower_that_does_not_read_is_cut_off_and_the_ledger_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_WAITING_MOST", 3)

    async def story() -> None:
        own = Ledger(log())
        async with own.follow() as queue:
            for _ in range(10):
                own.append([WANTED])
            seen = []
            while not queue.empty():
                seen.append(queue.get_nowait())
        assert seen[-1] is None
        assert own.fleet.seq == 10

    asyncio.run(story())


def test_a_start_from_a_snapshot_equals_one_from_the_first_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_SNAPSHOT_EVERY", 4)
    kept = log()
    own = Ledger(kept)
    process = {"boot": "b", "pid": 5, "start_ticks": 7}
    for generation in range(1, 4):
        own.append([WANTED, Draft(STREAM, EventType.AGENT_STARTING, {"generation": generation, "runner": "shell"})])
        facts = {"generation": generation, "pane": "%1", "process": process, "server": process}
        own.append([Draft(STREAM, EventType.AGENT_STARTED, facts)])
        own.append([Draft(STREAM, EventType.AGENT_EXITED, {"generation": generation, "code": 1, "reason": "x"})])
    assert kept.load_snapshot(ledger._VIEW) is not None
    assert Ledger(kept).fleet == own.fleet
    assert own.fleet.agents[AgentId("t/a")].state is AgentState.EXITED
