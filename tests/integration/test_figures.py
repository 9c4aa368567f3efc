"""What the governor sees comes out of the verbs `monitor` and `samples`, and is still there after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from agentctl.domain.agent import AgentState
from agentctl.domain.errors import NotFound, UsageError
from agentctl.domain.names import AgentId
from agentctl.domain.resources import Level, Load, Round, Sample
from agentctl.store.samples import SqliteSamples
from agentctl.supervisor.requests import figures
from tests.integration.machine import Machine, request, team

Story = Callable[[Machine], Awaitable[None]]
Play = Callable[[Story], None]


async def deployed(machine: Machine) -> None:
    await machine.ask("deploy", **request(team("t", "a", "b")))
    await machine.until(machine.is_in("t/a", AgentState.RUNNING))
    await machine.until(machine.is_in("t/b", AgentState.RUNNING))


async def see(machine: Machine, rounds: int, **cpu: float) -> None:
    """Have the governor see so many rounds, a second apart."""
    for _ in range(rounds):
        await machine.clock.sleep(1.0)
        samples = tuple(
            Sample(AgentId(f"t/{name}"), share, 1.0, 100 * 2**20, "pss", 3, 20.0, 0.1, Level.SIGNALS)
            for name, share in cpu.items()
        )
        machine.governor.sees(Round(machine.clock.now(), 1.0, samples, Load(2, 80.0, 8 * 2**30, 6 * 2**30)))
        await machine.clock.sleep(0.01)


async def fresh(machine: Machine, **cpu: float) -> Any:
    """Return what `monitor` answers right after a round; old figures are not told."""
    await see(machine, 1, **cpu)
    return await machine.ask("monitor")


def test_monitor_is_ps_with_the_last_minute_and_the_machine(play: Play) -> None:
    async def story(machine: Machine) -> None:
        await deployed(machine)
        await see(machine, 3, a=40.0)
        await see(machine, 2, a=50.0, b=5.0)
        answer = await machine.ask("monitor")
        rows = {row["name"]: row for row in answer["agents"]}
        both = zip(*(rows[name]["recent"]["cpu_percent"] for name in ("a", "b")), strict=True)
        assert list(both) == [(40.0, None)] * 3 + [(50.0, 5.0)] * 2
        assert 100 * 2**20 in rows["b"]["recent"]["memory_bytes"]
        answer = await fresh(machine, a=50.0, b=5.0)
        rows = {row["name"]: row for row in answer["agents"]}
        assert (rows["a"]["cpu_percent"], rows["a"]["level"], rows["a"]["task"]) == (50.0, "signals", "")
        assert rows["a"].keys() - {"recent"} == (await machine.ask("ps"))["agents"][0].keys()
        told = answer["machine"]
        assert (told["cores"], told["agents_cpu_percent"], told["band_percent"]) == (2, 55.0, 120.0)
        assert told["reserve_bytes"] == int(0.1 * 8 * 2**30)

    play(story)


def test_monitor_gives_as_much_of_the_past_as_is_asked(play: Play) -> None:
    async def story(machine: Machine) -> None:
        await deployed(machine)
        await see(machine, 5, a=1.0)
        for asked, given in ((0, 0), (2, 2), (1000, 5), (-1, 0)):
            answer = await machine.ask("monitor", selectors=["t/a"], recent=asked)
            (row,) = answer["agents"]
            assert len(row["recent"]["cpu_percent"]) == given
        with pytest.raises(NotFound):
            await machine.ask("monitor", selectors=["nobody"])

    play(story)


def test_a_machine_that_nobody_looks_at_is_not_known(play: Play) -> None:
    async def story(machine: Machine) -> None:
        await deployed(machine)
        assert (await machine.ask("monitor"))["machine"] is None
        assert (await fresh(machine, a=1.0))["machine"] is not None
        await machine.clock.sleep(30)
        answer = await machine.ask("monitor")
        assert answer["machine"] is None
        assert all(row["cpu_percent"] is None for row in answer["agents"])

    play(story)


def test_samples_are_rows_of_the_resolution_that_is_asked_for(play: Play) -> None:
    async def story(machine: Machine) -> None:
        await deployed(machine)
        await see(machine, 70, a=40.0, b=5.0)
        few = (await machine.ask("samples", selectors=["t/a"], since=20, resolution="second"))["rows"]
        assert len(few) in (20, 21)  # the second in which it begins is part of it
        seconds = (await machine.ask("samples", selectors=["t/a"], since=1800, resolution="second"))["rows"]
        assert {row["agent"] for row in seconds} == {"t/a"}
        assert 69 <= len(seconds) <= 71
        assert seconds == sorted(seconds, key=lambda row: row["at"])
        minutes = (await machine.ask("samples", since=600))["rows"]
        assert {(row["agent"], row["cpu_percent"]) for row in minutes} == {("t/a", 40.0), ("t/b", 5.0)}
        assert sum(row["seconds"] for row in minutes) == 140.0
        (hour,) = (await machine.ask("samples", selectors=["t/b"], since=0, resolution="hour"))["rows"]
        assert (hour["seconds"], hour["throttled_percent"], hour["longest_stop"]) == (70.0, 20.0, 0.1)

    play(story)


def test_what_makes_no_sense_is_refused(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(machine: Machine) -> None:
        await deployed(machine)
        await see(machine, 12, a=1.0)
        for args in ({"resolution": "week"}, {"resolution": 5}, {"since": -1}, {"since": "1h"}, {"selectors": "t/a"}):
            with pytest.raises(UsageError):
                await machine.ask("samples", **args)
        monkeypatch.setattr(figures, "_ROWS_MOST", 10)
        with pytest.raises(UsageError, match="more than 10 rows"):
            await machine.ask("samples", since=3600, resolution="second")

    play(story)


def test_a_supervisor_that_starts_again_goes_on_with_what_was_written(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = Machine._new_world
    monkeypatch.setattr(
        Machine, "_new_world", lambda self: replace(fresh(self), samples=SqliteSamples(self.home.samples))
    )

    async def story(machine: Machine) -> None:
        await deployed(machine)
        await see(machine, 30, a=40.0)
        await machine.stop()
        await machine.start()
        await machine.until(machine.is_in("t/a", AgentState.RUNNING))
        await see(machine, 30, a=40.0)
        rows = (await machine.ask("samples", selectors=["t/a"], since=7200, resolution="hour"))["rows"]
        assert sum(row["seconds"] for row in rows) == 60.0
        await machine.kill()
        machine.home.samples.write_bytes(b"this is no database" * 1000)
        await machine.start()
        await see(machine, 12, a=40.0)
        await asyncio.sleep(0.05)
        rows = (await machine.ask("samples", selectors=["t/a"], since=7200, resolution="hour"))["rows"]
        assert sum(row["seconds"] for row in rows) == 12.0
        assert machine.home.samples.with_name("samples.db.aside-1").exists()

    play(story)
