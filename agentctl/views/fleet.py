"""The fleet: every team and agent as the log left them. A fold, so it can always be made again from the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from agentctl.domain.agent import Activity, Agent, AgentState, Identity
from agentctl.domain.codec import decode
from agentctl.domain.errors import IllegalMove
from agentctl.domain.events import Draft, Event, EventType
from agentctl.domain.names import AgentId, PaneId, team_of
from agentctl.domain.team import AgentSpec, TeamSpec

log = logging.getLogger(__name__)

_FAILURES_KEPT = 50

_UNFIT = (IllegalMove, LookupError, ValueError, TypeError, AttributeError, ArithmeticError)
"""What a fold raises for an event that does not fit: a move that is none, or data of another form."""


@dataclass(frozen=True, slots=True)
class Team:
    """One deployed team."""

    spec: TeamSpec
    environment: dict[str, str] = field(default_factory=dict)
    """The base variables of the one who deployed it; nothing secret."""
    passed: tuple[str, ...] = ()
    """Names of further variables that were given; their values are in no log."""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message on its way to an agent."""

    id: str
    agent: AgentId
    text: str
    sender: str
    seq: int = 0
    """The event that queued it: its place among all messages."""
    kind: str = "message"
    """`message`, or `brief`: what an agent is told first."""
    keys: tuple[str, ...] = ()
    state: str = "queued"
    """queued, typed, seen, answered or dead."""
    number: int = 0
    evidence: str = ""
    code: int | None = None
    generation: int = 0


@dataclass(slots=True)
class Fleet:
    """All teams, agents and open messages; `apply` takes it from one event to the next."""

    seq: int = 0
    teams: dict[str, Team] = field(default_factory=dict)
    agents: dict[AgentId, Agent] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)

    def apply(self, event: Event) -> None:
        """Take *event* in; types that this version does not know change nothing.

        Nothing is raised: an event is in the log for ever, and one that does not fit must not keep the rest from being
        read. It is passed over and told of.
        """
        try:
            self._fold(event)
        except _UNFIT as error:
            facts = {"seq": event.seq, "event": event.type, "stream": event.stream, "error": str(error)}
            log.warning("an event of the log does not fit and is passed over", extra=facts)
        self.seq = event.seq

    def apply_all(self, events: Iterable[Event]) -> None:
        """Take *events* in, in order."""
        for event in events:
            self.apply(event)

    def check(self, drafts: Sequence[Draft]) -> None:
        """Raise `IllegalMove` where one of *drafts* would not fit after those before it; nothing changes."""
        trial = Fleet(self.seq, dict(self.teams), dict(self.agents), dict(self.messages))
        for draft in drafts:
            event = Event(0, draft.stream, 0, draft.type, datetime.min, draft.actor, "", draft.data, "")  # noqa: DTZ901  a trial has no time
            try:
                trial._fold(event)
            except _UNFIT as error:
                raise IllegalMove(f"{draft.type} does not fit {draft.stream}: {error}") from error

    def spec(self, agent: AgentId) -> AgentSpec | None:
        """Return what is wanted of *agent*, None where it is part of no team any more."""
        team = self.teams.get(team_of(agent))
        if team is None:
            return None
        return next((spec for spec in team.spec.agents if spec.id == agent), None)

    def queued(self, agent: AgentId) -> list[Message]:
        """Return the messages that still have to be handed to *agent*, oldest first."""
        return [m for m in self.messages.values() if m.agent == agent and m.state == "queued"]

    def _fold(self, event: Event) -> None:
        if event.stream.startswith("agent:"):
            self._apply_to_agent(AgentId(event.stream.removeprefix("agent:")), event)
        elif event.stream.startswith("team:"):
            self._apply_to_team(event.stream.removeprefix("team:"), event)

    def _apply_to_team(self, name: str, event: Event) -> None:
        if event.type == EventType.TEAM_DEPLOYED:
            self.teams[name] = Team(
                decode(TeamSpec, event.data["spec"]),
                dict(event.data.get("environment", {})),
                tuple(event.data.get("passed", ())),
                event.at,
            )
        elif event.type == EventType.TEAM_RESET:
            self.teams.pop(name, None)
            for agent in [a for a in self.agents if team_of(a) == name]:
                self._forget(agent)

    def _apply_to_agent(self, agent: AgentId, event: Event) -> None:
        if agent not in self.agents and event.type != EventType.AGENT_WANTED:
            return  # late news of one that was forgotten
        if event.type in _MESSAGE_FOLDS:
            self._apply_to_message(agent, event)
        if event.type == EventType.AGENT_FORGOTTEN:
            self._forget(agent)
        elif event.type in _AGENT_FOLDS:
            self.agents[agent] = _AGENT_FOLDS[event.type](self.agents.get(agent, Agent(agent)), event)
        if "heard" in event.data and agent in self.agents:
            self.agents[agent] = replace(self.agents[agent], heard=event.data["heard"])

    def _apply_to_message(self, agent: AgentId, event: Event) -> None:
        name = event.data["message"]
        if event.type == EventType.MESSAGE_QUEUED:
            keys = tuple(event.data.get("keys", ()))
            kind = event.data.get("kind", "message")
            self.messages[name] = Message(name, agent, event.data["text"], event.data["sender"], event.seq, kind, keys)
        elif name in self.messages:
            self.messages[name] = _MESSAGE_FOLDS[event.type](self.messages[name], event.data)
            self._drop_settled()

    def _drop_settled(self, most: int = 500) -> None:
        settled = [name for name, m in self.messages.items() if m.state in ("answered", "dead", "seen", "typed")]
        for name in settled[: max(0, len(settled) - most)]:
            del self.messages[name]

    def _forget(self, agent: AgentId) -> None:
        self.agents.pop(agent, None)
        for name in [name for name, m in self.messages.items() if m.agent == agent]:
            del self.messages[name]


_HEARD = (AgentState.STARTING, AgentState.RUNNING)
"""What an agent says of itself counts while it runs; its last words may arrive after its end."""

_ENDED: dict[str, Any] = {"process": None, "activity": Activity.UNKNOWN, "late": False, "unwell": ""}


def _wanted(agent: Agent, event: Event) -> Agent:
    reason = event.data.get("reason", "")
    failures = () if event.data.get("fresh") else agent.failures
    if agent.state is AgentState.PENDING:
        return replace(agent, since=event.at, evidence=reason, failures=failures)
    return agent.move(
        AgentState.PENDING, since=event.at, evidence=reason, failures=failures, again=False, retry_at=None, **_ENDED
    )


def _starting(agent: Agent, event: Event) -> Agent:
    unasked = agent.state is AgentState.BACKOFF
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
        activity=Activity.UNKNOWN,
        typed=0,
        heard=0,
        late=False,
        unwell="",
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
    return agent.move(AgentState.RUNNING, since=event.at, evidence=event.data.get("evidence", ""), late=False)


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
    if agent.state not in _HEARD:
        return agent
    return replace(agent, activity=Activity.WORKING, evidence=event.data.get("evidence", ""))


def _idle(agent: Agent, event: Event) -> Agent:
    if agent.state not in _HEARD:
        return agent
    return replace(agent, activity=Activity.IDLE, evidence=event.data.get("evidence", ""))


def _exited(agent: Agent, event: Event) -> Agent:
    before = () if event.data.get("well") else agent.failures
    return agent.move(
        AgentState.EXITED,
        since=event.at,
        evidence=event.data.get("reason", ""),
        exit_code=event.data.get("code"),
        failures=(*before, event.at)[-_FAILURES_KEPT:],
        **_ENDED,
    )


def _backing_off(agent: Agent, event: Event) -> Agent:
    until = datetime.fromisoformat(event.data["until"])
    return agent.move(AgentState.BACKOFF, since=event.at, evidence=event.data.get("reason", ""), retry_at=until)


def _failed(agent: Agent, event: Event) -> Agent:
    return agent.move(AgentState.FATAL, since=event.at, evidence=event.data.get("reason", ""), process=None)


def _stopping(agent: Agent, event: Event) -> Agent:
    grace = event.data.get("grace")
    facts: dict[str, Any] = {
        "evidence": event.data.get("reason", ""),
        "again": bool(event.data.get("again")),
        "grace": timedelta(seconds=grace) if grace is not None else None,
    }
    if agent.state is AgentState.STOPPING:
        return replace(agent, **facts)
    return agent.move(AgentState.STOPPING, since=event.at, **facts)


def _stopped(agent: Agent, event: Event) -> Agent:
    return agent.move(
        AgentState.STOPPED,
        since=event.at,
        evidence=event.data.get("reason", ""),
        exit_code=event.data.get("code"),
        retry_at=None,
        **_ENDED,
    )


def _closed(agent: Agent, event: Event) -> Agent:
    return agent.move(
        AgentState.CLOSED,
        since=event.at,
        evidence=event.data.get("reason", ""),
        pane=None,
        **_ENDED,
    )


def _typed_into(agent: Agent, event: Event) -> Agent:
    if event.data.get("generation") != agent.generation:
        return agent
    return replace(agent, typed=max(agent.typed, event.data.get("number", 0)))


_AGENT_FOLDS: dict[str, Callable[[Agent, Event], Agent]] = {
    EventType.AGENT_WANTED: _wanted,
    EventType.AGENT_STARTING: _starting,
    EventType.AGENT_STARTED: _started,
    EventType.AGENT_READY: _ready,
    EventType.AGENT_LATE: _late,
    EventType.AGENT_UNHEALTHY: _unhealthy,
    EventType.AGENT_HEALTHY: _healthy,
    EventType.AGENT_BUSY: _busy,
    EventType.AGENT_IDLE: _idle,
    EventType.AGENT_EXITED: _exited,
    EventType.AGENT_BACKING_OFF: _backing_off,
    EventType.AGENT_FAILED: _failed,
    EventType.AGENT_STOPPING: _stopping,
    EventType.AGENT_STOPPED: _stopped,
    EventType.AGENT_CLOSED: _closed,
    EventType.MESSAGE_TYPED: _typed_into,
}


def _with_state(state: str) -> Callable[[Message, dict[str, Any]], Message]:
    def fold(message: Message, data: dict[str, Any]) -> Message:
        return replace(
            message,
            state=state,
            text=message.text if state == "queued" else "",  # it stands in the log; here it would only take room
            number=data.get("number", message.number),
            generation=data.get("generation", message.generation),
            evidence=data.get("evidence", data.get("reason", message.evidence)),
            code=data.get("code", message.code),
        )

    return fold


_MESSAGE_FOLDS: dict[str, Callable[[Message, dict[str, Any]], Message]] = {
    EventType.MESSAGE_QUEUED: _with_state("queued"),
    EventType.MESSAGE_TYPED: _with_state("typed"),
    EventType.MESSAGE_SEEN: _with_state("seen"),
    EventType.MESSAGE_ANSWERED: _with_state("answered"),
    EventType.MESSAGE_DEAD: _with_state("dead"),
}
