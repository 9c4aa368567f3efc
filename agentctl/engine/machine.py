"""The machine's bounds: what all agents together may take of it, and whether one more may be started now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from agentctl.domain.names import AgentId
from agentctl.domain.units import format_bytes

_RESERVE_SHARE, _RESERVE_MOST = 0.1, 2 * 2**30
_LEAST_STARTING = 4

CODING_TAKES = 256 * 2**20
"""What a coding agent takes by the time it is ready, more or less: claude idles at 200 MB, gemini at 410 MB."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What all agents together may take, as the settings say."""

    cpu_percent: float = 60.0
    """Of all cores."""
    reserve_bytes: int | None = None
    """Memory that is to stay free; None: by `reserve_share`."""
    reserve_share: float | None = None
    """Of all memory; None: a tenth, at most 2 GiB."""
    agents: int | None = None
    """At most so many at a time; None: any number."""
    starting: int | None = None
    """At most so many coding agents that start; None: by the number of cores."""

    def band(self, cores: int) -> float:
        """Return the CPU for all agents, in percent of one core."""
        return self.cpu_percent * cores

    def reserve(self, memory_bytes: int) -> int:
        """Return what is to stay free of *memory_bytes*."""
        if self.reserve_bytes is not None:
            return self.reserve_bytes
        if self.reserve_share is not None:
            return int(self.reserve_share * memory_bytes)
        return min(int(_RESERVE_SHARE * memory_bytes), _RESERVE_MOST)

    def most_starting(self, cores: int) -> int:
        """Return how many coding agents may start at once: each keeps a core or two busy for some seconds."""
        return self.starting if self.starting is not None else max(_LEAST_STARTING, 2 * cores)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an agent is not started now."""

    words: str
    passes: bool = False
    """It ends by itself in a moment, so waiting for it is not in vain."""


@dataclass(frozen=True, slots=True)
class Room:
    """What may be started beside what runs; by default, anything."""

    agents: int = 0
    most_agents: int | None = None
    starting: int = 0
    """Coding agents that are getting ready."""
    most_starting: int | None = None
    left_bytes: int | None = None
    """Memory that can be had, less what those that start will take; None: not known, which keeps nobody back."""
    reserve_bytes: int = 0
    coding: frozenset[AgentId] = frozenset()
    """Those that wait to be started and are coding agents."""

    def refusal(self, agent: AgentId) -> Refusal | None:
        """Return why *agent* may not be started now, None where it may."""
        coding = agent in self.coding
        if self.most_agents is not None and self.agents >= self.most_agents:
            return Refusal(f"{self.agents} of at most {self.most_agents} agents run")
        if self.left_bytes is not None and self.left_bytes - CODING_TAKES * coding < self.reserve_bytes:
            return Refusal(self._memory_in_words())
        if coding and self.most_starting is not None and self.starting >= self.most_starting:
            return Refusal(f"{self.starting} coding agents are starting", passes=True)
        return None

    def _memory_in_words(self) -> str:
        left, reserve = self.left_bytes or 0, self.reserve_bytes
        takes = f", and it takes some {format_bytes(CODING_TAKES)}" if left >= reserve else ""
        return f"memory: {format_bytes(max(0, left))} are left and {format_bytes(reserve)} are to stay free{takes}"

    def after(self, agent: AgentId) -> Room:
        """Return the room that is left when *agent* is started."""
        coding = agent in self.coding
        left = self.left_bytes - CODING_TAKES * coding if self.left_bytes is not None else None
        return replace(self, agents=self.agents + 1, starting=self.starting + coding, left_bytes=left)


def refusals(room: Room, agents: Iterable[AgentId]) -> dict[AgentId, Refusal]:
    """Return why those of *agents* are kept back that find no room, when they are started in this order."""
    kept: dict[AgentId, Refusal] = {}
    for agent in agents:
        refusal = room.refusal(agent)
        if refusal is not None:
            kept[agent] = refusal
        else:
            room = room.after(agent)
    return kept
