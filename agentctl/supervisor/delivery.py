"""Delivery: messages from the queue to agents, each once; what is handed over is proven, not hoped."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

from agentctl.domain.agent import Agent, AgentState
from agentctl.domain.errors import AgentctlError
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.drivers.signals import Signal, SignalReader, watch
from agentctl.runners import channel
from agentctl.supervisor.loop import first
from agentctl.supervisor.world import World
from agentctl.views.fleet import Message

log = logging.getLogger(__name__)

_AGAIN = 1.0
"""Seconds before what could not be handed over is tried again: tmux was silent, or a person scrolls."""


class Delivery:
    """Hands queued messages to running agents, in order, and takes in what agents signal back."""

    def __init__(self, world: World, wake: asyncio.Event) -> None:
        self._world = world
        self._wake = wake

    async def run(self) -> None:
        """Deliver whenever the fleet changes, until cancelled."""
        while True:
            changed = asyncio.ensure_future(self._world.ledger.changed())
            if await self._deliver_all():
                await changed
            else:
                await first(changed, self._world.clock.sleep(_AGAIN))

    async def listen(self) -> None:
        """Turn agents' signals into events until cancelled."""
        heard = {(a.id, a.generation): a.heard for a in self._world.ledger.fleet.agents.values()}
        reader = SignalReader(self._world.home.run, offsets=heard)
        async for signal in watch(reader, clock=self._world.clock):
            try:
                self._take(signal)
            except AgentctlError as error:  # it stays in its file, and is read again after a restart
                log.warning("signal not taken in", extra={"agent": signal.agent, "error": error.message})
            self._wake.set()

    async def _deliver_all(self) -> bool:
        """Hand over what can be; return whether nothing is left that a running agent should have."""
        complete = True
        for agent in list(self._world.ledger.fleet.agents.values()):
            if agent.state is not AgentState.RUNNING:
                continue
            for message in self._world.ledger.fleet.queued(agent.id):
                current = self._world.ledger.fleet.agents.get(agent.id)
                if current is None or current.state is not AgentState.RUNNING:
                    break
                if not await self._deliver(current, message):
                    complete = False
                    break
        return complete

    async def _deliver(self, agent: Agent, message: Message) -> bool:
        """Hand *message* over; False leaves it and all behind it in the queue."""
        number = agent.typed + 1
        try:
            if not await self._hand_over(agent, message, number):
                return False
            facts = {"message": message.id, "generation": agent.generation, "number": number}
            self._world.ledger.append([Draft(agent_stream(agent.id), EventType.MESSAGE_TYPED, facts)])
        except (AgentctlError, OSError) as error:  # OSError: the agent's folder, where it may do as it likes
            log.warning("delivery waits", extra={"agent": agent.id, "error": str(error)})
            return False
        return True

    async def _hand_over(self, agent: Agent, message: Message, number: int) -> bool:
        if message.keys:
            return await self._press(agent, message)
        runner = self._world.runners.get(agent.runner)
        if runner.submit.channel == "inbox":
            folder = self._world.agent_folder(agent.id)
            channel.deliver(
                folder, message.seq, channel.Message(message.id, message.sender, message.kind, message.text)
            )
            channel.poke(folder)
            return True
        return await self._type(agent, message, number)

    async def _press(self, agent: Agent, message: Message) -> bool:
        if agent.pane is None:
            return False
        return await self._world.terminal.keys(agent.pane, agent.id, agent.generation, message.keys)

    async def _type(self, agent: Agent, message: Message, number: int) -> bool:
        if agent.pane is None:
            return False
        submit = self._world.runners.get(agent.runner).submit
        text = message.text
        if len(text.encode(errors="replace")) > submit.safe_bytes or ("\n" in text.strip() and not submit.lines):
            text = f"Read {self._as_file(message)} and follow it."
        typed = await self._world.terminal.type(
            agent.pane, agent.id, agent.generation, number, text, enter_delay=submit.delay.total_seconds()
        )
        return typed or await self._was_typed(agent, number)

    def _as_file(self, message: Message) -> Path:
        """Put a text that the program's composer would cut or split where the agent can read it."""
        folder = self._world.agent_folder(message.agent) / "messages"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{message.id}.txt"
        path.write_text(message.text)
        return path

    async def _was_typed(self, agent: Agent, number: int) -> bool:
        """Tell whether this number stands on the pane already: typed, and we died before it was recorded."""
        panes = await self._world.terminal.panes()
        return any(p.id == agent.pane and p.generation == agent.generation and p.typed >= number for p in panes)

    def _take(self, signal: Signal) -> None:
        agent = self._world.ledger.fleet.agents.get(signal.agent)
        if agent is None:
            return
        current = signal.generation == agent.generation
        drafts = self._of_message(signal) or (self._of_agent(agent, signal) if current else [])
        if not drafts and not current:
            log.info("stale signal ignored", extra={"agent": signal.agent, "generation": signal.generation})
        heard = {"heard": signal.end} if current else {}
        self._world.ledger.append([replace(draft, data={**draft.data, **heard}) for draft in drafts])

    def _of_message(self, signal: Signal) -> list[Draft]:
        """Return what a report on a message says; it holds whatever generation made it, and only once."""
        message = self._world.ledger.fleet.messages.get(str(signal.data.get("message")))
        if message is None or message.agent != signal.agent or message.state in ("answered", "dead"):
            return []
        stream = agent_stream(signal.agent)
        match signal.kind:
            case "answered":
                code = signal.data.get("code")
                facts = {"message": message.id, "code": code, "evidence": f"exit code {code}"}
                return [Draft(stream, EventType.MESSAGE_ANSWERED, facts)]
            case "interrupted":
                facts = {"message": message.id, "reason": "the worker ended while it ran"}
                return [Draft(stream, EventType.MESSAGE_DEAD, facts)]
            case "busy" if message.state != "seen":
                facts = {"message": message.id, "evidence": "it runs"}
                busy = self._of_agent(self._world.ledger.fleet.agents[signal.agent], signal)
                return [*busy, Draft(stream, EventType.MESSAGE_SEEN, facts)]
            case _:
                return []

    def _of_agent(self, agent: Agent, signal: Signal) -> list[Draft]:
        kind = _AGENT_SIGNALS.get(signal.kind)
        if kind is None or signal.generation != agent.generation:
            return []
        facts = {"generation": signal.generation, "evidence": f"it said {signal.kind}"}
        return [Draft(agent_stream(agent.id), kind, facts)]


_AGENT_SIGNALS = {
    "ready": EventType.AGENT_READY,
    "busy": EventType.AGENT_BUSY,
    "idle": EventType.AGENT_IDLE,
}
