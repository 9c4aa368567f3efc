"""What each event makes of an agent: one small function a type, and the table of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from agentctl.domain.agent import (
    ALIVE,
    PHASE_MOVES,
    Activity,
    Agent,
    AgentState,
    Ask,
    Ending,
    Identity,
    MemoryStep,
    PauseCause,
    Phase,
    Tick,
)  # fmt: skip
from agentctl.domain.codec import decode
from agentctl.domain.errors import IllegalMove
from agentctl.domain.events import Event, EventType
from agentctl.domain.names import PaneId
from agentctl.domain.notice import Told
from agentctl.domain.report import Report
from agentctl.domain.resources import Brake
from agentctl.domain.team import Limits
from agentctl.views.spending_fold import begun_anew, budgeted, clocked, spent, warned

_FAILURES_KEPT = 50

_HEARD = (AgentState.STARTING, AgentState.RUNNING)
"""What an agent says of itself counts while it runs; its last words may arrive after its end."""

_AT_EASE: dict[str, Any] = {"paused": None, "paused_since": None, "pause_reason": ""}
_NOTHING_KNOWN: dict[str, Any] = {"activity": Activity.UNKNOWN, "phase": Phase.CREATED, "source": "", "asking": None}
_ENDED: dict[str, Any] = {
    "process": None, "late": False, "unwell": "", "memory_step": MemoryStep.OK, "condemned": "", **_NOTHING_KNOWN,
}  # fmt: skip


def _wanted(agent: Agent, event: Event) -> Agent:
    fresh = bool(event.data.get("fresh"))
    facts: dict[str, Any] = {
        "since": event.at,
        "evidence": event.data.get("reason", ""),
        "failures": () if fresh else agent.failures,
    }
    if agent.state is AgentState.PENDING:
        return replace(agent, **facts, ending=None if fresh else agent.ending)
    ending = agent.ending if agent.again and not fresh else None  # why it was ended, where that was no wish
    return agent.move(AgentState.PENDING, **facts, ending=ending, again=False, retry_at=None, **_ENDED)


def _starting(agent: Agent, event: Event) -> Agent:
    unasked = agent.state is AgentState.BACKOFF or agent.ending is not None
    return agent.move(
        AgentState.STARTING,
        since=event.at,
        evidence=event.data.get("reason", ""),
        generation=event.data["generation"],
        digest=event.data.get("digest", ""),
        runner=event.data.get("runner", ""),
        process=None,
        retry_at=None,
        exit_code=None,
        active_since=event.at,
        session=event.data.get("session", ""),
        resumed=bool(event.data.get("resumed")),
        mute=bool(event.data.get("mute")),
        turn_ended=None,
        hops=0,
        typed=0,
        heard=0,
        late=False,
        unwell="",
        missed_check_ins=0,
        **_NOTHING_KNOWN,
        restarts=agent.restarts + 1 if unasked else agent.restarts,
    )


def _started(agent: Agent, event: Event) -> Agent:
    if event.data.get("generation") != agent.generation:
        return agent
    return replace(
        agent,
        pane=PaneId(event.data["pane"]),
        process=decode(Identity, event.data["process"]),
        server=decode(Identity, event.data["server"]) if event.data.get("server") else None,
    )


def _ready(agent: Agent, event: Event) -> Agent:
    if agent.state is not AgentState.STARTING:
        return agent
    facts: dict[str, Any] = {"since": event.at, "evidence": event.data.get("evidence", ""), "late": False}
    if agent.phase is Phase.CREATED:
        facts["phase"] = Phase.IDLE
    return agent.move(AgentState.RUNNING, **facts)


def _late(agent: Agent, event: Event) -> Agent:
    if agent.state is not AgentState.STARTING:
        return agent
    return replace(agent, late=True, evidence=event.data.get("evidence", ""))


def _unhealthy(agent: Agent, event: Event) -> Agent:
    if agent.state is not AgentState.RUNNING:
        return agent
    return replace(agent, unwell=event.data.get("evidence", "unhealthy"), evidence=event.data.get("evidence", ""))


def _healthy(agent: Agent, event: Event) -> Agent:
    if agent.state is not AgentState.RUNNING:
        return agent
    return replace(agent, unwell="", evidence=event.data.get("evidence", ""))


def _busy(agent: Agent, event: Event) -> Agent:
    return _acts(agent, event, Activity.WORKING, Phase(event.data.get("phase", Phase.REASONING)))


def _idle(agent: Agent, event: Event) -> Agent:
    return _acts(agent, event, Activity.IDLE, Phase.IDLE)


def _waiting(agent: Agent, event: Event) -> Agent:
    ask = decode(Ask, event.data["ask"])
    known = agent.asking
    since = known.since if known is not None and known.id == ask.id else ask.since or event.at
    return replace(_acts(agent, event, Activity.WAITING, agent.phase), asking=replace(ask, since=since))


def _unsure(agent: Agent, event: Event) -> Agent:
    return _acts(agent, event, Activity.UNKNOWN, agent.phase)


def _turn_ended(agent: Agent, event: Event) -> Agent:
    ended = _acts(agent, event, Activity.IDLE, Phase.COMPLETED)
    return ended if ended is agent else replace(ended, turn_ended=event.at)


def _acts(agent: Agent, event: Event, activity: Activity, phase: Phase) -> Agent:
    """Return *agent* with what it does now; a question is over with the waiting for it."""
    if agent.state not in _HEARD or event.data.get("generation", agent.generation) != agent.generation:
        return agent
    if phase is not agent.phase and phase not in PHASE_MOVES[agent.phase]:
        raise IllegalMove(f"{agent.id} cannot go from {agent.phase} to {phase}")
    return replace(
        agent,
        activity=activity,
        active_since=agent.active_since if activity is agent.activity else event.at,
        phase=phase,
        asking=None,
        evidence=event.data.get("evidence", ""),
        source=event.data.get("source", ""),
        hops=event.data.get("hops", agent.hops),
    )


def _session(agent: Agent, event: Event) -> Agent:
    if event.data.get("generation", agent.generation) != agent.generation:
        return agent
    return replace(agent, session=event.data.get("session", ""))


def _exited(agent: Agent, event: Event) -> Agent:
    ending = Ending(event.data["ending"]) if event.data.get("ending") else None
    until = event.data.get("until", "")
    return _thawed(agent).move(
        AgentState.EXITED,
        since=event.at,
        evidence=event.data.get("reason", ""),
        exit_code=event.data.get("code"),
        ending=ending,
        session="" if ending is Ending.LOST_SESSION else agent.session,
        retry_at=datetime.fromisoformat(until) if until else None,
        failures=_failures(agent, event, counts=not _is_no_failure(agent, ending)),
        refused=0 if ending is not Ending.QUOTA else 1 if event.data.get("well") else agent.refused + 1,
        **_ENDED,
    )


def _is_no_failure(agent: Agent, ending: Ending | None) -> bool:
    """Tell whether an end says nothing against the agent: a limit, or a conversation that it could not go on with."""
    return ending is Ending.QUOTA or (ending is Ending.LOST_SESSION and agent.resumed)


def _failures(agent: Agent, event: Event, *, counts: bool) -> tuple[datetime, ...]:
    """Return the failures that are held against *agent* after an end, which may be one itself."""
    before = () if event.data.get("well") else agent.failures
    return (*before, event.at)[-_FAILURES_KEPT:] if counts else before


def _backing_off(agent: Agent, event: Event) -> Agent:
    until = datetime.fromisoformat(event.data["until"])
    return agent.move(AgentState.BACKOFF, since=event.at, evidence=event.data.get("reason", ""), retry_at=until)


def _failed(agent: Agent, event: Event) -> Agent:
    return agent.move(AgentState.FATAL, since=event.at, evidence=event.data.get("reason", ""), process=None)


def _stopping(agent: Agent, event: Event) -> Agent:
    grace = event.data.get("grace")
    ending = Ending(event.data["ending"]) if event.data.get("ending") else None
    facts: dict[str, Any] = {
        "evidence": event.data.get("reason", ""),
        "again": bool(event.data.get("again")),
        "grace": timedelta(seconds=grace) if grace is not None else None,
        "ending": ending,
        "failures": _failures(agent, event, counts=ending is not None),
    }
    if agent.state is AgentState.STOPPING:
        return replace(agent, **facts)
    return _thawed(agent).move(AgentState.STOPPING, since=event.at, **facts)


def _stopped(agent: Agent, event: Event) -> Agent:
    return agent.move(
        AgentState.STOPPED,
        since=event.at,
        evidence=event.data.get("reason", ""),
        exit_code=event.data.get("code"),
        retry_at=None,
        **_ENDED,
    )


def _limited(agent: Agent, event: Event) -> Agent:
    limits = event.data.get("limits")
    return budgeted(replace(agent, limits=decode(Limits, limits) if limits is not None else None), event)


def _paused(agent: Agent, event: Event) -> Agent:
    since = agent.paused_since if agent.paused is not None else event.at
    cause, reason = PauseCause(event.data["cause"]), event.data.get("reason", "")
    return replace(agent, paused=cause, paused_since=since, pause_reason=reason)


def _resumed(agent: Agent, event: Event) -> Agent:
    return replace(begun_anew(agent, event), **_AT_EASE)


def _thawed(agent: Agent) -> Agent:
    """Return *agent* as it is when it ends: nothing of it stands still any more, and a budget stays used up."""
    return replace(agent, **_AT_EASE) if agent.stands_still else agent


def _memory(agent: Agent, event: Event) -> Agent:
    if event.data.get("generation") != agent.generation or agent.state not in ALIVE:
        return agent
    return replace(agent, memory_step=MemoryStep(event.data["step"]))


def _braked(agent: Agent, event: Event) -> Agent:
    """Condemn a tree that has too many processes; one with too much memory has a ladder of its own."""
    if event.data.get("generation") != agent.generation or agent.state not in _HEARD:
        return agent
    return replace(agent, condemned=event.data["evidence"]) if event.data["brake"] == Brake.PROCESSES else agent


def _closed(agent: Agent, event: Event) -> Agent:
    return _thawed(agent).move(
        AgentState.CLOSED,
        since=event.at,
        evidence=event.data.get("reason", ""),
        pane=None,
        **_ENDED,
    )


def _ticked(agent: Agent, event: Event) -> Agent:
    """Take a slot; the clock may have been set back, and no slot before is taken again for it."""
    name = event.data.get("schedule", "")
    if not name:
        return agent
    at = datetime.fromisoformat(event.data["at"])
    known = agent.ticks.get(name)
    if known is not None and known.at >= at:
        return agent
    missed = agent.missed_check_ins + bool(event.data.get("unanswered"))
    ticks = {**agent.ticks, name: Tick(at, event.data.get("message", ""))}
    return replace(agent, ticks=ticks, missed_check_ins=missed)


def _checkpointed(agent: Agent, event: Event) -> Agent:
    return replace(_ticked(agent, event), checkpoint=event.data["commit"], checkpointed_at=event.at)


def _reported(agent: Agent, event: Event) -> Agent:
    return replace(agent, report=decode(Report, event.data), reported_at=event.at, missed_check_ins=0)


def _typed_into(agent: Agent, event: Event) -> Agent:
    if event.data.get("generation") != agent.generation:
        return agent
    phase = Phase.ASSIGNED if Phase.ASSIGNED in PHASE_MOVES[agent.phase] else agent.phase
    return replace(agent, typed=max(agent.typed, event.data.get("number", 0)), phase=phase)


def _told(agent: Agent, event: Event) -> Agent:
    """Take in that a person was told; what they are told of the same thing by another way comes to that."""
    why, ask, since = event.data["why"], event.data.get("ask", ""), datetime.fromisoformat(event.data["since"])
    ways, last = tuple(event.data.get("ways", ())), agent.told.get(why)
    if last is not None and (last.ask, last.since) == (ask, since):
        ways = (*last.ways, *(way for way in ways if way not in last.ways))
    return replace(agent, told={**agent.told, why: Told(ask, since, ways, event.at)})


AGENT_FOLDS: dict[str, Callable[[Agent, Event], Agent]] = {
    EventType.AGENT_WANTED: _wanted,
    EventType.AGENT_STARTING: _starting,
    EventType.AGENT_STARTED: _started,
    EventType.AGENT_READY: _ready,
    EventType.AGENT_LATE: _late,
    EventType.AGENT_UNHEALTHY: _unhealthy,
    EventType.AGENT_HEALTHY: _healthy,
    EventType.AGENT_BUSY: _busy,
    EventType.AGENT_IDLE: _idle,
    EventType.AGENT_WAITING: _waiting,
    EventType.AGENT_UNSURE: _unsure,
    EventType.AGENT_TURN_ENDED: _turn_ended,
    EventType.AGENT_SESSION: _session,
    EventType.AGENT_EXITED: _exited,
    EventType.AGENT_BACKING_OFF: _backing_off,
    EventType.AGENT_FAILED: _failed,
    EventType.AGENT_STOPPING: _stopping,
    EventType.AGENT_STOPPED: _stopped,
    EventType.AGENT_CLOSED: _closed,
    EventType.AGENT_LIMITED: _limited,
    EventType.AGENT_PAUSED: _paused,
    EventType.AGENT_RESUMED: _resumed,
    EventType.AGENT_MEMORY: _memory,
    EventType.AGENT_BRAKED: _braked,
    EventType.AGENT_SPENT: spent,
    EventType.AGENT_BUDGET: warned,
    EventType.AGENT_TICKED: _ticked,
    EventType.AGENT_CHECKPOINTED: _checkpointed,
    EventType.AGENT_NOT_CHECKPOINTED: _ticked,
    EventType.AGENT_REPORTED: _reported,
    EventType.MESSAGE_TYPED: _typed_into,
    EventType.PERSON_NOTIFIED: _told,
}


def fold(agent: Agent, event: Event) -> Agent:
    """Return what *event* makes of *agent*; raises what a fold raises for an event that does not fit."""
    return clocked(agent, AGENT_FOLDS[event.type](agent, event), event.at)
