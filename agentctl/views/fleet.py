"""The fleet: every team and agent as the log left them. A fold, so it can always be made again from the log."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from agentctl.domain.agent import Agent
from agentctl.domain.codec import decode
from agentctl.domain.errors import IllegalMove
from agentctl.domain.events import PERSON_STREAM, Draft, Event, EventType
from agentctl.domain.message import OVER, PERSON, WAITING, Message, MessageState
from agentctl.domain.names import AgentId, team_of
from agentctl.domain.team import AgentSpec, Budget, Limits, TeamSpec
from agentctl.views.agent_fold import AGENT_FOLDS, fold
from agentctl.views.message_fold import MESSAGE_FOLDS, queued

log = logging.getLogger(__name__)

NO_TAG = "0000"
"""Of a team that was deployed before there were tags."""

_TAKEN = frozenset({EventType.MESSAGE_SEEN, EventType.MESSAGE_ANSWERED})
_SETTLED = OVER | {MessageState.SEEN}

_UNFIT = (IllegalMove, LookupError, ValueError, TypeError, AttributeError, ArithmeticError)
"""What a fold raises for an event that does not fit: a move that is none, or data of another form."""


@dataclass(frozen=True)  # without slots, for the cached property
class Team:
    """One deployed team."""

    spec: TeamSpec
    environment: dict[str, str] = field(default_factory=dict)
    """The base variables of the one who deployed it; nothing secret."""
    passed: tuple[str, ...] = ()
    """Names of further variables that were given; their values are in no log."""
    since: datetime | None = None
    tag: str = NO_TAG
    """Four hex digits in the header of every message to this team: whoever does not know them cannot forge one."""

    @cached_property
    def specs(self) -> dict[AgentId, AgentSpec]:
        """Return what is wanted of each agent: asked for several times an agent and second."""
        return {spec.id: spec for spec in self.spec.agents}


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
        return None if team is None else team.specs.get(agent)

    def limits(self, agent: AgentId) -> Limits:
        """Return the limits in force for *agent*: what a person set while it ran, else its team file's."""
        known, spec = self.agents.get(agent), self.spec(agent)
        if known is not None and known.limits is not None:
            return known.limits
        return spec.limits if spec is not None else Limits()

    def budget(self, agent: AgentId) -> Budget:
        """Return the budget in force for *agent*: what a person set while it ran, else its team file's."""
        known, spec = self.agents.get(agent), self.spec(agent)
        if known is not None and known.budget is not None:
            return known.budget
        return spec.budget if spec is not None else Budget()

    def queued(self, agent: AgentId) -> list[Message]:
        """Return the messages that still have to be handed to *agent*, oldest first."""
        return sorted((m for m in self.of(agent) if m.state in WAITING), key=lambda m: m.seq)

    def of(self, reader: AgentId) -> list[Message]:
        """Return the messages for *reader* that are known, oldest first."""
        return [m for m in self.messages.values() if m.agent == reader]

    def _fold(self, event: Event) -> None:
        if event.stream == PERSON_STREAM:
            self._apply_to_message(AgentId(PERSON), event)
        elif event.stream.startswith("agent:"):
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
                event.data.get("tag") or NO_TAG,
            )
        elif event.type == EventType.TEAM_RESET:
            self.teams.pop(name, None)
            for agent in [a for a in self.agents if team_of(a) == name]:
                self._forget(agent)

    def _apply_to_agent(self, agent: AgentId, event: Event) -> None:
        if agent not in self.agents and event.type != EventType.AGENT_WANTED:
            return  # late news of one that was forgotten
        if event.type in MESSAGE_FOLDS or event.type == EventType.MESSAGE_QUEUED:
            self._apply_to_message(agent, event)
        if event.type == EventType.AGENT_FORGOTTEN:
            self._forget(agent, keeps=frozenset({MessageState.DEAD}))
        elif event.type in AGENT_FOLDS:
            self.agents[agent] = fold(self.agents.get(agent, Agent(agent)), event)
        if "heard" in event.data and agent in self.agents:
            self.agents[agent] = replace(self.agents[agent], heard=event.data["heard"])

    def _apply_to_message(self, reader: AgentId, event: Event) -> None:
        name = event.data["message"]
        if event.type == EventType.MESSAGE_QUEUED:
            self.messages[name] = queued(reader, event)
        elif name in self.messages:
            self.messages[name] = message = MESSAGE_FOLDS[event.type](self.messages[name], event)
            if event.type in _TAKEN and reader in self.agents:
                self.agents[reader] = _given(replace(self.agents[reader], hops=message.hops), event)
            self._drop_settled()

    def _drop_settled(self, most: int = 500) -> None:
        """Forget the oldest of those to which nothing more happens by itself; the log keeps them."""
        settled = [name for name, m in self.messages.items() if m.state in _SETTLED]
        for name in settled[: max(0, len(settled) - most)]:
            del self.messages[name]

    def _forget(self, agent: AgentId, keeps: frozenset[MessageState] = frozenset()) -> None:
        self.agents.pop(agent, None)
        for name in [name for name, m in self.messages.items() if m.agent == agent and m.state not in keeps]:
            del self.messages[name]


def _given(agent: Agent, event: Event) -> Agent:
    """Count a text that was seen before anybody could say that it was typed, once its pane is known to have counted it.

    Its `number` alone says nothing of that: one that is to be typed again may be seen late, and was counted before.
    """
    if event.data.get("generation") != agent.generation:
        return agent
    return replace(agent, typed=max(agent.typed, event.data.get("typed", 0)))
