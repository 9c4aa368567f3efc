"""An agent's life: its states, the legal moves between them, and what the log knows of it.

The table is the truth; docs/design/agent-states.md draws it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from agentctl.domain.errors import IllegalMove
from agentctl.domain.names import AgentId, PaneId
from agentctl.domain.notice import Told
from agentctl.domain.report import Report
from agentctl.domain.team import Budget, Limits


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
    """It waits for a person, or for a limit to end: `Agent.asking` says for what."""
    UNKNOWN = "unknown"
    """Nothing says what it does. Never taken for idle."""


class Phase(StrEnum):
    """Where an agent stands in its work; failed and stopped are told by `AgentState`."""

    CREATED = "created"
    """Started, not ready."""
    IDLE = "idle"
    ASSIGNED = "assigned"
    """A message was handed to it; it has not said that it took it."""
    REASONING = "reasoning"
    EXECUTING = "executing"
    """A tool of it runs."""
    VALIDATING = "validating"
    """Its turn has ended and what came of it is being checked."""
    COMPLETED = "completed"
    """Its turn has ended; recorded with the answer, and followed by idle."""


_WORK = frozenset({Phase.REASONING, Phase.EXECUTING})
PHASE_MOVES: dict[Phase, frozenset[Phase]] = {
    Phase.CREATED: frozenset({Phase.IDLE, Phase.ASSIGNED, *_WORK}),
    Phase.IDLE: frozenset({Phase.ASSIGNED, *_WORK}),
    Phase.ASSIGNED: frozenset({Phase.IDLE, *_WORK, Phase.VALIDATING, Phase.COMPLETED}),
    Phase.REASONING: frozenset({Phase.EXECUTING, Phase.VALIDATING, Phase.COMPLETED, Phase.IDLE}),
    Phase.EXECUTING: frozenset({Phase.REASONING, Phase.VALIDATING, Phase.COMPLETED, Phase.IDLE}),
    Phase.VALIDATING: frozenset({Phase.COMPLETED, Phase.IDLE, *_WORK}),
    Phase.COMPLETED: frozenset({Phase.IDLE, Phase.ASSIGNED, *_WORK}),
}
"""Each phase may be followed by itself; working to idle without completed is a turn that was broken off."""


class AskKind(StrEnum):
    """What an agent waits for."""

    PERMISSION = "permission"
    QUESTION = "question"
    TRUST = "trust"
    LOGIN = "login"
    THEME = "theme"
    UPDATE = "update"
    LIMIT = "limit"
    """A limit of its provider is reached; it can go on when that ends."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Ask:
    """Something that an agent waits for before it goes on, mostly a question to a person."""

    id: str
    """Made of kind, title and options: the same question has the same id."""
    kind: AskKind
    title: str = ""
    """In the program's own words, cleaned."""
    options: tuple[str, ...] = ()
    since: datetime | None = None
    until: str = ""
    """For a limit: when it ends, as the program says it; never made up."""
    until_at: datetime | None = None
    """`until` as a moment, where it can be understood."""


class Ending(StrEnum):
    """Why an agent ended, as far as can be told; what follows depends on it."""

    DONE = "done"
    """It ended by itself with code 0: a person left it, or its work was over."""
    CRASH = "crash"
    MEMORY = "memory"
    """It ran out of memory."""
    QUOTA = "quota"
    """Its provider takes no more for now."""
    LOGIN = "login"
    """Its provider does not know it: each try may make it worse, so a person is needed."""
    HANG = "hang"
    """It was ended because nothing of it had moved for too long."""
    LOST_SESSION = "lost-session"
    """The conversation it was to go on with is not there any more."""
    SERVER = "server"
    """The terminal's server ended under it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One process, never another that got its pid: boot, pid and start time in clock ticks since boot."""

    boot: str
    pid: int
    start_ticks: int


class PauseCause(StrEnum):
    """Who or what paused an agent; only the same may resume it, and a person may always."""

    PRESSURE = "pressure"
    """The machine is short of CPU or memory."""
    BUDGET = "budget"
    """It has used up what it may; its processes run on, and nothing more is handed to it."""
    PERSON = "person"


_STANDS_STILL = frozenset({PauseCause.PRESSURE, PauseCause.PERSON})


class MemoryStep(StrEnum):
    """How far an agent has come on the way from its memory limit to being ended; in this order."""

    OK = "ok"
    WARNED = "warned"
    TOLD = "told"
    """The agent itself was asked to take less."""
    THROTTLED = "throttled"
    RESTARTED = "restarted"
    """It is being started again, with its conversation."""
    KILLED = "killed"


@dataclass(frozen=True, slots=True)
class Spent:
    """What an agent has used up by its runner's own records, since it was deployed first."""

    tokens: int = 0
    """All that went to the model and came from it, what the provider had cached included."""
    usd: float = 0.0
    work: timedelta = timedelta(0)
    """Time in which it was working."""
    estimated: bool = False
    """The money is made from prices that we know, not told by the program."""
    cached: int = 0
    """Of the tokens: read from the provider's cache, for a tenth of the price."""
    unpriced: str = ""
    """A model whose price nobody knows, so that the money lacks its share; empty: there is none."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The slot of a schedule that was taken last."""

    at: datetime
    """Its own moment, by the schedule."""
    message: str = ""
    """The message that was queued for it."""


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
    active_since: datetime | None = None
    """When its activity became what it is."""
    phase: Phase = Phase.CREATED
    source: str = ""
    """Where its activity is known from: hook, screen, title, worker."""
    asking: Ask | None = None
    """What it waits for; set only while its activity is waiting."""
    session: str = ""
    """Its conversation: a restart goes on with it."""
    resumed: bool = False
    """This generation was started to go on with `session`."""
    ending: Ending | None = None
    """Why it ended last."""
    refused: int = 0
    """How often in a row it has ended because its provider takes no more."""
    hops: int = 0
    """The hops of the message it took last: what it sends has one more."""
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
    limits: Limits | None = None
    """Its limits as a person set them while it ran; None: those of its team file."""
    budget: Budget | None = None
    """Its budget as a person set it while it ran; None: that of its team file."""
    paused: PauseCause | None = None
    paused_since: datetime | None = None
    pause_reason: str = ""
    """In words, for whoever asks."""
    memory_step: MemoryStep = MemoryStep.OK
    condemned: str = ""
    """Why its whole tree is to be killed at once, in words; empty: it is not."""
    spent: Spent = Spent()
    books: dict[str, Spent] = field(default_factory=dict)
    """By conversation: what it took by the program's own record of it. `spent` is their sum, and the working time."""
    work_since: datetime | None = None
    """Up to when its working time is counted, while it works; None: it does not."""
    mute: bool = False
    """Nothing ever tells what it does: all the time in which it runs counts as working time."""
    ticks: dict[str, Tick] = field(default_factory=dict)
    """By schedule: no slot up to there is taken again."""
    checkpoint: str = ""
    """The commit of its newest checkpoint."""
    checkpointed_at: datetime | None = None
    report: Report | None = None
    """Its newest answer to a check-in; it says nothing of `activity`."""
    reported_at: datetime | None = None
    missed_check_ins: int = 0
    """Check-ins that were due while this generation had not answered the last one it got; a report ends the count."""
    budget_from: Spent = Spent()
    """What it had spent when a person last let it go on: its budget is counted from there."""
    budget_warned: dict[str, float] = field(default_factory=dict)
    """By part of its budget: the figure of which 80 % was told; another figure is told of again."""
    turn_ended: datetime | None = None
    """When its last turn ended."""
    told: dict[str, Told] = field(default_factory=dict)
    """By reason: what a person was told of it last."""

    @property
    def stands_still(self) -> bool:
        """Tell whether its processes are stopped: one that is paused for its budget is only handed nothing."""
        return self.paused in _STANDS_STILL

    def move(self, to: AgentState, **facts: object) -> Agent:
        """Return the agent in state *to*; raise `IllegalMove` where that is not its to make."""
        if to not in MOVES[self.state]:
            raise IllegalMove(f"{self.id} cannot go from {self.state} to {to}")
        return replace(self, state=to, **facts)  # type: ignore[arg-type]

    def spent_by(self, moment: datetime) -> Spent:
        """Return what it has spent by *moment*: the work that it is at counts up to there."""
        since = self.work_since
        if since is None or moment <= since:  # the clock may have been set back
            return self.spent
        return replace(self.spent, work=self.spent.work + (moment - since))
