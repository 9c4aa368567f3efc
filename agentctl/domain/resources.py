"""What agents take of the machine: what the governor is asked to hold, and what it saw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from agentctl.domain.agent import Identity
from agentctl.domain.names import AgentId


class Level(StrEnum):
    """How an agent's CPU is held, the surest first."""

    QUOTA = "quota"
    """A cgroup of its own with a quota (`cpu.max`): the kernel holds it."""
    FREEZER = "freezer"
    """A cgroup of its own that is frozen and thawed (`cgroup.freeze`)."""
    SIGNALS = "signals"
    """SIGSTOP and SIGCONT to everything below its shim."""
    NICE = "nice"
    """It yields to everything else (its autogroup's weight); with nothing else to do it takes all."""
    WATCH = "watch"
    """Its use is seen and not held."""


class Brake(StrEnum):
    """Why the governor brought a whole tree to a stop by itself, before anybody could be asked."""

    MEMORY = "memory"
    PROCESSES = "processes"


@dataclass(frozen=True, slots=True)
class Leash:
    """What the governor is asked to hold one agent's tree to; None is no limit."""

    agent: AgentId
    root: Identity
    """The pane's process, the shim: it and its inner shell are never stopped."""
    cpu_percent: float | None = None
    """Of one core."""
    memory_bytes: int | None = None
    """The nearer the tree comes to it, the more exactly its memory is told."""
    memory_brake: bool = True
    """Above its memory limit the tree is braked at once; else it is only told of."""
    processes: int | None = None
    """More than so many and the tree is braked at once."""
    paused: bool = False
    """It stands still until this is False again."""
    released: bool = False
    """A brake of the governor is let go of: whoever asks has decided what follows."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one tree did since the sample before."""

    agent: AgentId
    cpu_percent: float
    """Of one core, on average."""
    cpu_seconds: float
    """Since the tree was first looked at, short-lived children included."""
    memory_bytes: int
    memory_kind: str
    """`rss`: the sum of resident sets, where shared pages count more than once; `pss`: each page once; `cgroup`."""
    processes: int
    throttled_percent: float
    """The share of the time in which it stood still for its limit."""
    longest_stop: float
    """Seconds of the longest stretch in which it stood still for its limit."""
    level: Level
    brake: Brake | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """What the whole machine has left."""

    cores: int
    cpu_percent: float
    """In use by anybody, of one core: two busy cores are 200."""
    memory_bytes: int
    available_bytes: int
    """Memory that can be had without swapping, as the system estimates it."""


@dataclass(frozen=True, slots=True)
class Round:
    """One look at everything, about once a second."""

    at: datetime
    seconds: float
    """Since the round before."""
    samples: tuple[Sample, ...]
    load: Load
