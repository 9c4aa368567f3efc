"""An agent's life: its states, the legal moves between them, and what the log knows of it.

The table is the truth; docs/design/agent-states.md draws it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from agentctl.domain.errors import IllegalMove
from agentctl.domain.names import AgentId, PaneId


class AgentState(StrEnum):
    """Where an agent stands; `unknown` is no state but the absence of an answer (see `Activity`)."""

    PENDING = "pending"
    """Wanted, not started: it waits for its turn or for what it depends on."""
    STARTING = "starting"
    """Its window is made or being made; it is not ready."""
    RUNNING = "running"
    """It said or showed that it is ready."""
    STOPPING = "stopping"
    """It was asked to end: what is left of its tree is being ended, then its window closes."""
    STOPPED = "stopped"
    """It ended because somebody wanted it to."""
    EXITED = "exited"
    """It ended by itself; the restart policy decides what is next, or leaves it so."""
    BACKOFF = "backoff"
    """It ended by itself and is started again when its wait is over."""
    FATAL = "fatal"
    """It failed too often: a person is needed."""
    CLOSED = "closed"
    """A person closed its window."""


MOVES: dict[AgentState, frozenset[AgentState]] = {
    AgentState.PENDING: frozenset({AgentState.STARTING, AgentState.STOPPING, AgentState.FATAL}),
    AgentState.STARTING: frozenset(
        {
            AgentState.PENDING,  # the start was cut short before anything ran
            AgentState.RUNNING,
            AgentState.EXITED,
            AgentState.STOPPING,
            AgentState.CLOSED,
        }
    ),
    AgentState.RUNNING: frozenset({AgentState.EXITED, AgentState.STOPPING, AgentState.CLOSED}),
    AgentState.STOPPING: frozenset({AgentState.STOPPED}),
    AgentState.STOPPED: frozenset({AgentState.PENDING}),
    AgentState.EXITED: frozenset({AgentState.PENDING, AgentState.BACKOFF, AgentState.FATAL, AgentState.STOPPING}),
    AgentState.BACKOFF: frozenset({AgentState.PENDING, AgentState.STARTING, AgentState.STOPPING, AgentState.FATAL}),
    AgentState.FATAL: frozenset({AgentState.PENDING, AgentState.STOPPING}),
    AgentState.CLOSED: frozenset({AgentState.PENDING, AgentState.STOPPING}),
}

ALIVE = frozenset({AgentState.STARTING, AgentState.RUNNING, AgentState.STOPPING})
"""States in which a process of ours may run."""


class Activity(StrEnum):
    """What a running agent is doing, as far as evidence goes."""

    IDLE = "idle"
    WORKING = "working"
    WAITING = "waiting"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Identity:
    """One process, never another that got its pid: boot, pid and start time in clock ticks since boot."""

    boot: str
    pid: int
    start_ticks: int


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent as the last event left it."""

    id: AgentId
    state: AgentState = AgentState.PENDING
    since: datetime | None = None
    evidence: str = ""
    generation: int = 0
    """Counts starts; a signal that carries an older one changes nothing."""
    digest: str = ""
    """What the running generation was started from (`AgentSpec.digest`)."""
    runner: str = ""
    pane: PaneId | None = None
    process: Identity | None = None
    """The pane's own process: the shim that the agent runs below."""
    server: Identity | None = None
    """The tmux server that `pane` belongs to."""
    restarts: int = 0
    failures: tuple[datetime, ...] = ()
    """Failures since the agent was last well, oldest first."""
    retry_at: datetime | None = None
    exit_code: int | None = None
    activity: Activity = Activity.UNKNOWN
    typed: int = 0
    """Messages handed to this generation."""
    heard: int = 0
    """Bytes of this generation's signal file that have been taken in."""
    grace: timedelta | None = None
    """While stopping: the wait between TERM and KILL that was asked for, None for its spec's."""
    again: bool = False
    """While stopping: whether it is to be started again."""
    late: bool = False
    """It was not ready within its time; it runs on."""
    unwell: str = ""
    """Why its health probe says no; empty where it says yes or was not asked."""

    def move(self, to: AgentState, **facts: object) -> Agent:
        """Return the agent in state *to*; raise `IllegalMove` where that is not its to make."""
        if to not in MOVES[self.state]:
            raise IllegalMove(f"{self.id} cannot go from {self.state} to {to}")
        return replace(self, state=to, **facts)  # type: ignore[arg-type]
