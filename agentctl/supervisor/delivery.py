"""Delivery: messages from the queue to agents, each once; what is handed over is proven, not hoped.

One lane an agent: a message that waits keeps back those behind it and nobody else's.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta

from agentctl.domain.agent import Agent, AgentState
from agentctl.domain.errors import AgentctlError
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.message import WAITING, Message, MessageState
from agentctl.domain.names import AgentId
from agentctl.domain.ports import Pane
from agentctl.engine.holding import Held, Reader, hold
from agentctl.runners import channel
from agentctl.runners.runner import Runner
from agentctl.supervisor import crash
from agentctl.supervisor.accounts import Accounts
from agentctl.supervisor.arrival import Arrival, can_prove
from agentctl.supervisor.loop import first
from agentctl.supervisor.pulse import Pulse
from agentctl.supervisor.senses import Senses
from agentctl.supervisor.typist import Typist, reads_screen
from agentctl.supervisor.world import World

log = logging.getLogger(__name__)

_AGAIN = timedelta(seconds=1)
"""Before what could not be handed over is tried again: tmux was silent, or a person scrolls."""

_OPEN = WAITING | {MessageState.TYPED}
_TAKEN = {MessageState.SEEN: EventType.MESSAGE_SEEN, MessageState.ANSWERED: EventType.MESSAGE_ANSWERED}
_OPENS = frozenset({EventType.MESSAGE_QUEUED, EventType.MESSAGE_RETRIED, EventType.AGENT_WANTED})


class Delivery:
    """Hands queued messages to running agents, in order, and sees to it that they arrive."""

    def __init__(self, world: World, senses: Senses, pulse: Pulse, accounts: Accounts) -> None:
        self._world = world
        self._senses = senses
        self._pulse = pulse
        self._accounts = accounts
        self._typist = Typist(world, senses)
        self._arrival = Arrival(world, senses, self._typist)
        self._lanes: dict[AgentId, asyncio.Task[None]] = {}
        self._news: dict[AgentId, asyncio.Event] = {}

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
            wait = await (self._arrival.see_to(agent, message) if message.state is MessageState.TYPED else
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
        await self._accounts.settled(agent.id)
        reader = await self._reader(self._world.ledger.fleet.agents.get(agent.id, agent), message)
        if not self._is_waiting(message):  # it was given up, or taken from the inbox, while we looked
            return None
        if reader.pane is not None and self._stands_there(reader.agent, message, reader.pane):
            self._note_unnoted(reader, message, reader.pane.typed)
            return None
        held = hold(message, reader) or await self._over_budget(message, reader)
        if held is not None:
            if held.pulse:
                self._pulse.holds(message)
            self._note_held(agent, message, held)
            return held.again or timedelta(0)
        self._world.in_hand.add(message.id)
        try:
            return None if await self._hand_over(reader.agent, message, reader.pane) else _AGAIN
        finally:
            self._world.in_hand.discard(message.id)

    async def _over_budget(self, message: Message, reader: Reader) -> Held | None:
        """Return why *message* is kept back after all: the turn before it has used up the agent's budget."""
        if not await self._accounts.is_paused_first(reader.agent.id):
            return None
        return hold(message, replace(reader, agent=self._world.ledger.fleet.agents.get(reader.agent.id, reader.agent)))

    async def _reader(self, agent: Agent, message: Message) -> Reader:
        """Return what is to be known of *agent* before *message* goes in: its screen as it is this moment."""
        runner = self._runner(agent)
        typed = runner.submit.channel == "typing" or bool(message.keys)
        reads = reads_screen(runner)
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
            pulse=self._pulse.of(agent),
            last_operation=self._pulse.last_handed(agent),
            now=self._world.clock.now(),
            unproven=self._unproven(now, runner),
        )

    def _unproven(self, agent: Agent, runner: Runner) -> Message | None:
        """Return a message that was typed and not seen so far, where there can be a sign of it: the next one waits."""
        if not can_prove(runner):
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
        elif pane is None or not (number := await self._type(agent, message, pane)):
            return False
        self._pulse.handed(agent, message)
        self._note_typed(agent, message, number)
        return True

    async def _type(self, agent: Agent, message: Message, pane: Pane) -> int:
        def note(number: int) -> None:
            self._note_typed(agent, message, number)

        return await self._typist.type(agent, message, agent.typed + 1, pane, note)

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
        self._pulse.handed(agent, message)
        stream = agent_stream(agent.id)
        facts = {"message": message.id, "generation": agent.generation}
        pressed = {"message": message.id, "evidence": "the keys were pressed"}
        self._world.ledger.append(
            [Draft(stream, EventType.MESSAGE_TYPED, facts), Draft(stream, EventType.MESSAGE_ANSWERED, pressed)]
        )
        return True

    def _is_waiting(self, message: Message) -> bool:
        current = self._world.ledger.fleet.messages.get(message.id)
        return current is not None and current.state in WAITING

    def _is_typed(self, message: Message) -> bool:
        current = self._world.ledger.fleet.messages.get(message.id)
        return current is not None and current.state is MessageState.TYPED

    def _runner(self, agent: Agent) -> Runner:
        spec = self._world.ledger.fleet.spec(agent.id)
        return self._world.runners.known(agent.runner or (spec.runner if spec is not None else ""))

    def _append(self, agent: Agent, kind: EventType, **facts: object) -> None:
        self._world.ledger.append([Draft(agent_stream(agent.id), kind, facts)])
