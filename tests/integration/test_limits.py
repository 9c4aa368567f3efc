"""Stories of agents that take too much, and of a machine that is short: what is held, what is said, who comes back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agentctl.domain.agent import AgentState, Identity, MemoryStep, PauseCause
from agentctl.domain.errors import Refused
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.message import MessageState
from agentctl.domain.names import AgentId
from agentctl.domain.resources import Brake, Level, Load, Round, Sample
from agentctl.domain.team import Limits, RestartPolicy, TeamSpec
from agentctl.engine.machine import Bounds
from agentctl.supervisor.ledger import Ledger
from tests.integration.machine import Machine, request, team
from tests.integration.test_speaking_races import AGENT, Talk

Story = Callable[[Machine], Awaitable[None]]
MIB, GIB = 2**20, 2**30
PLENTY = 6 * GIB


def sample(name: str, memory: float = 100, **facts: Any) -> Sample:
    """Return what was seen of `t/NAME`, which holds so many MiB."""
    plain = Sample(AgentId(f"t/{name}"), 10.0, 1.0, int(memory * MIB), "pss", 5, 0.0, 0.0, Level.SIGNALS)
    return replace(plain, **facts)


async def see(machine: Machine, *samples: Sample, available: int = PLENTY, rounds: int = 1) -> None:
    """Have the governor see *samples* in so many rounds, a second apart."""
    for _ in range(rounds):
        await machine.clock.sleep(1.0)
        load = Load(2, 50.0, 8 * GIB, available)
        machine.governor.sees(Round(machine.clock.now(), 1.0, samples, load))
    await machine.clock.sleep(0.1)


@contextlib.asynccontextmanager
async def watching(machine: Machine, *samples: Sample, available: int = PLENTY) -> AsyncIterator[None]:
    """Have the governor see *samples* again and again: the clock jumps while a request is on its way."""

    async def watch() -> None:
        while True:
            await see(machine, *samples, available=available)

    task = asyncio.create_task(watch())
    try:
        await see(machine, *samples, available=available)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def data(machine: Machine, kind: EventType, stream: str = "agent:t/a") -> list[dict[str, Any]]:
    return [event.data for event in machine.log.read(stream=stream) if event.type == kind]


def steps(machine: Machine) -> list[str]:
    return [facts["step"] for facts in data(machine, EventType.AGENT_MEMORY)]


def limited(spec: TeamSpec, limits: Limits) -> TeamSpec:
    return replace(spec, agents=tuple(replace(one, limits=limits) for one in spec.agents))


def leash(machine: Machine, name: str) -> Any:
    return machine.governor.leashes.get(AgentId(f"t/{name}"))


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Callable[[Callable[[Talk], Awaitable[None]]], None]]:
    """Play a story with one coding agent that takes messages by typing."""

    def run(story: Callable[[Talk], Awaitable[None]]) -> None:
        async def main() -> None:
            machine = Talk(tmp_path)
            await machine.start()
            await machine.deploy()
            await story(machine)
            await machine.stop()
            assert not [event.data for event in machine.log.read() if event.type == EventType.UNIT_CRASHED]
            Ledger(machine.log)

        asyncio.run(asyncio.wait_for(main(), 30))

    return run


# --- leashes ---


def test_what_runs_is_held_to_its_limits_and_what_ends_runs_free(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(limited(team("t", "a"), Limits(40, 256 * MIB, processes=99))))
        await machine.until(lambda: leash(machine, "a") is not None)
        held = leash(machine, "a")
        assert (held.root, held.cpu_percent, held.memory_bytes, held.processes) == (
            machine.agent("t/a").process, 40, 256 * MIB, 99,
        )  # fmt: skip
        assert not held.paused
        assert not held.released
        assert machine.governor.spared == [machine.terminal.server()]
        await machine.ask("stop", selectors=["t"])
        await machine.until(lambda: leash(machine, "a") is None)

    play(story)


def test_who_is_only_to_be_warned_is_not_braked(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(limited(team("t", "a"), Limits(on_exceed="throttle"))))
        await machine.until(lambda: leash(machine, "a") is not None)
        assert leash(machine, "a").memory_bytes is not None  # so that it is told exactly
        assert not leash(machine, "a").memory_brake
        await see(machine, sample("a", 700), rounds=3)
        assert machine.agent("t/a").memory_step is MemoryStep.THROTTLED
        await machine.until(lambda: leash(machine, "a").cpu_percent == 25)
        await see(machine, sample("a", 700), rounds=90)
        assert machine.agent("t/a").generation == 1

    play(story)


def test_other_limits_apply_without_a_restart(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a")))
        result = await machine.ask("deploy", **request(limited(team("t", "a"), Limits(20, GIB))))
        assert result["plan"]["counts"]["change"] == 1
        await machine.until(lambda: leash(machine, "a").cpu_percent == 20)
        assert leash(machine, "a").memory_bytes == GIB
        assert machine.agent("t/a").generation == 1
        await see(machine, sample("a", 600))
        assert steps(machine) == []

    play(story)


def test_what_is_seen_stands_in_the_rows_and_is_unknown_before(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a")))
        (row,) = (await machine.ask("ps"))["agents"]
        assert (row["cpu_percent"], row["memory_bytes"], row["level"]) == (None, None, None)
        async with watching(machine, sample("a", 200, throttled_percent=12.0)):
            (row,) = (await machine.ask("ps"))["agents"]
        assert (row["memory_bytes"], row["memory_kind"], row["processes"]) == (200 * MIB, "pss", 5)
        assert (row["level"], row["throttled_percent"], row["memory_step"]) == ("signals", 12.0, "ok")
        assert (row["paused"], row["brake"], row["priority"]) == (None, None, 5)
        await machine.clock.sleep(60)
        (row,) = (await machine.ask("ps"))["agents"]
        assert row["cpu_percent"] is None

    play(story)


# --- memory ---


def test_growing_memory_is_told_and_ends_in_a_restart_that_loses_nothing(
    talk: Callable[[Callable[[Talk], Awaitable[None]]], None],
) -> None:
    async def story(machine: Talk) -> None:
        conversation = machine.agent(AGENT).session
        await see(machine, sample("a", 410))
        await see(machine, sample("a", 470))
        await machine.until(lambda: len(machine.bodies()) == 1)
        assert "You take 470MiB of memory" in machine.bodies()[0]
        assert "your conversation goes on" in machine.bodies()[0]
        await see(machine, sample("a", 515), rounds=3)
        assert steps(machine) == ["warned", "told", "throttled"]
        await see(machine, sample("a", 570))
        assert steps(machine)[3:] == ["restarted"]
        machine.queue("aaaaaaaa", "go on with the tests")
        await machine.until(lambda: machine.agent(AGENT).generation == 2 and machine.agent(AGENT).process is not None)
        machine.window.prompts, machine.window.composer = [], ""
        machine.window.stands(machine.pane)
        await machine.until(lambda: len(machine.bodies()) == 2)
        (why,) = (body for body in machine.bodies() if body != "go on with the tests")
        assert "ran out of memory (it took more memory than it may: 570MiB of 512MiB (111%, pss))" in why
        assert "Your conversation goes on" in why
        assert "go on with the tests" in machine.bodies()
        agent = machine.agent(AGENT)
        assert (agent.session, agent.resumed, agent.restarts, len(agent.failures)) == (conversation, True, 1, 1)
        assert agent.memory_step is MemoryStep.OK

    talk(story)


def test_an_agent_that_goes_up_and_down_is_told_once(
    talk: Callable[[Callable[[Talk], Awaitable[None]]], None],
) -> None:
    async def story(machine: Talk) -> None:
        for _ in range(3):
            await see(machine, sample("a", 470))
            await see(machine, sample("a", 100), rounds=40)
        assert steps(machine) == ["told", "ok"] * 3
        assert len([m for m in machine.world.ledger.fleet.of(AGENT) if m.kind == "limit"]) == 1

    talk(story)


def test_who_cannot_fit_is_given_up_and_a_person_is_told(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a", restart=RestartPolicy("never", most=3))))
        for generation in range(1, 5):
            await machine.until(lambda g=generation: leash(machine, "a") is not None and (  # type: ignore[misc]
                machine.agent("t/a").generation == g and machine.agent("t/a").state is AgentState.RUNNING))  # fmt: skip
            await machine.clock.sleep(1.0)
            await see(machine, sample("a", 600))
            await machine.until(lambda g=generation: machine.events("agent:t/a").count("AgentStopped") == g)  # type: ignore[misc]
        await machine.until(machine.is_in("t/a", AgentState.FATAL))
        evidence = machine.agent("t/a").evidence
        assert evidence.startswith("it failed 4 times in 60 min: it took more memory than it may: 600MiB of 512MiB")

    play(story)


def test_failures_are_forgotten_when_it_ran_well_for_long(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask(
            "deploy", **request(team("t", "a", restart=RestartPolicy(most=1, well_after=timedelta(seconds=60))))
        )
        for generation in range(1, 5):
            await machine.until(lambda g=generation: machine.agent("t/a").generation == g and (  # type: ignore[misc]
                machine.agent("t/a").state is AgentState.RUNNING))  # fmt: skip
            await machine.clock.sleep(70)
            await see(machine, sample("a", 600))
        await machine.until(lambda: machine.agent("t/a").generation == 5)
        assert len(machine.agent("t/a").failures) == 1

    play(story)


def test_stop_means_that_it_is_not_started_again(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(limited(team("t", "a"), Limits(on_exceed="stop"))))
        await see(machine, sample("a", 600))
        await machine.until(machine.is_in("t/a", AgentState.STOPPED))
        await machine.clock.sleep(600)
        assert machine.agent("t/a").generation == 1
        (row,) = (await machine.ask("ps"))["agents"]
        assert "it is not started again" in row["evidence"]
        assert row["attention"] == 2

    play(story)


def test_what_grows_on_while_it_ends_is_killed_and_comes_back_all_the_same(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a")))
        process = machine.agent("t/a").process
        stubborn = machine.spawn(agent=AgentId("t/a"), parent=process, ignores={15})
        await see(machine, sample("a", 570, brake=Brake.MEMORY))
        assert data(machine, EventType.AGENT_BRAKED)[0]["brake"] == "memory"
        await machine.until(lambda: leash(machine, "a") is not None and leash(machine, "a").released)
        assert machine.agent("t/a").state is AgentState.STOPPING
        await see(machine, sample("a", 575))
        machine.governor.sees(Round(machine.clock.now(), 1.0, (sample("a", 620),), Load(2, 0.0, 8 * GIB, PLENTY)))
        await machine.until(lambda: machine.agent("t/a").generation == 2)
        assert (stubborn, 9) in machine.processes.received
        assert steps(machine)[-1:] == ["killed"]

    play(story)


def test_far_above_its_limit_it_is_killed_at_once(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a")))
        process = machine.agent("t/a").process
        await see(machine, sample("a", 700))
        await machine.until(lambda: machine.agent("t/a").generation == 2)
        assert steps(machine) == ["killed"]
        assert (process, 9) in machine.processes.received
        assert (process, 15) not in machine.processes.received
        assert "700MiB of 512MiB" in data(machine, EventType.AGENT_STOPPING)[0]["reason"]

    play(story)


def test_a_supervisor_that_dies_meanwhile_goes_through_with_it(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a")))
        facts = {"generation": 1, "reason": "it took too much", "again": True, "ending": "memory", "well": False}
        machine.world.ledger.append([Draft("agent:t/a", EventType.AGENT_STOPPING, facts)])
        await machine.kill()
        await machine.start()
        await machine.until(lambda: machine.agent("t/a").generation == 2)
        assert len(machine.agent("t/a").failures) == 1

    play(story)


# --- processes ---


def test_a_fork_bomb_is_ended_at_once_with_the_reason_in_words(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a")))
        process = machine.agent("t/a").process
        bomb = [machine.spawn(agent=AgentId("t/a"), parent=process, ignores={15}) for _ in range(20)]
        await see(machine, sample("a", processes=1893, brake=Brake.PROCESSES))
        await machine.until(lambda: data(machine, EventType.AGENT_EXITED) != [])
        (ended,) = data(machine, EventType.AGENT_EXITED)
        assert ended["reason"] == "it ran 1,893 processes at once, 512 are allowed: its tree was ended"
        assert ended["ending"] == "crash"
        assert not any(machine.processes.alive(one) for one in bomb)
        await machine.until(lambda: machine.agent("t/a").generation == 2)
        assert len(machine.agent("t/a").failures) == 1
        assert len(data(machine, EventType.AGENT_BRAKED)) == 1

    play(story)


def test_a_tree_that_forks_while_it_is_killed_leaves_nothing(
    play: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a")))
        shim = machine.agent("t/a").process
        bomb = [machine.spawn(agent=AgentId("t/a"), parent=shim, ignores={15})]
        send = machine.processes.signal

        def forks_meanwhile(targets: Collection[Identity], number: int) -> int:
            """Fork once more between the look and the signal, as long as anything runs that can."""
            running = [one for one in bomb if machine.processes.alive(one) and not machine.processes.is_stopped(one)]
            if running and len(bomb) < 5:
                bomb.append(machine.spawn(parent=running[-1], ignores={15}))
            return send(targets, number)

        monkeypatch.setattr(machine.processes, "signal", forks_meanwhile)
        await see(machine, sample("a", processes=600, brake=Brake.PROCESSES))
        await machine.until(lambda: data(machine, EventType.AGENT_EXITED) != [])
        assert len(bomb) == 5
        assert not any(machine.processes.alive(one) for one in bomb)
        assert (shim, 19) not in machine.processes.received

    play(story)


# --- the machine ---


def test_agents_that_want_more_than_there_is_share_it_and_get_their_own_back(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        spec = limited(team("t", "a", "b", "c"), Limits(100))
        await machine.ask("deploy", **request(spec))
        busy = [sample(name, cpu_percent=100.0) for name in "abc"]
        await see(machine, *busy)
        await machine.until(lambda: leash(machine, "a").cpu_percent == pytest.approx(40))
        held = [replace(one, cpu_percent=40.0, throttled_percent=60.0) for one in busy]
        await see(machine, *held, rounds=3)
        assert data(machine, EventType.MACHINE_PRESSED, "supervisor") == [
            {"what": "cpu", "evidence": "agents want 300% of a core and may take 120% together"}
        ]
        assert leash(machine, "a").cpu_percent == pytest.approx(40)
        await see(machine, *(sample(name, cpu_percent=10.0) for name in "abc"), rounds=15)
        assert leash(machine, "a").cpu_percent == 100
        assert len(data(machine, EventType.MACHINE_EASED, "supervisor")) == 1

    play(story)


def priorities(spec: TeamSpec, *numbers: int) -> TeamSpec:
    return replace(spec, agents=tuple(replace(one, priority=n) for one, n in zip(spec.agents, numbers, strict=True)))


def test_when_memory_is_short_the_least_important_stands_still_until_there_is_enough(
    play: Callable[[Story], None],
) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(priorities(team("t", "a", "b"), 1, 9)))
        both = sample("a"), sample("b")
        await see(machine, *both, available=500 * MIB, rounds=2)
        assert machine.agent("t/a").paused is None
        await see(machine, *both, available=500 * MIB)
        assert machine.agent("t/a").paused is PauseCause.PRESSURE
        assert machine.agent("t/b").paused is None
        await machine.until(lambda: leash(machine, "a").paused)
        assert not leash(machine, "b").paused
        reason = machine.agent("t/a").pause_reason
        assert reason == "the machine is short of memory: 500MiB are left and 819MiB are to stay free"
        await see(machine, *both, available=500 * MIB, rounds=30)
        assert machine.agent("t/b").paused is None
        await see(machine, *both, rounds=9)
        assert machine.agent("t/a").paused is PauseCause.PRESSURE
        await see(machine, *both, rounds=5)
        assert machine.agent("t/a").paused is None
        await machine.until(lambda: not leash(machine, "a").paused)
        assert [facts["what"] for facts in data(machine, EventType.MACHINE_EASED, "supervisor")] == ["memory"]

    play(story)


def test_under_lasting_pressure_agents_take_turns(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(priorities(team("t", "a", "b"), 1, 9)))
        await see(machine, sample("a"), sample("b"), available=500 * MIB, rounds=70)
        assert machine.agent("t/a").paused is None
        assert machine.agent("t/b").paused is PauseCause.PRESSURE
        await see(machine, sample("a"), sample("b"), available=500 * MIB, rounds=60)
        assert machine.agent("t/a").paused is PauseCause.PRESSURE

    play(story)


def test_who_is_let_go_on_by_a_person_is_let_run_for_a_while(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(priorities(team("t", "a", "b"), 1, 9)))
        short = {"available": 500 * MIB}
        await see(machine, sample("a"), sample("b"), rounds=3, **short)
        assert machine.agent("t/a").paused is PauseCause.PRESSURE
        resumed = {"cause": "pressure", "reason": "a person said so"}
        machine.world.ledger.append([Draft("agent:t/a", EventType.AGENT_RESUMED, resumed)])
        await see(machine, sample("a"), sample("b"), rounds=20, **short)
        assert machine.agent("t/a").paused is None
        assert machine.agent("t/b").paused is PauseCause.PRESSURE

    play(story)


def test_a_paused_agent_gets_no_messages_and_no_answers_and_does_not_count_as_hung(
    talk: Callable[[Callable[[Talk], Awaitable[None]]], None],
) -> None:
    async def story(machine: Talk) -> None:
        paused = {"cause": "pressure", "reason": "the machine is short of memory"}
        machine.world.ledger.append([Draft(agent_stream(AGENT), EventType.AGENT_PAUSED, paused)])
        machine.queue("aaaaaaaa", "first")
        await machine.until(lambda: machine.state("aaaaaaaa") is MessageState.HELD)
        held = machine.world.ledger.fleet.messages["aaaaaaaa"]
        assert held.reason == "it is paused: the machine is short of memory"
        working = {"generation": 1, "evidence": "screen", "source": "screen"}
        machine.world.ledger.append([Draft(agent_stream(AGENT), EventType.AGENT_BUSY, working)])
        await machine.clock.sleep(1000)
        assert machine.agent(AGENT).activity.value == "working"
        assert machine.agent(AGENT).unwell == ""
        with pytest.raises(Refused, match="is paused: the machine is short of memory"):
            await machine.ask("answer", agent="t/a", choice="1")
        resumed = {"cause": "pressure", "reason": "there is memory again"}
        machine.world.ledger.append([Draft(agent_stream(AGENT), EventType.AGENT_RESUMED, resumed)])
        await machine.until(lambda: machine.bodies() == ["first"])

    talk(story)


def test_an_agent_that_ends_while_it_stands_still_is_not_paused_any_more(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(priorities(team("t", "a", "b"), 1, 9)))
        await see(machine, sample("a"), sample("b"), available=500 * MIB, rounds=3)
        await machine.until(lambda: leash(machine, "a").paused)
        machine.terminal.agent_ends(machine.agent("t/a").pane, 137)
        await machine.until(lambda: machine.agent("t/a").generation == 2)
        assert machine.agent("t/a").paused is None

    play(story)


def test_a_new_supervisor_goes_on_where_the_last_one_was_killed(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(priorities(team("t", "a", "b"), 1, 9)))
        await see(machine, sample("a"), sample("b"), available=500 * MIB, rounds=3)
        await machine.until(lambda: leash(machine, "a").paused)
        await machine.kill()
        machine.governor.leashes = {}
        await machine.start()
        await machine.until(lambda: leash(machine, "a") is not None and leash(machine, "a").paused)
        await see(machine, sample("a"), sample("b"), rounds=14)
        assert machine.agent("t/a").paused is None

    play(story)


# --- who may be started ---


def test_who_finds_no_room_waits_and_says_why_and_comes_when_there_is(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.kill()
        machine.bounds = Bounds(agents=2)
        await machine.start()
        result = await machine.ask("deploy", **request(priorities(team("t", "a", "b", "c"), 5, 1, 9)))
        assert sorted(result["ready"]) == ["t/a", "t/c"]
        assert result["waiting"] == ["t/b"]
        assert result["failed"] == []
        assert result["kept_back"] == [{"agent": "t/b", "reason": "2 of at most 2 agents run"}]
        assert not result["timed_out"]
        row = next(row for row in (await machine.ask("ps"))["agents"] if row["agent"] == "t/b")
        assert (row["state"], row["evidence"]) == ("pending", "2 of at most 2 agents run")
        await machine.ask("stop", selectors=["t/c"])
        await machine.until(machine.is_in("t/b", AgentState.RUNNING))

    play(story)


def test_nobody_is_started_while_memory_is_short(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a")))
        async with watching(machine, sample("a"), available=500 * MIB):
            result = await machine.ask("deploy", **request(team("u", "b")))
        assert result["kept_back"] == [
            {"agent": "u/b", "reason": "memory: 500MiB are left and 819MiB are to stay free"}
        ]
        await see(machine, sample("a"))
        await machine.until(machine.is_in("u/b", AgentState.RUNNING))

    play(story)


# --- the governor ---


def test_a_governor_that_ends_is_followed_by_another_and_limits_are_in_force_again(tmp_path: Path) -> None:
    async def main() -> None:
        machine = Machine(tmp_path)
        await machine.start()
        await machine.ask("deploy", **request(priorities(team("t", "a", "b"), 1, 9)))
        await see(machine, sample("a"), sample("b"), available=500 * MIB, rounds=3)
        await machine.until(lambda: leash(machine, "a").paused)
        machine.governor.fails = 3
        begun = machine.clock.monotonic()
        machine.governor.dies()
        await machine.until(lambda: machine.governor.started == 5)
        await machine.until(lambda: leash(machine, "a") is not None)
        assert machine.agent("t/a").paused is None
        crashes = data(machine, EventType.UNIT_CRASHED, "supervisor")
        assert crashes == [{"unit": "governor", "error": "Unreachable: the governor has ended"}]
        assert machine.clock.monotonic() - begun < 60
        await see(machine, sample("a", 410), sample("b"))
        assert machine.agent("t/a").memory_step is MemoryStep.WARNED
        assert set(machine.states().values()) == {"running"}
        await machine.stop()

    asyncio.run(asyncio.wait_for(main(), 30))


def test_a_fault_of_ours_in_one_round_does_not_end_the_watching(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        machine = Machine(tmp_path)
        await machine.start()
        await machine.ask("deploy", **request(team("t", "a")))
        with monkeypatch.context() as broken:
            broken.setattr("agentctl.supervisor.memory.step_of", lambda _: 1 / 0)
            await see(machine, sample("a", 410), rounds=3)
        assert [facts["unit"] for facts in data(machine, EventType.UNIT_CRASHED, "supervisor")] == ["limits"]
        await see(machine, sample("a", 410))
        assert machine.agent("t/a").memory_step is MemoryStep.WARNED
        await machine.stop()

    asyncio.run(asyncio.wait_for(main(), 30))
