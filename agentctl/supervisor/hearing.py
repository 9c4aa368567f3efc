"""Hearing: agents' signal files to events; what is stale, foreign or no news changes nothing."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from agentctl.domain.agent import Activity, Agent
from agentctl.domain.errors import AgentctlError
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.message import OVER, MessageState
from agentctl.drivers.signals import Signal, SignalReader, watch
from agentctl.runners.signs import read_signal
from agentctl.supervisor.accounts import Accounts
from agentctl.supervisor.proof import seen_before_end, seen_by_sign
from agentctl.supervisor.pulse import Pulse
from agentctl.supervisor.senses import Senses
from agentctl.supervisor.world import World

log = logging.getLogger(__name__)


class Hearing:
    """Takes in what agents signal: coding agents by their hooks, our own worker by its reports."""

    def __init__(self, world: World, senses: Senses, pulse: Pulse, accounts: Accounts, wake: asyncio.Event) -> None:
        self._world = world
        self._senses = senses
        self._pulse = pulse
        self._accounts = accounts
        self._wake = wake

    async def run(self) -> None:
        """Turn signals into events until cancelled."""
        heard = {(a.id, a.generation): a.heard for a in self._world.ledger.fleet.agents.values()}
        reader = SignalReader(self._world.home.run, offsets=heard)
        async for signal in watch(reader, clock=self._world.clock):
            try:
                self._take(signal)
            except AgentctlError as error:  # it stays in its file, and is read again after a restart
                log.warning("signal not taken in", extra={"agent": signal.agent, "error": error.message})
            self._wake.set()
            await self._world.clock.sleep(0)  # many lines at once take turns with everything else

    def _take(self, signal: Signal) -> None:
        agent = self._world.ledger.fleet.agents.get(signal.agent)
        if agent is None:
            return
        current = signal.generation == agent.generation
        runner = self._world.runners.known(agent.runner) if agent.runner else None
        if runner is not None and runner.reports:
            drafts = self._of_program(agent, signal) if current else self._of_ended(agent, signal)
        else:
            drafts = self._of_message(signal) or (self._of_worker(agent, signal) if current else [])
        if not drafts and not current:
            log.info("stale signal refused", extra={"agent": signal.agent, "generation": signal.generation})
        heard = {"heard": signal.end} if current else {}
        self._world.ledger.append([replace(draft, data={**draft.data, **heard}) for draft in drafts])

    def _of_program(self, agent: Agent, signal: Signal) -> list[Draft]:
        """Return what a hook of a coding agent says: of its messages first, then of what it does."""
        runner = self._world.runners.known(agent.runner)
        sign = read_signal(runner, signal.kind, signal.data.get("payload"), self._world.clock.now())
        self._pulse.heard(agent, signal.data, sign)
        if sign is None:
            return []
        self._accounts.told(agent, sign)
        news = self._senses.hear(agent, sign)
        return [*seen_by_sign(self._world.ledger.fleet, agent, sign), *news]

    def _of_ended(self, agent: Agent, signal: Signal) -> list[Draft]:
        """Return what a generation that has ended had taken; all else that it says is over."""
        runner = self._world.runners.known(agent.runner)
        sign = read_signal(runner, signal.kind, signal.data.get("payload"), self._world.clock.now())
        return seen_before_end(self._world.ledger.fleet, agent, sign, signal.generation) if sign is not None else []

    def _of_message(self, signal: Signal) -> list[Draft]:
        """Return what a report on a message says; it holds whatever generation made it, and only once."""
        message = self._world.ledger.fleet.messages.get(str(signal.data.get("message")))
        if message is None or message.agent != signal.agent or message.state in OVER:
            return []
        stream = agent_stream(signal.agent)
        match signal.kind:
            case "answered":
                code = _exit_code(signal.data.get("code"))
                facts = {"message": message.id, "code": code, "evidence": f"exit code {code}"}
                return [Draft(stream, EventType.MESSAGE_ANSWERED, facts)]
            case "interrupted":
                facts = {"message": message.id, "reason": "the worker ended while it ran"}
                return [Draft(stream, EventType.MESSAGE_DEAD, facts)]
            case "busy" if message.state is not MessageState.SEEN:
                facts = {"message": message.id, "evidence": "it runs"}
                busy = self._of_worker(self._world.ledger.fleet.agents[signal.agent], signal)
                return [*busy, Draft(stream, EventType.MESSAGE_SEEN, facts)]
            case _:
                return []

    def _of_worker(self, agent: Agent, signal: Signal) -> list[Draft]:
        kind = _WORKER_SAYS.get(signal.kind)
        if kind is None or signal.generation != agent.generation or agent.activity.value == _DOES.get(signal.kind):
            return []
        facts = {"generation": signal.generation, "evidence": f"it said {signal.kind}", "source": "worker"}
        return [Draft(agent_stream(agent.id), kind, facts)]


def _exit_code(said: object) -> int | None:
    """Return the exit code that a worker names; its signals lie where its commands can write."""
    return said if isinstance(said, int) and not isinstance(said, bool) and -256 < said < 256 else None  # noqa: PLR2004


_DOES = {"busy": Activity.WORKING.value, "idle": Activity.IDLE.value}
_WORKER_SAYS = {
    "ready": EventType.AGENT_READY,
    "busy": EventType.AGENT_BUSY,
    "idle": EventType.AGENT_IDLE,
}
