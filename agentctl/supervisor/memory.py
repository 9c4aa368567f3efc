"""Memory: the last minutes of each agent's, and what is recorded as it comes near its limit."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

from agentctl.domain.agent import Activity, Agent, AgentState, Ending, MemoryStep
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.names import AgentId
from agentctl.domain.resources import Brake, Sample
from agentctl.domain.team import Limits
from agentctl.domain.units import format_bytes
from agentctl.engine.memory_ladder import KEPT_SECONDS, Footing, Held, in_words, is_above, step_of
from agentctl.engine.restart import was_well
from agentctl.supervisor.world import World

_TOLD_AGAIN = timedelta(minutes=10)
"""Between two messages to an agent that goes up and down: it has read the first."""

_FAR = 0.4
"""Of its limit; who holds less is on no step, however it grows."""

_WHAT_FOLLOWS = {
    "warn": "",
    "throttle": " Above that you are slowed down.",
    "restart": " If you stay above that you are started again: your conversation goes on, and all that you have started"
    " is ended.",
    "stop": " If you stay above that you are ended, and not started again.",
}


@dataclass(slots=True)
class _History:
    """What is known of one generation; of one kind, because figures of two kinds do not make a line."""

    generation: int
    kind: str
    samples: deque[Held] = field(default_factory=deque)
    ending_from: int | None = None

    def add(self, held: Held) -> None:
        """Take *held* in, and let go of what is too old."""
        self.samples.append(held)
        while held.at - self.samples[0].at > KEPT_SECONDS:
            self.samples.popleft()


class MemoryWatch:
    """Leads each agent up and down the memory ladder."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._histories: dict[AgentId, _History] = {}

    def keep_only(self, agents: Collection[AgentId]) -> None:
        """Forget all others."""
        self._histories = {name: history for name, history in self._histories.items() if name in agents}

    def take(self, agent: Agent, sample: Sample) -> list[Draft]:
        """Take *sample* of *agent* in; return what is to be recorded."""
        limits = self._world.ledger.fleet.limits(agent.id)
        if limits.memory_bytes is None:
            return self._without_limit(agent, sample)
        history = self._history(agent, sample)
        if _is_far(agent, sample, limits.memory_bytes):
            return []
        footing = Footing(
            tuple(history.samples),
            limits.memory_bytes,
            agent.memory_step,
            limits.on_exceed,
            at_rest=self._is_at_rest(agent),
            braked=sample.brake is Brake.MEMORY,
            ending_from=history.ending_from,
            exact=sample.memory_kind != "rss",
        )
        step = step_of(footing)
        if step is agent.memory_step:
            return []
        words = in_words(footing.samples, limits.memory_bytes, sample.memory_kind)
        return [
            *self._braked(agent, sample, words),
            _step(agent, step, words, sample, limits.memory_bytes),
            *self._message(agent, step, sample, limits),
            *self._end(agent, step, words, limits),
        ]

    def _history(self, agent: Agent, sample: Sample) -> _History:
        history = self._histories.get(agent.id)
        if history is None or (history.generation, history.kind) != (agent.generation, sample.memory_kind):
            history = self._histories[agent.id] = _History(agent.generation, sample.memory_kind)
        history.add(Held(self._world.clock.monotonic(), sample.memory_bytes))
        if agent.state is AgentState.STOPPING and history.ending_from is None:
            history.ending_from = sample.memory_bytes
        return history

    def _without_limit(self, agent: Agent, sample: Sample) -> list[Draft]:
        self._histories.pop(agent.id, None)
        if agent.memory_step is MemoryStep.OK or agent.state is AgentState.STOPPING:
            return []
        return [_step(agent, MemoryStep.OK, "it has no memory limit any more", sample, None)]

    def _is_at_rest(self, agent: Agent) -> bool:
        """Tell whether no turn would be broken off; a plain process has none."""
        if agent.activity is Activity.UNKNOWN:
            return not self._is_coding(agent)
        return agent.activity is Activity.IDLE

    def _is_coding(self, agent: Agent) -> bool:
        return self._world.runners.known(agent.runner).coding

    def _braked(self, agent: Agent, sample: Sample, words: str) -> list[Draft]:
        if sample.brake is not Brake.MEMORY:
            return []
        facts = {"generation": agent.generation, "brake": Brake.MEMORY.value, "evidence": words}
        return [Draft(agent_stream(agent.id), EventType.AGENT_BRAKED, facts)]

    def _message(self, agent: Agent, step: MemoryStep, sample: Sample, limits: Limits) -> list[Draft]:
        """Return what tells a coding agent that it takes too much."""
        rises = is_above(step, agent.memory_step) and not is_above(MemoryStep.TOLD, step)
        if not rises or is_above(step, MemoryStep.THROTTLED) or not self._is_coding(agent) or self._was_told(agent):
            return []
        allowed = format_bytes(limits.memory_bytes or 0)
        text = (
            f"You take {format_bytes(sample.memory_bytes)} of memory with all that you have started, and may take"
            f" {allowed}. End what you do not need now, such as servers, watchers, builds and tests in the background."
            f"{_WHAT_FOLLOWS[limits.on_exceed]}"
        )
        facts = {"message": secrets.token_hex(4), "text": text, "sender": "agentctl", "kind": "limit"}
        return [Draft(agent_stream(agent.id), EventType.MESSAGE_QUEUED, facts)]

    def _was_told(self, agent: Agent) -> bool:
        """Tell whether it got such a message not long ago, or has one before it."""
        since = self._world.clock.now() - _TOLD_AGAIN
        told = (m.queued_at for m in self._world.ledger.fleet.of(agent.id) if m.kind == "limit")
        return any(at is not None and at > since for at in told)

    def _end(self, agent: Agent, step: MemoryStep, words: str, limits: Limits) -> list[Draft]:
        """Return what has it ended, and started again where its limits say so; the rest is the loop's."""
        if not is_above(step, MemoryStep.THROTTLED) or agent.state is AgentState.STOPPING:
            return []
        spec = self._world.ledger.fleet.spec(agent.id)
        again = limits.on_exceed == "restart"
        facts = {
            "generation": agent.generation,
            "reason": f"it took more memory than it may: {words}" + ("" if again else "; it is not started again"),
            "again": again,
            "ending": Ending.MEMORY.value,
            "well": spec is not None and was_well(agent, spec.restart, self._world.clock.now()),
        }
        return [Draft(agent_stream(agent.id), EventType.AGENT_STOPPING, facts)]


def _is_far(agent: Agent, sample: Sample, limit: int) -> bool:
    """Tell whether there is nothing to think about: most agents, most of the time."""
    calm = agent.memory_step is MemoryStep.OK and agent.state is not AgentState.STOPPING and sample.brake is None
    return calm and sample.memory_bytes < _FAR * limit


def _step(agent: Agent, step: MemoryStep, words: str, sample: Sample, limit: int | None) -> Draft:
    facts = {
        "generation": agent.generation,
        "step": step.value,
        "evidence": words,
        "memory_bytes": sample.memory_bytes,
        "limit_bytes": limit,
        "kind": sample.memory_kind,
    }
    return Draft(agent_stream(agent.id), EventType.AGENT_MEMORY, facts)
