"""Whatever happens, in whatever order: no agent runs twice, no generation starts twice, and a deploy makes all well."""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentctl.domain.agent import ALIVE
from agentctl.domain.errors import AgentctlError
from agentctl.domain.events import EventType
from agentctl.domain.names import AgentId
from agentctl.views.fleet import Fleet
from tests.integration.machine import Machine, request, team

AGENTS = ("a", "b", "c")
SPEC = team("t", *AGENTS)


async def deploy(machine: Machine, _: random.Random) -> None:
    await machine.ask("deploy", **request(SPEC, wait=False))


async def stop_one(machine: Machine, rng: random.Random) -> None:
    await machine.ask("stop", selectors=[f"t/{rng.choice(AGENTS)}"])


async def restart_all(machine: Machine, _: random.Random) -> None:
    await machine.ask("restart", selectors=["t"], wait=False)


async def agent_ends(machine: Machine, rng: random.Random) -> None:
    panes = [pane for pane in await machine.terminal.panes() if not pane.dead]
    if panes:
        machine.terminal.agent_ends(rng.choice(panes).id, rng.choice([0, 1, 137]))


async def person_closes(machine: Machine, rng: random.Random) -> None:
    panes = await machine.terminal.panes()
    if panes:
        machine.terminal.person_closes(rng.choice(panes).id)


async def person_renames(machine: Machine, rng: random.Random) -> None:
    panes = await machine.terminal.panes()
    if panes:
        machine.terminal.person_renames(rng.choice(panes).id, "mine")


async def marks_are_lost(machine: Machine, rng: random.Random) -> None:
    panes = await machine.terminal.panes()
    if panes:
        machine.terminal.marks_are_lost(rng.choice(panes).id)


async def server_dies(machine: Machine, _: random.Random) -> None:
    machine.terminal.server_dies()


async def supervisor_is_killed(machine: Machine, rng: random.Random) -> None:
    for _ in range(rng.randrange(40)):
        await asyncio.sleep(0)
    await machine.kill()
    await machine.start()


async def tmux_is_frozen_for_a_while(machine: Machine, _: random.Random) -> None:
    machine.terminal.freeze()
    await machine.clock.sleep(5)
    machine.terminal.freeze(frozen=False)


async def time_passes(machine: Machine, rng: random.Random) -> None:
    await machine.clock.sleep(rng.choice([0.1, 1, 30, 700]))


DEEDS: list[Callable[[Machine, random.Random], Awaitable[None]]] = [
    deploy,
    stop_one,
    restart_all,
    agent_ends,
    person_closes,
    person_renames,
    marks_are_lost,
    server_dies,
    supervisor_is_killed,
    tmux_is_frozen_for_a_while,
    time_passes,
]


async def check(machine: Machine) -> None:
    living = Counter(pane.agent for pane in await machine.terminal.panes() if not pane.dead)
    assert all(number == 1 for number in living.values()), f"an agent runs twice: {living}"
    starts = Counter((opening.agent, opening.generation) for opening in machine.terminal.opened)
    assert all(number == 1 for number in starts.values()), f"a generation started twice: {starts}"
    crashes = [event.data for event in machine.log.read() if event.type == EventType.UNIT_CRASHED]
    assert not crashes
    assert machine.log.verify() == []


async def play(history: list[tuple[int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(Path(folder))
        await machine.start()
        for deed, seed in history:
            try:
                await DEEDS[deed](machine, random.Random(seed))
            except AgentctlError as error:
                if error.exit_code not in (4, 5, 9):
                    raise
            await check(machine)
        await machine.clock.sleep(400)
        await machine.ask("deploy", **request(SPEC))
        await machine.until(lambda: set(machine.states().values()) == {"running"})
        await check(machine)
        fleet = Fleet()
        fleet.apply_all(machine.log.read())
        assert fleet == machine.world.ledger.fleet
        assert all(fleet.agents[AgentId(f"t/{name}")].state in ALIVE for name in AGENTS)
        await machine.stop()


HISTORIES = 500 if os.environ.get("AGENTCTL_CAMPAIGN") == "full" else 30
histories = st.lists(st.tuples(st.integers(0, len(DEEDS) - 1), st.integers(0, 2**16)), max_size=12)


@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories)
def test_any_history_ends_well(history: list[tuple[int, int]]) -> None:
    asyncio.run(asyncio.wait_for(play([(0, 0), *history]), 60))


@pytest.mark.parametrize("deed", range(len(DEEDS)), ids=[deed.__name__ for deed in DEEDS])
def test_a_supervisor_killed_right_after_each_deed(deed: int) -> None:
    killed = DEEDS.index(supervisor_is_killed)
    asyncio.run(asyncio.wait_for(play([(0, 0), (deed, 1), (killed, 5), (deed, 2), (killed, 11)]), 60))
