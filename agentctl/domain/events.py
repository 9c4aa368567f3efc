"""Events: what happened, in the past tense, as the log keeps it; and their types with what each carries.

A stream is one aggregate: `team:frontend`, `agent:frontend/pm`, `supervisor`. Types are never renamed and fields are
only added, because logs of every release must load for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple


class EventType(StrEnum):
    """Every type of event; the comment names the keys of its data.

    An event made from an agent's signal has `heard` too: how far the generation's signal file was read.
    """

    SUPERVISOR_STARTED = "SupervisorStarted"  # pid, version, tmux
    SUPERVISOR_STOPPED = "SupervisorStopped"  # reason
    UNIT_CRASHED = "UnitCrashed"  # unit, error
    CALL_REFUSED = "CallRefused"  # verb, why
    MACHINE_PRESSED = "MachinePressed"  # what (cpu, memory), evidence: agents are held back for the machine's sake
    MACHINE_EASED = "MachineEased"  # what, evidence

    TEAM_DEPLOYED = "TeamDeployed"  # spec (TeamSpec), environment (base variables), passed (names of others given),
    #   tag (four hex digits that stand in the header of every message to the team)
    TEAM_RESET = "TeamReset"  # reason: the team is forgotten

    AGENT_WANTED = "AgentWanted"  # reason, fresh (past failures are forgotten)
    AGENT_STARTING = "AgentStarting"  # generation, digest, runner, reason, session, resumed, mute
    AGENT_STARTED = "AgentStarted"  # generation, pane, process and server (Identity), adopted
    AGENT_READY = "AgentReady"  # generation, evidence
    AGENT_LATE = "AgentLate"  # generation, evidence: not ready in time; it runs on
    AGENT_UNHEALTHY = "AgentUnhealthy"  # generation, evidence
    AGENT_HEALTHY = "AgentHealthy"  # generation, evidence
    AGENT_BUSY = "AgentBusy"  # generation, evidence, source, phase (reasoning, executing), hops (0: by a person)
    AGENT_IDLE = "AgentIdle"  # generation, evidence, source
    AGENT_WAITING = "AgentWaiting"  # generation, evidence, source, ask (Ask)
    AGENT_UNSURE = "AgentUnsure"  # generation, evidence: nothing says any more what it does
    AGENT_TURN_ENDED = "AgentTurnEnded"  # generation, evidence, source, answer (cleaned, cut)
    AGENT_ANSWERED = "AgentAnswered"  # generation, ask (id), choice, policy (what answered; empty: the actor)
    AGENT_SESSION = "AgentSession"  # generation, session (empty: it cannot be gone on with), evidence
    AGENT_EXITED = "AgentExited"  # generation, code, reason, lines (last words, cleaned), well (it had run long enough)
    #   and, since 0.2: ending (Ending), until (quota: ISO time, or empty)
    AGENT_BACKING_OFF = "AgentBackingOff"  # until, failures, reason
    AGENT_FAILED = "AgentFailed"  # reason: fatal, a person is told
    AGENT_STOPPING = "AgentStopping"  # generation, reason, again (to be started again), grace (seconds)
    #   and, where it is no wish of anybody but a failure: ending (Ending), well (it had run long enough)
    AGENT_STOPPED = "AgentStopped"  # code, reason, survivors (pids)
    AGENT_CLOSED = "AgentClosed"  # generation, reason
    AGENT_DRIFTED = "AgentDrifted"  # drift (renamed, moved, unmarked), seen, wanted
    AGENT_REPAIRED = "AgentRepaired"  # drift
    AGENT_FORGOTTEN = "AgentForgotten"  # reason: it is no longer part of its team
    AGENT_LIMITED = "AgentLimited"  # limits (Limits), budget (Budget): as a person set them; null: the team file's
    AGENT_PAUSED = "AgentPaused"  # cause (PauseCause), reason
    AGENT_RESUMED = "AgentResumed"  # cause, reason, anew (its budget is counted from here on)
    AGENT_MEMORY = "AgentMemory"  # generation, step (MemoryStep), evidence, memory_bytes, limit_bytes, kind (rss, pss)
    AGENT_BRAKED = "AgentBraked"  # generation, brake (memory, processes), evidence: the governor stopped its tree
    AGENT_SPENT = "AgentSpent"  # generation, evidence, conversation, own (Spent: of it in all, by its record), spent
    #   (Spent: of all conversations, and the working time)
    AGENT_BUDGET = "AgentBudget"  # part (tokens, usd, time; price: no price is known), limit (its figure), evidence:
    #   80 % of it is used up
    AGENT_TICKED = "AgentTicked"  # schedule, at (the slot's moment), missed (slots before it that nobody took),
    #   message (its id), skipped (why nothing was done), unanswered (the check-in that should have been answered)
    AGENT_REPORTED = "AgentReported"  # message (the check-in), done, doing, blocked, needs (lines), worded
    AGENT_SILENT = "AgentSilent"  # missed, evidence: it answers no check-ins; appended when that begins
    AGENT_CHECKPOINTED = "AgentCheckpointed"  # schedule and at (as in AgentTicked; empty: a person asked), commit,
    #   subject, files, added, removed, left_out (LeftOut), evidence
    AGENT_NOT_CHECKPOINTED = "AgentNotCheckpointed"  # schedule, at, why (Skipped), evidence

    PERSON_NOTIFIED = "PersonNotified"  # why (Why), ask (id, or empty), since, ways (that it goes by), evidence:
    #   recorded before it goes out, so that nobody is told of the same thing twice

    # of the stream of the agent that it is for, or `person`
    MESSAGE_QUEUED = "MessageQueued"  # message, text, keys, sender, kind, when, hops
    MESSAGE_HELD = "MessageHeld"  # message, reason; appended when the reason changes
    MESSAGE_TYPED = "MessageTyped"  # message, generation, number
    MESSAGE_NUDGED = "MessageNudged"  # message, generation, evidence: the runner's keys were pressed once more
    MESSAGE_UNSEEN = "MessageUnseen"  # message, reason
    MESSAGE_SEEN = "MessageSeen"  # message, evidence
    MESSAGE_ANSWERED = "MessageAnswered"  # message, code, evidence, answer
    MESSAGE_DEAD = "MessageDead"  # message, reason
    MESSAGE_RETRIED = "MessageRetried"  # message, text, reason, in_place: queued again, in its place or at the end


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that is to be appended."""

    stream: str
    type: EventType
    data: dict[str, Any] = field(default_factory=dict)
    actor: str = "supervisor"
    expected: int | None = None
    """The stream's version that the writer saw (0: no events yet); None where it does not matter."""


class Event(NamedTuple):
    """One line of the log; it never changes. A tuple, because a log makes a hundred thousand of them a second."""

    seq: int
    """Its place in the log, from 1 with no gaps."""
    stream: str
    version: int
    """Its place in its stream, from 1 with no gaps."""
    type: str
    """An `EventType`, or the name of one that a newer release wrote."""
    at: datetime
    actor: str
    host: str
    data: dict[str, Any]
    hash: str
    """Chains this line to the one before it."""


SUPERVISOR_STREAM = "supervisor"
PERSON_STREAM = "person"
"""Messages to whoever sits at the machine."""


def team_stream(team: str) -> str:
    """Return the stream of *team*."""
    return f"team:{team}"


def agent_stream(agent: str) -> str:
    """Return the stream of the agent with id *agent*."""
    return f"agent:{agent}"
