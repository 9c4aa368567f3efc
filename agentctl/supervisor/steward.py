"""The steward: has the governor hold what is in force, and acts on what it sees of agents and of the machine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeVarTuple

from agentctl.domain.agent import Agent, AgentState, Ending, Identity, MemoryStep
from agentctl.domain.errors import AgentctlError
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.names import AgentId
from agentctl.domain.resources import Brake, Leash, Round, Sample
from agentctl.supervisor import crash
from agentctl.supervisor.machine import MachineWatch
from agentctl.supervisor.memory import MemoryWatch
from agentctl.supervisor.recorder import Recorder
from agentctl.supervisor.world import World

log = logging.getLogger(__name__)

Arguments = TypeVarTuple("Arguments")

_SETTLES = 0.05
"""Seconds after a change before leashes follow: a batch that starts a hundred agents is one order, not a hundred."""

_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0
"""Seconds before a governor that ended is followed by another; doubles while none of them has seen a thing."""

_SET_BACK = timedelta(minutes=1)
"""A round that is older than its leash by more than this was not late: the clock was set back."""

_HELD = (AgentState.STARTING, AgentState.RUNNING)
_ENDS_ABOVE = ("restart", "stop")


class Steward:
    """Keeps leashes in step with the fleet, and takes in what the governor sees."""

    def __init__(self, world: World, recorder: Recorder, wake: asyncio.Event) -> None:
        self._world = world
        self._recorder = recorder
        self._wake = wake
        self._memory = MemoryWatch(world)
        self.machine = MachineWatch(world, recorder)
        self._order: tuple[dict[AgentId, Leash], list[Identity]] | None = None
        """What the governor was asked last; None: it has to be asked again."""
        self._since: dict[tuple[AgentId, int], datetime] = {}
        """Since when each generation is held: what was seen before is of another one."""
        self._brakes: dict[AgentId, Brake] = {}
        """Trees that the governor has brought to a stop."""
        self._faults: dict[str, str] = {}

    async def run(self) -> None:
        """Keep agents within their limits until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(), name="leashes")
            group.create_task(self._listen(), name="governor")

    def taken(self) -> Mapping[AgentId, Sample]:
        """Return what each agent that runs took when it was looked at last; empty where nobody has looked lately."""
        last = self._recorder.last()
        if last is None:
            return {}
        return {sample.agent: sample for sample in last.samples if self._agent(sample, last) is not None}

    # --- what is held ---

    async def _follow(self) -> None:
        """Have leashes follow whatever changes."""
        while True:
            self._guard(self._keep)
            await self._world.ledger.changed()
            await self._world.clock.sleep(_SETTLES)

    def _keep(self) -> None:
        """Have the governor hold what is in force now."""
        fleet = self._world.ledger.fleet
        leashes = {agent.id: leash for agent in fleet.agents.values() if (leash := self._leash(agent)) is not None}
        now = self._world.clock.now()
        held = ((name, fleet.agents[name].generation) for name in leashes)
        self._since = {key: self._since.get(key, now) for key in held}
        self._memory.keep_only(leashes)
        self.machine.keep_only(leashes)
        order = leashes, self._spared()
        if order != self._order:
            self._world.governor.hold(list(leashes.values()), spared=order[1])
            self._order = order

    def _spared(self) -> list[Identity]:
        """Return what is never held, whatever tree it stands in."""
        server = self._world.terminal.server()
        return [server] if server is not None else []

    def _leash(self, agent: Agent) -> Leash | None:
        """Return what *agent* is to be held to; a tree that is ending runs free, and is watched if it is for memory."""
        if agent.process is None:
            return None
        limits = self._world.ledger.fleet.limits(agent.id)
        if agent.state is AgentState.STOPPING and agent.ending is Ending.MEMORY:
            return Leash(agent.id, agent.process, memory_bytes=limits.memory_bytes, released=True)
        if agent.state not in _HELD:
            return None
        ends = limits.on_exceed in _ENDS_ABOVE
        return Leash(
            agent.id,
            agent.process,
            cpu_percent=self.machine.shares.get(agent.id, self._own_cpu(agent)),
            memory_bytes=limits.memory_bytes,
            memory_brake=ends,
            processes=limits.processes,
            paused=agent.stands_still,
            released=not ends and self._brakes.get(agent.id) is Brake.MEMORY,
        )

    def _own_cpu(self, agent: Agent) -> float | None:
        """Return what *agent* may take by itself, in percent of a core: half of it while its memory is above its limit.

        That slows its growth down and leaves it time to end in.
        """
        own = self._world.ledger.fleet.limits(agent.id).cpu_percent
        if agent.memory_step is not MemoryStep.THROTTLED:
            return own
        return (100.0 * self.machine.cores if own is None else own) / 2

    # --- what is seen ---

    async def _listen(self) -> None:
        """Take rounds in; where the governor ends, begin anew with another after a while."""
        wait = _FIRST_WAIT
        while True:
            try:
                self._order = None
                self._guard(self._keep)
                async for seen in self._world.governor.rounds():
                    wait = _FIRST_WAIT
                    self._faults.pop("governor", None)
                    self._take(seen)
            except Exception as error:  # noqa: BLE001  it may end as it likes: agents run on
                self._lost(error)
            await self._world.clock.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    def _lost(self, error: Exception) -> None:
        """Tell once of a governor that has ended, or of all in a row that did; nobody stands still any more."""
        log.warning("the governor has ended", extra={"error": str(error)})
        if "governor" not in self._faults:
            self._tell("governor", error)
        self._guard(lambda: self._record(self.machine.lost()))

    def _take(self, seen: Round) -> None:
        """Act on what was seen, for each agent and then for all together."""
        self._recorder.take(seen)
        before = self._brakes, self.machine.shares
        self._brakes = {sample.agent: sample.brake for sample in seen.samples if sample.brake is not None}
        for sample in seen.samples:
            self._guard(self._take_one, sample, seen)
        self._guard(self._take_all, seen)
        if (self._brakes, self.machine.shares) != before or self._order is None or self._order[1] != self._spared():
            self._guard(self._keep)  # all else that leashes follow from is in the log

    def _take_one(self, sample: Sample, seen: Round) -> None:
        agent = self._agent(sample, seen)
        if agent is not None:
            self._record(self._too_many(agent, sample) or self._memory.take(agent, sample))

    def _take_all(self, seen: Round) -> None:
        found = [(self._agent(sample, seen), sample) for sample in seen.samples]
        held = [(agent, sample) for agent, sample in found if agent is not None and agent.state in _HELD]
        most = 100.0 * seen.load.cores
        limits = [min(most, cpu) if (cpu := self._own_cpu(agent)) is not None else most for agent, _ in held]
        rows = [(agent, sample, limit) for (agent, sample), limit in zip(held, limits, strict=True)]
        self._record(self.machine.take(rows, seen.load))

    def _agent(self, sample: Sample, seen: Round) -> Agent | None:
        """Return the agent that *sample* is of, None where it was seen before the present generation was held."""
        agent = self._world.ledger.fleet.agents.get(sample.agent)
        since = self._since.get((agent.id, agent.generation)) if agent is not None else None
        if since is None or timedelta(0) < since - seen.at < _SET_BACK:
            return None
        return agent

    def _too_many(self, agent: Agent, sample: Sample) -> list[Draft]:
        """Return what has a tree killed that has more processes than it may: the governor has stopped it."""
        if sample.brake is not Brake.PROCESSES or agent.condemned or agent.state not in _HELD:
            return []
        allowed = self._world.ledger.fleet.limits(agent.id).processes
        most = f", {allowed:,} are allowed" if allowed is not None else ""
        words = f"it ran {sample.processes:,} processes at once{most}: its tree was ended"
        facts = {"generation": agent.generation, "brake": Brake.PROCESSES.value, "evidence": words}
        return [Draft(agent_stream(agent.id), EventType.AGENT_BRAKED, facts)]

    # --- carrying on ---

    def _record(self, drafts: list[Draft]) -> None:
        if drafts:
            self._world.ledger.append(drafts)
            self._wake.set()

    def _guard(self, work: Callable[[*Arguments], None], *arguments: *Arguments) -> None:
        """Do *work*; a fault of ours in it must not end the watching of all."""
        try:
            work(*arguments)
        except AgentctlError as error:
            log.warning("not acted on", extra={"error": error.message})
        except Exception as error:  # noqa: BLE001  as above
            self._tell("limits", error)

    def _tell(self, unit: str, error: Exception) -> None:
        """Record a fault, once for as long as it stays the same."""
        if repr(error) != self._faults.get(unit):
            crash.record(self._world.ledger, unit, error)
        self._faults[unit] = repr(error)
