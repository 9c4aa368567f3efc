"""The machine: its CPU divided among agents that want more than there is, and who waits when its memory is short."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Collection, Iterator, Sequence

from agentctl.domain.agent import ALIVE, Agent, AgentState, PauseCause
from agentctl.domain.events import SUPERVISOR_STREAM, Draft, EventType, agent_stream
from agentctl.domain.names import AgentId
from agentctl.domain.resources import Load, Sample
from agentctl.domain.units import format_bytes
from agentctl.engine.machine import CODING_TAKES, Refusal, Room, refusals
from agentctl.engine.pressure import Candidate, Strain, relieve
from agentctl.engine.reconcile import in_line
from agentctl.engine.shares import Claim, demand_of, divide, wanted
from agentctl.runners.registry import AUTO
from agentctl.supervisor.recorder import Recorder
from agentctl.supervisor.world import World
from agentctl.views.waits import waits_for

_DEMAND_LASTS = 3
"""Rounds; who was held a moment ago and is free now has not lost its wish at once."""

_CPU_EASES, _MEMORY_EASES = 0.9, 1.1
"""Of the band, and of the reserve: what is just enough is not yet ease."""

_CALM = 0.5
"""Of the band: where agents take less, and none of them is held, nobody need ask what each of them wants."""

_WAITS = frozenset({AgentState.PENDING, AgentState.BACKOFF})

Seen = Sequence[tuple[Agent, Sample, float]]
"""Agents that run, what was seen of each, and the CPU that it may take by its own limits, in percent of a core."""


class MachineWatch:
    """Sees to it that all agents together leave the machine what it needs."""

    def __init__(self, world: World, recorder: Recorder) -> None:
        self._world = world
        self._recorder = recorder
        self._cpu, self._memory = Strain(), Strain()
        self._demands: dict[AgentId, deque[float]] = {}
        self._paused_at: dict[AgentId, float] = {}
        self._resumed_at: dict[AgentId, float] = {}
        self._acted = -math.inf
        self.shares: dict[AgentId, float] = {}
        """Limits in percent of a core, for as long as agents want more than there is for all; else empty."""

    @property
    def cores(self) -> int:
        """Return how many cores there are."""
        last = self._recorder.last()
        return last.load.cores if last is not None else os.cpu_count() or 1

    @property
    def band(self) -> float:
        """Return what all agents together may take, in percent of a core."""
        return self._world.bounds.band(self.cores)

    def take(self, seen: Seen, load: Load) -> list[Draft]:
        """Take a round in; return what is to be recorded."""
        return [*self._divide_cpu(seen), *self._watch_memory(seen, load)]

    def lost(self) -> list[Draft]:
        """Let everybody go on: nobody tells any more how short the machine is."""
        self._cpu, self._memory, self.shares = Strain(), Strain(), {}
        return [_resume(agent, "nothing tells any more what the machine has left") for agent in self._pressed()]

    # --- CPU ---

    def _divide_cpu(self, seen: Seen) -> list[Draft]:
        band, was_on = self.band, self._cpu.on
        if not was_on and not self.shares and _is_calm(seen, band):
            self._cpu, self._demands = Strain(), {}
            return []
        claims = [self._claim(*one) for one in seen]
        want = wanted(claims)
        self._demands = {name: self._demands[name] for name in (claim.agent for claim in claims)}
        self.shares = divide(claims, band)
        now = self._world.clock.monotonic()
        self._cpu = self._cpu.after(now, short=want > band, enough=want <= _CPU_EASES * band)
        words = f"agents want {want:.0f}% of a core and may take {band:.0f}% together"
        return _news("cpu", words, before=was_on, now=self._cpu.on)

    def _claim(self, agent: Agent, sample: Sample, limit: float) -> Claim:
        spec = self._world.ledger.fleet.spec(agent.id)
        demands = self._demands.setdefault(agent.id, deque(maxlen=_DEMAND_LASTS))
        demands.append(demand_of(sample.cpu_percent, sample.throttled_percent))
        return Claim(agent.id, spec.priority if spec is not None else 1, limit, max(demands))

    # --- memory ---

    def _watch_memory(self, seen: Seen, load: Load) -> list[Draft]:
        now, reserve = self._world.clock.monotonic(), self._world.bounds.reserve(load.memory_bytes)
        short, enough = load.available_bytes < reserve, load.available_bytes >= _MEMORY_EASES * reserve
        was_on = self._memory.on
        self._memory = self._memory.after(now, short=short, enough=enough)
        words = f"{format_bytes(load.available_bytes)} are left and {format_bytes(reserve)} are to stay free"
        return [*_news("memory", words, before=was_on, now=self._memory.on), *self._relieve(seen, words)]

    def _relieve(self, seen: Seen, words: str) -> Iterator[Draft]:
        """Yield who goes on and who stands still now."""
        if not (self._memory.on or self._paused_at or any(agent.paused is PauseCause.PRESSURE for agent, _, _ in seen)):
            return
        now = self._world.clock.monotonic()
        candidates = list(self._candidates(seen, now))
        relief = relieve(self._memory, candidates, now, self._acted)
        back = "others have their turn to stand still" if self._memory.on else f"there is memory again: {words}"
        agents = {agent.id: agent for agent, _, _ in seen}
        for name in relief.resume:
            yield _resume(agents[name], back)
        for name in relief.pause:
            self._paused_at[name] = now
            facts = {"cause": PauseCause.PRESSURE.value, "reason": f"the machine is short of memory: {words}"}
            yield Draft(agent_stream(name), EventType.AGENT_PAUSED, facts)
        if relief.pause or (relief.resume and not self._memory.on):
            self._acted = now

    def _candidates(self, seen: Seen, now: float) -> Iterator[Candidate]:
        """Yield the agents that run, or stand still for the machine's sake."""
        paused = {agent.id for agent, _, _ in seen if agent.paused is PauseCause.PRESSURE}
        self._resumed_at |= dict.fromkeys(self._paused_at.keys() - paused, now)  # a person's doing too
        self._paused_at = {name: self._paused_at.get(name, now) for name in paused}
        for agent, sample, _ in seen:
            spec = self._world.ledger.fleet.spec(agent.id)
            if agent.state is not AgentState.RUNNING or agent.paused not in (None, PauseCause.PRESSURE):
                continue
            yield Candidate(
                agent.id,
                spec.priority if spec is not None else 1,
                agent.activity,
                sample.memory_bytes,
                now - self._paused_at[agent.id] if agent.id in paused else None,
                now - self._resumed_at.get(agent.id, -math.inf),
            )

    def _pressed(self) -> list[Agent]:
        return [a for a in self._world.ledger.fleet.agents.values() if a.paused is PauseCause.PRESSURE]

    # --- who may be started ---

    def room(self) -> Room:
        """Return what may be started beside what runs."""
        agents = self._world.ledger.fleet.agents.values()
        waiting = [agent for agent in agents if agent.state in _WAITS]
        if not waiting:
            return Room()
        starting = sum(self._is_getting_ready(agent) for agent in agents)
        last, bounds = self._recorder.last(), self._world.bounds
        return Room(
            agents=sum(agent.state in ALIVE for agent in agents),
            most_agents=bounds.agents,
            starting=starting,
            most_starting=bounds.most_starting(self.cores),
            left_bytes=last.load.available_bytes - starting * CODING_TAKES if last is not None else None,
            reserve_bytes=bounds.reserve(last.load.memory_bytes) if last is not None else 0,
            coding=frozenset(agent.id for agent in waiting if self._is_to_be_coding(agent.id)),
        )

    def kept_back(self) -> dict[AgentId, Refusal]:
        """Return why agents whose turn it is are not started."""
        room = self.room()
        due = (agent.id for agent in self._world.ledger.fleet.agents.values() if self._is_due(agent))
        return refusals(room, in_line(self._world.ledger.fleet, due))

    def _is_due(self, agent: Agent) -> bool:
        spec, fleet = self._world.ledger.fleet.spec(agent.id), self._world.ledger.fleet
        if agent.state is AgentState.BACKOFF:
            return agent.retry_at is not None and agent.retry_at <= self._world.clock.now()
        return agent.state is AgentState.PENDING and spec is not None and not waits_for(spec, fleet)

    def _is_getting_ready(self, agent: Agent) -> bool:
        """Tell whether *agent* keeps the machine busy with its start: who asks a person, or is late, does not."""
        waits = agent.late or agent.asking is not None
        return agent.state is AgentState.STARTING and not waits and self._world.runners.known(agent.runner).coding

    def _is_to_be_coding(self, name: AgentId) -> bool:
        spec = self._world.ledger.fleet.spec(name)
        return spec is not None and (spec.runner == AUTO or self._world.runners.known(spec.runner).coding)

    def keep_only(self, agents: Collection[AgentId]) -> None:
        """Forget what is known of all others."""
        self._resumed_at = {name: at for name, at in self._resumed_at.items() if name in agents}
        self.shares = {name: share for name, share in self.shares.items() if name in agents}


def _is_calm(seen: Seen, band: float) -> bool:
    held = any(sample.throttled_percent for _, sample, _ in seen)
    return not held and sum(sample.cpu_percent for _, sample, _ in seen) <= _CALM * band


def _news(what: str, words: str, *, before: bool, now: bool) -> list[Draft]:
    if before == now:
        return []
    kind = EventType.MACHINE_PRESSED if now else EventType.MACHINE_EASED
    return [Draft(SUPERVISOR_STREAM, kind, {"what": what, "evidence": words})]


def _resume(agent: Agent, reason: str) -> Draft:
    facts = {"cause": PauseCause.PRESSURE.value, "reason": reason}
    return Draft(agent_stream(agent.id), EventType.AGENT_RESUMED, facts)
