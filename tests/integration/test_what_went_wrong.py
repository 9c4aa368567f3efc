"""What went wrong once: each of these ended the supervisor, lost a message, or made a log unreadable for ever."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.agent import Agent, AgentState
from agentctl.domain.codec import encode
from agentctl.domain.errors import IllegalMove, StoreError
from agentctl.domain.events import Draft, Event, EventType, agent_stream, team_stream
from agentctl.domain.names import AgentId
from agentctl.domain.team import Dependency, Probe, RestartPolicy, Secret
from agentctl.store.memory import MemoryLog
from agentctl.supervisor.caller import Caller
from agentctl.supervisor.ledger import Ledger
from agentctl.supervisor.requests.look import events
from agentctl.supervisor.requests.request import Desk, Request
from agentctl.views.fleet import Fleet
from agentctl.views.waits import waits_in_vain
from tests.integration.machine import Machine, request, team

Story = Callable[[Machine], Awaitable[None]]
NOW = datetime(2030, 1, 1, tzinfo=UTC)


# --- no history makes the log unreadable ---

KEYS = (
    "generation", "reason", "again", "grace", "fresh", "until", "pane", "process", "server", "message", "text",
    "sender", "keys", "spec", "environment", "passed", "code", "evidence", "well", "number", "heard", "failures",
)  # fmt: skip
SPEC = encode(team("t", "a", "b"))
values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([1e300, -1e300, 10**400, "", "x", "2030-01-01T00:00:00+00:00", "m", [], [1], {}, {"a": 1}]),
    st.just({"boot": "b", "pid": 1, "start_ticks": 2}),
    st.just(SPEC),
)
data = st.dictionaries(st.sampled_from(KEYS), values, max_size=8)
likely = st.fixed_dictionaries(
    {},
    optional={
        "generation": st.integers(0, 2),
        "until": st.just("2030-01-01T00:00:00+00:00"),
        "message": st.sampled_from(["m", "n"]),
        "text": st.just("hi"),
        "sender": st.just("person"),
        "spec": st.just(SPEC),
        "again": st.booleans(),
        "process": st.just({"boot": "b", "pid": 1, "start_ticks": 2}),
        "pane": st.just("%1"),
    },
)
drafts = st.builds(
    Draft,
    st.sampled_from([agent_stream("t/a"), agent_stream("t/b"), agent_stream(""), team_stream("t"), "supervisor"]),
    st.sampled_from(list(EventType)),
    st.one_of(likely, data),
)


@given(st.lists(drafts, max_size=30))
def test_any_events_in_any_order_can_be_read(history: list[Draft]) -> None:
    log = MemoryLog(host="here", clock=lambda: NOW)
    for draft in history:
        log.append([draft])
    fleet = Ledger(log).fleet
    assert fleet.seq == len(history)
    again = Fleet()
    again.apply_all(log.read())
    assert again == fleet


@given(st.lists(st.lists(drafts, min_size=1, max_size=3), max_size=15))
def test_what_the_fleet_cannot_take_is_not_appended(history: list[list[Draft]]) -> None:
    log = MemoryLog(host="here", clock=lambda: NOW)
    ledger = Ledger(log)
    for batch in history:
        before = log.head()
        try:
            ledger.append(batch)
        except IllegalMove:
            assert log.head() == before
        assert ledger.fleet.seq == log.head()
    strict = Fleet()
    for event in log.read():
        strict.check([Draft(event.stream, EventType(event.type), event.data)])
        strict.apply(event)
    assert strict == ledger.fleet


def test_an_illegal_move_in_a_log_is_passed_over_and_told(caplog: pytest.LogCaptureFixture) -> None:
    log = MemoryLog(host="here", clock=lambda: NOW)
    stream = agent_stream("t/a")
    log.append([Draft(stream, EventType.AGENT_WANTED), Draft(stream, EventType.AGENT_STOPPED, {"code": 0})])
    with caplog.at_level(logging.WARNING):
        fleet = Ledger(log).fleet
    assert fleet.agents[AgentId("t/a")].state is AgentState.PENDING
    assert [record.seq for record in caplog.records] == [2]  # type: ignore[attr-defined]


def test_news_of_a_forgotten_agent_does_not_bring_it_back() -> None:
    fleet = Fleet()
    stream = agent_stream("t/a")
    for number, kind in enumerate((EventType.AGENT_WANTED, EventType.AGENT_FORGOTTEN, EventType.AGENT_IDLE), 1):
        fleet.apply(Event(number, stream, number, kind, NOW, "supervisor", "here", {}, ""))
    assert fleet.agents == {}


# --- a request comes while the loop is in the middle of something ---


def test_a_stop_while_a_start_is_prepared(play: Callable[[Story], None], tmp_path: Path) -> None:
    async def story(machine: Machine) -> None:
        gate = tmp_path / "gate"
        command = ("sh", "-c", f"touch {gate}; sleep 0.5; echo value")
        slow = team("t", "a", secrets=(Secret("s", "S", "command", argv=command),))
        await machine.ask("deploy", **request(slow, wait=False))
        await machine.until(gate.exists)
        await machine.ask("stop", selectors=["t"])
        await machine.until(machine.is_in("t/a", AgentState.STOPPED))
        assert not list(machine.world.agent_folder("t/a").glob("launch.*"))
        assert await machine.terminal.panes() == []

    play(story)


def test_one_slow_secret_does_not_hold_up_the_others(play: Callable[[Story], None], tmp_path: Path) -> None:
    async def story(machine: Machine) -> None:
        here = tmp_path / "here"
        here.mkdir()
        # each is told only when all four are asked for, at once
        wait = f"touch {here}/$$; until [ $(ls {here} | wc -l) -ge 4 ]; do sleep 0.02; done; echo value"
        slow = team("t", "a", "b", "c", "d", secrets=(Secret("s", "S", "command", argv=("sh", "-c", wait)),))
        await machine.ask("deploy", **request(slow, wait=False))
        await machine.until(lambda: len(machine.terminal.opened) == len(slow.agents))

    play(story)


@pytest.mark.parametrize("verb", ["stop", "restart", "reset"])
def test_a_request_while_an_end_is_recorded(play: Callable[[Story], None], verb: str) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a", restart=RestartPolicy(policy="never"))))
        reading, going_on = asyncio.Event(), asyncio.Event()
        screen = machine.terminal.screen

        async def slow(*args: Any, **kwargs: Any) -> str:
            reading.set()
            await going_on.wait()
            return await screen(*args, **kwargs)

        machine.terminal.screen = slow  # type: ignore[method-assign]
        machine.terminal.agent_ends((await machine.terminal.panes())[0].id, 1)
        await asyncio.wait_for(reading.wait(), 10)
        kind = EventType.AGENT_STOPPING
        args = {"team": "t"} if verb == "reset" else {"selectors": ["t"]}
        asked = asyncio.create_task(machine.ask(verb, **args))
        await machine.until(lambda: kind in machine.events(agent_stream("t/a")))
        going_on.set()
        await asked
        want = {"stop": {"t/a": "stopped"}, "restart": {"t/a": "running"}, "reset": {}}[verb]
        await machine.until(lambda: machine.states() == want)

    play(story)


# --- messages ---


def test_a_message_goes_out_when_tmux_answers_again(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a")))
        pane = (await machine.terminal.panes())[0].id
        keys = machine.terminal.keys
        tries = 0

        async def once_silent(*args: Any, **kwargs: Any) -> bool:
            nonlocal tries
            tries += 1
            if tries == 1:
                raise StoreError("not now")
            return await keys(*args, **kwargs)

        machine.terminal.keys = once_silent  # type: ignore[method-assign]
        sent = await machine.ask("send", agent="t/a", keys=["C-c"], wait=10)
        await machine.until(lambda: machine.terminal.pressed_in(pane) == ["C-c"])
        await machine.until(lambda: machine.world.ledger.fleet.messages[sent["message"]].state == "answered")

    play(story)


def test_a_broken_inbox_of_one_agent_ends_nobody(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        spec = team("t", "a", "b")
        shells = tuple(replace(agent, runner="shell", argv=()) for agent in spec.agents)
        asked = asyncio.create_task(machine.ask("deploy", **request(replace(spec, agents=shells))))
        await machine.until(lambda: len(machine.terminal.opened) == 2)
        broken = machine.world.agent_folder("t/a") / "inbox"
        broken.write_text("")
        await machine.until(lambda: all(machine.agent(f"t/{name}").process for name in ("a", "b")))
        for name in ("a", "b"):
            machine.world.ledger.append([Draft(agent_stream(f"t/{name}"), EventType.AGENT_READY, {"generation": 1})])
        await asked
        first = await machine.ask("send", agent="t/a", text="x")
        assert first["state"] in ("queued", "held")
        assert (await machine.ask("send", agent="t/b", text="x"))["state"] == "typed"
        broken.unlink()
        messages = machine.world.ledger.fleet.messages
        await machine.until(lambda: messages[first["message"]].state == "typed")

    play(story)


# --- readiness and health ---


def test_a_moment_of_silence_does_not_leave_an_agent_starting_for_ever(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        spec = team("t", "a", ready=Probe("log", target="up"))
        await machine.ask("deploy", **request(spec, wait=False))
        await machine.until(lambda: bool(machine.terminal.opened))
        await machine.until(lambda: machine.agent("t/a").process is not None)
        append = machine.log.append
        refused = 0

        def full(some: Any, **kwargs: Any) -> Any:
            nonlocal refused
            if not refused and any(draft.type == EventType.AGENT_READY for draft in some):
                refused += 1
                raise StoreError("the disk is full")
            return append(some, **kwargs)

        machine.log.append = full  # type: ignore[method-assign]
        machine.terminal.prints((await machine.terminal.panes())[0].id, "up")
        await machine.until(machine.is_in("t/a", AgentState.RUNNING))
        assert refused == 1

    play(story)


def test_what_the_process_before_said_does_not_make_the_next_one_ready(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a", ready=Probe("log", target="up")), wait=False))
        await machine.until(lambda: bool(machine.terminal.opened) and machine.agent("t/a").process is not None)
        pane = (await machine.terminal.panes())[0].id
        machine.terminal.prints(pane, "up")
        await machine.until(machine.is_in("t/a", AgentState.RUNNING))
        machine.terminal.agent_ends(pane, 1)
        await machine.until(lambda: machine.agent("t/a").generation == 2)
        await machine.until(machine.is_in("t/a", AgentState.STARTING))
        with pytest.raises(AssertionError, match="not within"):
            await machine.until(machine.is_in("t/a", AgentState.RUNNING), within=0.5)
        machine.terminal.prints(pane, "agentctl: generation 2", "up")
        await machine.until(machine.is_in("t/a", AgentState.RUNNING))

    play(story)


def test_an_agent_that_is_well_again_before_it_was_killed_is_left_alone(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a")))
        stream = agent_stream("t/a")
        observer_looks = 0
        panes = machine.terminal.panes

        async def counted() -> Any:
            nonlocal observer_looks
            observer_looks += 1
            return await panes()

        machine.processes.signal = lambda processes, number: None  # type: ignore[method-assign,assignment]
        machine.world.ledger.append([Draft(stream, EventType.AGENT_UNHEALTHY, {"generation": 1, "evidence": "no"})])
        await machine.clock.sleep(3)
        machine.world.ledger.append([Draft(stream, EventType.AGENT_HEALTHY, {"generation": 1, "evidence": "yes"})])
        await machine.clock.sleep(3)
        machine.terminal.panes = counted  # type: ignore[method-assign]
        await machine.clock.sleep(20)
        assert observer_looks < 20
        assert machine.agent("t/a").state is AgentState.RUNNING

    play(story)


# --- secrets ---


def test_a_secret_that_an_agent_prints_is_in_no_event(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        spec = team(
            "t", "a", ready=Probe("log", target="token"), secrets=(Secret("s", "S", "env", "S"),),
            restart=RestartPolicy(policy="never"),
        )  # fmt: skip
        asked = request(spec, wait=False)
        asked["environment"]["S"] = "hunter2hunter2"
        await machine.ask("deploy", **asked)
        await machine.until(lambda: bool(machine.terminal.opened) and machine.agent("t/a").process is not None)
        pane = (await machine.terminal.panes())[0].id
        machine.terminal.prints(pane, "token hunter2hunter2")
        await machine.until(machine.is_in("t/a", AgentState.RUNNING))
        await machine.kill()
        await machine.start()
        machine.terminal.agent_ends(pane, 1)
        await machine.until(machine.is_in("t/a", AgentState.EXITED))
        assert "hunter2" not in "".join(str(event.data) for event in machine.log.read())

    play(story)


# --- looking ---


def test_a_follower_that_was_too_slow_reads_on(play: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentctl.supervisor.ledger._WAITING_MOST", 3)

    async def story(machine: Machine) -> None:
        ledger = machine.world.ledger
        seen: list[int] = []
        slow = asyncio.Event()

        async def emit(item: Any) -> None:
            seen.append(item["seq"])
            await slow.wait()

        desk = Desk(machine.world, *4 * (None,), asyncio.Event(), asyncio.Event(), *5 * (None,))  # type: ignore[arg-type]
        following = asyncio.create_task(events(Request(desk, Caller(1), {"follow": True}, emit)))
        await machine.until(lambda: bool(seen))
        for _ in range(20):
            ledger.append([Draft("supervisor", EventType.CALL_REFUSED)])
        slow.set()
        await machine.until(lambda: len(seen) == ledger.fleet.seq)
        ledger.append([Draft("supervisor", EventType.CALL_REFUSED)])
        await machine.until(lambda: len(seen) == ledger.fleet.seq)
        assert seen == list(range(1, ledger.fleet.seq + 1))
        following.cancel()

    play(story)


def test_logs_show_what_was_printed_and_what_repeats(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a")))
        pane = (await machine.terminal.panes())[0].id
        machine.terminal.prints(pane, "one", "tick", "tick", "tick")
        shown = await machine.ask("logs", selectors=["t"])
        assert [item["line"] for item in shown["items"]] == ["one", "tick", "tick", "tick"]
        assert [item["line"] for item in (await machine.ask("logs", selectors=["t"], lines=2))["items"]] == ["tick"] * 2

    play(story)


def test_who_waits_for_whom_is_told_quickly_in_a_deep_team() -> None:
    layers, wide = 12, 6
    names = [f"l{layer}-{n}" for layer in range(layers) for n in range(wide)]
    spec = team("t", *names)
    below = [names[max(0, n // wide - 1) * wide : n // wide * wide] for n in range(len(names))]
    agents = tuple(
        replace(agent, depends_on=tuple(map(Dependency, others)))
        for agent, others in zip(spec.agents, below, strict=True)
    )
    fleet = Fleet()
    facts = {"spec": encode(replace(spec, agents=agents))}
    fleet.apply(Event(1, "team:t", 1, EventType.TEAM_DEPLOYED, NOW, "person", "here", facts, ""))
    for agent in agents:
        fleet.agents[agent.id] = Agent(agent.id)
    begun = time.process_time()
    assert waits_in_vain(agents[-1], fleet) == []
    fleet.agents[agents[0].id] = Agent(agents[0].id, AgentState.FATAL)
    assert len(waits_in_vain(agents[-1], fleet)) == wide
    assert time.process_time() - begun < 1


# --- what lies about is deleted ---


def test_a_supervisor_whose_run_folder_is_gone_ends_and_leaves_its_successor_alone(tmp_path: Path) -> None:
    async def main() -> None:
        machine = Machine(tmp_path)
        await machine.start()
        first = machine._task
        assert first is not None
        shutil.rmtree(machine.home.run)
        machine.home.prepare()
        await machine.start()
        await asyncio.wait_for(first, 10)
        assert (await machine.ask("hello"))["agents"] == 0
        await machine.stop()

    asyncio.run(asyncio.wait_for(main(), 30))


def test_running_agents_are_found_again_with_a_new_log(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a")))
        await machine.ask("restart", selectors=["t"])
        await machine.kill()
        machine.log = MemoryLog(host="here", clock=machine.clock.now)
        await machine.start()
        result = await machine.ask("deploy", **request(team("t", "a")))
        assert result["ready"] == ["t/a"]
        assert machine.agent("t/a").generation == 2
        assert len(machine.terminal.opened) == 2

    play(story)


def test_a_snapshot_that_cannot_be_kept_is_no_failure_of_the_events(
    play: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentctl.supervisor.ledger._SNAPSHOT_EVERY", 1)

    async def story(machine: Machine) -> None:
        def full(_: object) -> None:
            raise StoreError("the disk is full")

        machine.log.save_snapshot = full  # type: ignore[method-assign]
        assert machine.world.ledger.append([Draft("supervisor", EventType.CALL_REFUSED)])
        await machine.ask("deploy", **request(team("t", "a")))

    play(story)


def test_a_grace_that_is_no_time_is_refused(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a")))
        for grace in (float("nan"), float("inf"), -1.0, 1e300):
            with pytest.raises(Exception, match="grace"):
                await machine.ask("stop", selectors=["t"], grace=grace)
        assert machine.agent("t/a").state is AgentState.RUNNING

    play(story)
