"""Delivery: messages from the queue to agents, each once; what is handed over is proven, not hoped.

One lane an agent: a message that waits keeps back those behind it and nobody else's.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from agentctl.domain.agent import Activity, Agent, AgentState
from agentctl.domain.errors import AgentctlError
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.message import WAITING, Message, MessageState
from agentctl.domain.names import AgentId, team_of
from agentctl.domain.ports import Pane
from agentctl.domain.units import format_duration
from agentctl.engine.framing import frame, is_command
from agentctl.engine.holding import Held, Reader, hold
from agentctl.runners import channel
from agentctl.runners.patterns import compiled
from agentctl.runners.runner import Runner, Submit
from agentctl.supervisor import crash
from agentctl.supervisor.loop import first
from agentctl.supervisor.proof import is_ours, seen_by_screen, seen_in_history
from agentctl.supervisor.senses import Senses
from agentctl.supervisor.world import World
from agentctl.views.fleet import NO_TAG

log = logging.getLogger(__name__)

_AGAIN = timedelta(seconds=1)
"""Before what could not be handed over is tried again: tmux was silent, or a person scrolls."""

_LOOK_AGAIN = timedelta(milliseconds=500)
"""Between two looks at whether the screen shows that a message was taken."""

_NUDGE_AFTER = timedelta(seconds=3)
"""A text that stands in the composer for so long after Enter was pressed was not submitted; sooner, some still draw."""

_DRAWS_PASTE_WITHIN = timedelta(seconds=2)
"""What was pasted and is not in the composer by then was lost; the slowest program draws it within some 300 ms."""

_LOOK_FOR_PASTE = timedelta(milliseconds=100)

_OPEN = WAITING | {MessageState.TYPED}
_TAKEN = {MessageState.SEEN: EventType.MESSAGE_SEEN, MessageState.ANSWERED: EventType.MESSAGE_ANSWERED}
_OPENS = frozenset({EventType.MESSAGE_QUEUED, EventType.MESSAGE_RETRIED, EventType.AGENT_WANTED})


class Delivery:
    """Hands queued messages to running agents, in order, and sees to it that they arrive."""

    def __init__(self, world: World, senses: Senses) -> None:
        self._world = world
        self._senses = senses
        self._lanes: dict[AgentId, asyncio.Task[None]] = {}
        self._news: dict[AgentId, asyncio.Event] = {}
        self._operated: dict[AgentId, datetime] = {}

    async def run(self) -> None:
        """Keep a lane for each agent that messages wait for, until cancelled."""
        self._senses.listeners.append(self._wake)
        try:
            while True:
                async with self._world.ledger.follow() as events:
                    self._open_lanes()
                    while (event := await events.get()) is not None:
                        self._wake(AgentId(event.stream.removeprefix("agent:")))
                        if event.type in _OPENS:
                            self._open_lanes()
        finally:
            self._senses.listeners.remove(self._wake)
            for lane in self._lanes.values():
                lane.cancel()
            await asyncio.gather(*self._lanes.values(), return_exceptions=True)

    def _wake(self, name: AgentId) -> None:
        if name in self._news:
            self._news[name].set()

    def _open_lanes(self) -> None:
        fleet = self._world.ledger.fleet
        for name in {m.agent for m in fleet.messages.values() if m.state in _OPEN} & fleet.agents.keys():
            if name not in self._lanes:
                self._news[name] = asyncio.Event()
                self._lanes[name] = asyncio.create_task(self._lane(name), name=f"delivery to {name}")

    async def _lane(self, name: AgentId) -> None:
        """Move the messages of one agent on until none is left to be handed over or waited for."""
        while self._open(name):
            self._news[name].clear()
            try:
                again = await self._step(name)
            except (AgentctlError, OSError) as error:  # OSError: the agent's folder, where it may do as it likes
                log.warning("delivery waits", extra={"agent": name, "error": str(error)})
                again = _AGAIN
            except Exception as error:  # noqa: BLE001  one agent's lane must not end the others'
                crash.record(self._world.ledger, f"delivery to {name}", error)
                again = _AGAIN
            pause = [self._world.clock.sleep(again.total_seconds())] if again is not None else []
            await first(self._news[name].wait(), *pause)
        del self._lanes[name], self._news[name]

    def _open(self, name: AgentId) -> list[Message]:
        messages = [m for m in self._world.ledger.fleet.of(name) if m.state in _OPEN]
        return sorted(messages, key=lambda m: (m.state in WAITING, m.seq))

    async def _step(self, name: AgentId) -> timedelta | None:
        """Do what can be done now for the first message that can be moved; return when to look again by itself."""
        agent = self._world.ledger.fleet.agents.get(name)
        if agent is None:
            return _AGAIN
        again: list[timedelta] = []
        for message in self._open(name):
            wait = await (self._await_proof(agent, message) if message.state is MessageState.TYPED else
                          self._try(agent, message))  # fmt: skip
            if wait is None:
                return timedelta(0)
            again.append(wait)
            if message.state is not MessageState.TYPED:
                break
        return min((wait for wait in again if wait > timedelta(0)), default=None)

    # --- handing over ---

    async def _try(self, agent: Agent, message: Message) -> timedelta | None:
        """Hand *message* over or say why not; None where it moved on, else when to look again (0: an event tells)."""
        reader = await self._reader(agent, message)
        if not self._is_waiting(message):  # it was given up, or taken from the inbox, while we looked
            return None
        if reader.pane is not None and self._stands_there(reader.agent, message, reader.pane):
            self._note_unnoted(reader, message, reader.pane.typed)
            return None
        held = hold(message, reader)
        if held is not None:
            self._note_held(agent, message, held)
            return held.again or timedelta(0)
        self._world.in_hand.add(message.id)
        try:
            return None if await self._hand_over(reader.agent, message, reader.pane) else _AGAIN
        finally:
            self._world.in_hand.discard(message.id)

    async def _reader(self, agent: Agent, message: Message) -> Reader:
        """Return what is to be known of *agent* before *message* goes in: its screen as it is this moment."""
        spec, runner = self._world.ledger.fleet.spec(agent.id), self._runner(agent)
        typed = runner.submit.channel == "typing" or bool(message.keys)
        reads = _reads_screen(runner)
        pane = await self._pane(agent) if agent.state is AgentState.RUNNING and typed else None
        sense = (
            await self._senses.look(agent) if pane is not None and reads and not pane.dead else self._senses.of(agent)
        )
        now = self._world.ledger.fleet.agents.get(agent.id, agent)
        return Reader(
            agent=now,
            taking=runner.submit.channel,
            queues=runner.submit.busy == "queue",
            reads_screen=reads,
            sight=sense.sight,
            pane=pane,
            pulse=spec.limits.pulse if spec is not None and runner.coding else timedelta(0),
            last_operation=self._operated.get(agent.id),
            now=self._world.clock.now(),
            unproven=self._unproven(now, runner),
        )

    def _unproven(self, agent: Agent, runner: Runner) -> Message | None:
        """Return a message that was typed and not seen so far, where there can be a sign of it: the next one waits."""
        if not _can_prove(runner):
            return None
        open_states = (MessageState.TYPED, MessageState.UNSEEN)
        return next((m for m in self._world.ledger.fleet.of(agent.id) if m.state in open_states and not m.keys), None)

    async def _pane(self, agent: Agent) -> Pane | None:
        panes = await self._world.terminal.panes()
        return next((p for p in panes if p.id == agent.pane and p.generation == agent.generation), None)

    def _note_held(self, agent: Agent, message: Message, held: Held) -> None:
        current, reason = self._world.ledger.fleet.messages.get(message.id), self._world.masked(agent.id, held.reason)
        if current is None or current.state not in WAITING or current.reason == reason:
            return
        self._append(agent, EventType.MESSAGE_HELD, message=message.id, reason=reason)

    async def _hand_over(self, agent: Agent, message: Message, pane: Pane | None) -> bool:
        if message.keys:
            return await self._press(agent, message, pane)
        runner = self._runner(agent)
        number = agent.typed + 1
        if runner.submit.channel == "inbox":
            folder = self._world.agent_folder(agent.id)
            channel.deliver(
                folder, message.seq, channel.Message(message.id, message.sender, message.kind, message.text)
            )
            channel.poke(folder)
        elif pane is None or not (number := await self._type(agent, message, number, pane)):
            return False
        self._operated[agent.id] = self._world.clock.now()
        self._note_typed(agent, message, number)
        return True

    def _note_typed(self, agent: Agent, message: Message, number: int) -> None:
        """Record that *message* was typed as the *number*-th text; its proof may have come before we knew."""
        known = self._world.ledger.fleet.messages.get(message.id)
        if known is not None and (known.state in WAITING or (self._is_typed(message) and known.number < number)):
            facts = {"message": message.id, "generation": agent.generation, "number": number}
            self._append(agent, EventType.MESSAGE_TYPED, **facts)

    def _note_unnoted(self, reader: Reader, message: Message, number: int) -> None:
        """Record a text that the pane has counted and nobody has noted: a supervisor died between the two.

        It is one more paste of what is typed already, or what has been seen since, or else *message*, the next one.
        """
        agent, before = reader.agent, reader.unproven
        if before is not None and before.state is MessageState.TYPED and before.generation == agent.generation:
            return self._note_typed(agent, before, number)
        of_now = (m for m in self._world.ledger.fleet.of(agent.id) if m.generation == agent.generation)
        seen = next((m for m in of_now if m.state in _TAKEN and m.number > agent.typed), None)
        if seen is None:
            return self._note_typed(agent, message, number)
        facts = {"message": seen.id, "evidence": seen.evidence, "generation": agent.generation, "typed": number}
        return self._append(agent, _TAKEN[seen.state], **facts)

    def _stands_there(self, agent: Agent, message: Message, pane: Pane) -> bool:
        """Tell whether it was typed by a supervisor that died before it could say so: the pane has counted it."""
        return not message.keys and pane.typed > agent.typed

    async def _press(self, agent: Agent, message: Message, pane: Pane | None) -> bool:
        if agent.pane is None:
            return False
        keyed = pane.keyed if pane is not None and message.sender != "person" else None
        if not await self._world.terminal.keys(agent.pane, agent.id, agent.generation, message.keys, keyed=keyed):
            return False
        self._senses.typed(agent)
        self._operated[agent.id] = self._world.clock.now()
        stream = agent_stream(agent.id)
        facts = {"message": message.id, "generation": agent.generation}
        pressed = {"message": message.id, "evidence": "the keys were pressed"}
        self._world.ledger.append(
            [Draft(stream, EventType.MESSAGE_TYPED, facts), Draft(stream, EventType.MESSAGE_ANSWERED, pressed)]
        )
        return True

    async def _type(self, agent: Agent, message: Message, number: int, pane: Pane) -> int:
        """Paste *message* and press the runner's keys; return the number under which it was typed, 0 where it was not.

        Where its screen can be read, the keys follow only after one more look at it. A question may have come up since
        the paste, and Enter would answer it: then the text stands in the composer, and the keys follow when the
        question is gone (`_remedy`). Or the program has let the paste fall: then it is pasted once more, and submitted
        only where it stands there once. A program that was only slow has it twice by now, and a person has to look.
        """
        runner = self._runner(agent)
        if not _reads_screen(runner):
            return number if await self._paste(agent, message, number, pane, runner.submit.keys) else 0
        if not await self._paste(agent, message, number, pane):
            return 0
        await self._world.clock.sleep(runner.submit.delay.total_seconds())
        if await self._was_let_fall(agent):
            self._note_typed(agent, message, number)  # or the next paste would be taken for the next message's
            if not await self._paste(agent, message, number + 1, pane):
                return number
            number += 1
            self._note_typed(agent, message, number)
            if not await self._stands_once(agent, message):
                return number
        await self._submit(agent, pane)
        return number

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

    # --- proof ---

    async def _await_proof(self, agent: Agent, message: Message) -> timedelta | None:
        """See to a typed message that nobody has said to have read; None where it moved on."""
        runner = self._runner(agent)
        if runner.submit.channel != "typing" or not _can_prove(runner):
            return timedelta(0)
        if agent.generation != message.generation or agent.state not in _ALIVE:
            self._requeue(agent, message)
            return None
        proof = seen_in_history(message, self._world.agent_folder(agent.id), runner) or seen_by_screen(
            message, agent, runner, self._senses.of(agent)
        )
        if proof:
            self._append(agent, EventType.MESSAGE_SEEN, message=message.id, evidence=proof)
            self._senses.weigh(self._world.ledger.fleet.agents.get(agent.id, agent))
            return None
        age = self._world.clock.now() - (message.since or self._world.clock.now())
        if age < _NUDGE_AFTER:
            return min(_LOOK_AGAIN, _NUDGE_AFTER - age)
        if await self._remedy(agent, message, runner):
            return None
        return self._give_up(agent, message, runner, age)

    def _requeue(self, agent: Agent, message: Message) -> None:
        """Queue a message again that its generation ended on before it took it: its successor gets it."""
        facts = {"message": message.id, "text": message.text, "reason": "it ended before it had taken it"}
        self._append(agent, EventType.MESSAGE_RETRIED, **facts)

    def _give_up(self, agent: Agent, message: Message, runner: Runner, age: timedelta) -> timedelta | None:
        """Say that nothing shows that the message arrived; it is not typed again."""
        if runner.submit.busy == "queue":  # the program keeps it until its turn has ended
            if agent.activity is Activity.WORKING:
                return _NUDGE_AFTER
            age = min(age, self._world.clock.now() - (agent.active_since or agent.since or self._world.clock.now()))
        if age < runner.submit.within:
            return min(_LOOK_AGAIN, runner.submit.within - age)
        if self._is_typed(message):
            why = f"nothing has shown within {format_duration(runner.submit.within)} that it took it"
            self._append(agent, EventType.MESSAGE_UNSEEN, message=message.id, reason=why)
        return None

    async def _remedy(self, agent: Agent, message: Message, runner: Runner) -> bool:
        """Press the runner's keys once more, where our text still stands in the composer; once a message."""
        if message.nudged or not runner.submit.remedy or agent.pane is None:
            return False
        sight, pane = (await self._senses.look(agent)).sight, await self._pane(agent)
        if sight is None or sight.ask is not None or pane is None or pane.mode or not self._is_typed(message):
            return False
        if not is_ours(
            sight.draft, self._as_typed(agent, message), runner, touched=_is_touched(pane, message), tail=True
        ):
            return False
        facts = {"message": message.id, "generation": agent.generation, "evidence": "its text stood in the composer"}
        await self._world.terminal.keys(agent.pane, agent.id, agent.generation, runner.submit.remedy, keyed=pane.keyed)
        if self._is_typed(
            message
        ):  # recorded after the act: pressing twice is harmless, for our text has to stand there
            self._append(agent, EventType.MESSAGE_NUDGED, **facts)
        return True

    def _is_waiting(self, message: Message) -> bool:
        current = self._world.ledger.fleet.messages.get(message.id)
        return current is not None and current.state in WAITING

    def _is_typed(self, message: Message) -> bool:
        current = self._world.ledger.fleet.messages.get(message.id)
        return current is not None and current.state is MessageState.TYPED

    def _runner(self, agent: Agent) -> Runner:
        spec = self._world.ledger.fleet.spec(agent.id)
        return self._world.runners.get(agent.runner or (spec.runner if spec is not None else ""))

    def _append(self, agent: Agent, kind: EventType, **facts: object) -> None:
        self._world.ledger.append([Draft(agent_stream(agent.id), kind, facts)])


_ALIVE = frozenset({AgentState.STARTING, AgentState.RUNNING})


def _is_touched(pane: Pane, message: Message) -> bool:
    """Tell whether a person has pressed a key there since *message* was typed."""
    return pane.watched and message.since is not None and pane.keyed > message.since.timestamp()


def _reads_screen(runner: Runner) -> bool:
    return bool(runner.rules) and runner.composer is not None


def _fits(text: str, submit: Submit) -> bool:
    """Tell whether *text* reaches the program as it is when it is typed."""
    if len(text.encode(errors="replace")) > submit.safe_bytes or ("\n" in text and not submit.lines):
        return False
    return not submit.alters or compiled(submit.alters).search(text) is None


def _can_prove(runner: Runner) -> bool:
    """Tell whether there can ever be a sign that the program took a message."""
    return bool(runner.reports) if runner.submit.seen == "signal" else runner.composer is not None
