"""The typist: brings a text into an agent's terminal once, and submits it where it stands there as it should.

The paste and the submitting keys are two steps, and between them is a look at the screen.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from agentctl.domain.agent import Agent
from agentctl.domain.message import Message
from agentctl.domain.names import team_of
from agentctl.domain.ports import Pane
from agentctl.engine.framing import frame, is_command
from agentctl.runners.patterns import compiled
from agentctl.runners.runner import Runner, Submit
from agentctl.supervisor.proof import is_ours
from agentctl.supervisor.senses import Senses
from agentctl.supervisor.world import World
from agentctl.views.fleet import NO_TAG

_DRAWS_PASTE_WITHIN = timedelta(seconds=2)
"""What was pasted and is not in the composer by then was lost; the slowest program draws it within some 300 ms."""

_LOOK_FOR_PASTE = timedelta(milliseconds=100)


class Typist:
    """Types messages into agents' terminals, each under the guard of the terminal's server."""

    def __init__(self, world: World, senses: Senses) -> None:
        self._world = world
        self._senses = senses

    async def type(self, agent: Agent, message: Message, number: int, pane: Pane, note: Callable[[int], None]) -> int:
        """Paste *message* and press the runner's keys; return the number under which it was typed, 0 where it was not.

        *note* is told at once of a number that is followed by another.

        Where its screen can be read, the keys follow only after one more look at it. A question may have come up since
        the paste, and Enter would answer it: then the text stands in the composer, and the keys follow when the
        question is gone (`press_again`). Or the program has let the paste fall: then it is pasted once more, and
        submitted only where it stands there once. A program that was only slow has it twice by now, and a person has
        to look.
        """
        runner = self._runner(agent)
        if not reads_screen(runner):
            return number if await self._paste(agent, message, number, pane, runner.submit.keys) else 0
        if not await self._paste(agent, message, number, pane):
            return 0
        await self._world.clock.sleep(runner.submit.delay.total_seconds())
        if await self._was_let_fall(agent):
            note(number)  # or the next paste would be taken for the next message's
            if not await self._paste(agent, message, number + 1, pane):
                return number
            number += 1
            note(number)
            if not await self._stands_once(agent, message):
                return number
        await self._submit(agent, pane)
        return number

    async def press_again(self, agent: Agent, message: Message, pane: Pane) -> bool:
        """Press the runner's remedy where our text, and nothing else, stands in the composer; return whether it did."""
        runner, sight = self._runner(agent), (await self._senses.look(agent)).sight
        if sight is None or sight.ask is not None or pane.mode:
            return False
        touched = _is_touched(pane, message)
        if not is_ours(sight.draft, self._as_typed(agent, message), runner, touched=touched, tail=True):
            return False
        await self._world.terminal.keys(pane.id, agent.id, agent.generation, runner.submit.remedy, keyed=pane.keyed)
        return True

    async def _paste(
        self, agent: Agent, message: Message, number: int, pane: Pane, enter: tuple[str, ...] = ()
    ) -> bool:
        self._senses.typed(agent)
        return await self._world.terminal.type(
            pane.id,
            agent.id,
            agent.generation,
            number,
            self._as_typed(agent, message),
            enter=enter,
            enter_delay=self._runner(agent).submit.delay.total_seconds(),
            keyed=pane.keyed,
        )

    async def _was_let_fall(self, agent: Agent) -> bool:
        """Tell whether what was pasted and not submitted is gone: the composer stands there, and stays empty.

        Some programs lose what comes while they change from one view to another.
        """
        until = self._world.clock.monotonic() + _DRAWS_PASTE_WITHIN.total_seconds()
        while True:
            sight = (await self._senses.look(agent)).sight
            if sight is None or sight.ask is not None or sight.draft:
                return False
            if self._world.clock.monotonic() >= until:
                return sight.composer
            await self._world.clock.sleep(_LOOK_FOR_PASTE.total_seconds())

    async def _stands_once(self, agent: Agent, message: Message) -> bool:
        """Tell whether *message* comes to stand in the composer, whole and once, and stays so."""
        until = self._world.clock.monotonic() + _DRAWS_PASTE_WITHIN.total_seconds()
        while (sight := (await self._senses.look(agent)).sight) is not None and not sight.draft:
            if self._world.clock.monotonic() >= until:
                return False
            await self._world.clock.sleep(_LOOK_FOR_PASTE.total_seconds())
        runner = self._runner(agent)
        await self._world.clock.sleep(runner.submit.delay.total_seconds())
        sight = (await self._senses.look(agent)).sight
        return sight is not None and is_ours(sight.draft, self._as_typed(agent, message), runner, tail=False)

    async def _submit(self, agent: Agent, pane: Pane) -> None:
        """Press the runner's keys, unless a question stands there or somebody has begun to type."""
        sight = (await self._senses.look(agent)).sight
        if sight is None or sight.ask is None:
            keys = self._runner(agent).submit.keys
            await self._world.terminal.keys(pane.id, agent.id, agent.generation, keys, keyed=pane.keyed)

    def _as_typed(self, agent: Agent, message: Message) -> str:
        """Return the text that is typed: framed, by file where the program would not take it as it is."""
        runner = self._runner(agent)
        if message.kind == "raw" or is_command(message, runner.submit.commands):
            return message.text
        team = self._world.ledger.fleet.teams.get(team_of(agent.id))
        tag, submit = team.tag if team is not None else NO_TAG, runner.submit
        text = frame(message, tag, lines=submit.lines)
        if _fits(text, submit):
            return text
        return frame(replace(message, text=f"Read {self._as_file(message)} and follow it."), tag, lines=False)

    def _as_file(self, message: Message) -> Path:
        """Put a long text where the agent can read it."""
        folder = self._world.agent_folder(message.agent) / "messages"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{message.id}.txt"
        path.unlink(missing_ok=True)  # the folder is the agent's: a pipe or a link in its place is not written to
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(message.text.encode(errors="replace"))
        return path

    def _runner(self, agent: Agent) -> Runner:
        return self._world.runners.known(agent.runner)


def reads_screen(runner: Runner) -> bool:
    """Tell whether the runner knows what its program's screen says and where its composer is."""
    return bool(runner.rules) and runner.composer is not None


def _is_touched(pane: Pane, message: Message) -> bool:
    """Tell whether a person has pressed a key there since *message* was typed."""
    return pane.watched and message.since is not None and pane.keyed > message.since.timestamp()


def _fits(text: str, submit: Submit) -> bool:
    """Tell whether *text* reaches the program as it is when it is typed."""
    if len(text.encode(errors="replace")) > submit.safe_bytes or ("\n" in text and not submit.lines):
        return False
    return not submit.alters or compiled(submit.alters).search(text) is None
