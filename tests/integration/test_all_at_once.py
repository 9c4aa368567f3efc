"""Requests come whenever they like, also while the loop waits for a slow tmux: nothing asked for breaks a rule."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentctl.domain.errors import NotFound, Refused, SupervisorUnreachable, TerminalError
from agentctl.domain.events import EventType
from agentctl.views.fleet import Fleet
from tests.integration.machine import Machine, request, team

AGENTS = ("a", "b", "c")
SPECS = (team("t", *AGENTS), team("t", "a", "b"), replace(team("t", *AGENTS, env={"X": "1"}), layout="leave"))
SLOW = ("panes", "open", "close", "arrange", "screen", "type", "keys")


def make_slow(machine: Machine, rng: random.Random) -> None:
    """Have each answer of the terminal take a while, before and after it does what it was asked."""

    def slow(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            for _ in range(rng.choice((0, 0, 1, 5, 60))):
                await asyncio.sleep(0)
            answer = await method(*args, **kwargs)
            for _ in range(rng.choice((0, 0, 1, 5, 60))):
                await asyncio.sleep(0)
            return answer

        return wrapped

    for name in SLOW:
        setattr(machine.terminal, name, slow(getattr(machine.terminal, name)))


async def ask(machine: Machine, rng: random.Random) -> None:
    one = f"t/{rng.choice(AGENTS)}"
    verb, args = rng.choice(
        (
            ("deploy", request(rng.choice(SPECS), wait=False)),
            ("stop", {"selectors": [one]}),
            ("stop-all", {}),
            ("restart", {"selectors": [one], "wait": False}),
            ("reset", {"team": "t"}),
            ("send", {"agent": one, "keys": ["C-c"]}),
            ("peek", {"agent": one}),
        )
    )
    with contextlib.suppress(NotFound, Refused, SupervisorUnreachable, TerminalError):
        await machine.ask(verb, **args)


async def the_world_moves(machine: Machine, rng: random.Random) -> None:
    terminal = machine.terminal
    panes = [window.pane for window in terminal._windows if window.pane is not None]
    living = [pane for pane in panes if not pane.dead]
    match rng.randrange(6):
        case 0 if panes:
            terminal.person_closes(rng.choice(panes).id)
        case 1 if panes:
            terminal.person_renames(rng.choice(panes).id, "mine")
        case 2:
            terminal.server_dies()
        case _ if living:
            terminal.agent_ends(rng.choice(living).id, rng.choice((0, 1)))


@pytest.mark.parametrize("seed", range(30))
def test_requests_in_the_middle_of_everything(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        rng = random.Random(seed)
        with tempfile.TemporaryDirectory() as folder:
            machine = Machine(Path(folder))
            await machine.start()
            await machine.ask("deploy", **request(SPECS[0]))
            make_slow(machine, rng)
            asked = []
            for _ in range(30):
                if rng.random() < 0.6:
                    asked.append(asyncio.create_task(ask(machine, rng)))
                else:
                    await the_world_moves(machine, rng)
                for _ in range(rng.randrange(200)):
                    await asyncio.sleep(0)
            await asyncio.gather(*asked)
            for _ in range(2):  # one that ended well just before the first is seen after it, and stays so by its policy
                await machine.ask("deploy", **request(SPECS[0]))
                await machine.clock.sleep(60)
            await machine.until(lambda: machine.states() == {f"t/{name}": "running" for name in AGENTS})
            await machine.stop()
            crashes = [event.data for event in machine.log.read() if event.type == EventType.UNIT_CRASHED]
            assert not crashes
            again = Fleet()
            again.apply_all(machine.log.read())
            assert again == machine.world.ledger.fleet

    with caplog.at_level(logging.WARNING):
        asyncio.run(asyncio.wait_for(main(), 60))
    unfit = [str(getattr(record, "error", "")) for record in caplog.records]
    assert not [error for error in unfit if "does not fit" in error]
