"""News: the events that take the log from what it knows of an agent to a verdict on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from agentctl.domain.agent import Activity, Agent, Ask, Phase
from agentctl.domain.codec import encode
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.evidence import Meaning, Sign, Verdict
from agentctl.domain.message import Message, MessageState
from agentctl.domain.text import safe_text
from agentctl.engine.framing import found
from agentctl.supervisor.proof import answered
from agentctl.supervisor.sense import Sense
from agentctl.supervisor.world import World

_TURN_SHOWS = timedelta(seconds=2)
"""A turn that lasts this long after its message was taken shows on the screen; a shorter one may never."""

_ANSWER_KEPT = 4096
_AT_WORK = frozenset({Phase.REASONING, Phase.EXECUTING, Phase.VALIDATING})


class News:
    """Makes events of verdicts; what comes from an agent's screen or mouth is masked in them."""

    def __init__(self, world: World) -> None:
        self._world = world

    def of(self, agent: Agent, sense: Sense, verdict: Verdict) -> list[Draft]:
        """Return the events that take the log from what it knows of *agent* to *verdict*."""
        facts = {
            "generation": agent.generation,
            "evidence": self._world.masked(agent.id, verdict.evidence),
            "source": verdict.source,
        }
        match verdict.activity:
            case Activity.WORKING if agent.activity is not Activity.WORKING or agent.phase is not verdict.phase:
                by_person = {"hops": 0} if _is_of_person(sense.sign) else {}
                return [draft_of(agent, EventType.AGENT_BUSY, **facts, phase=verdict.phase, **by_person)]
            case Activity.IDLE:
                worked = _has_worked(agent, sense)
                unseen = [] if worked else self._unseen_turn(agent, verdict)
                if agent.activity is Activity.IDLE and agent.phase is Phase.IDLE:
                    return unseen
                ended = self._turn_end(agent, sense, facts) if worked else unseen
                return [*ended, draft_of(agent, EventType.AGENT_IDLE, **facts)]
            case Activity.WAITING if verdict.ask is not None and not _asks_already(agent, verdict.ask):
                return [
                    draft_of(agent, EventType.AGENT_WAITING, **facts, ask=encode(self._masked_ask(agent, verdict.ask)))
                ]
            case Activity.UNKNOWN if agent.activity is not Activity.UNKNOWN:
                return [draft_of(agent, EventType.AGENT_UNSURE, **facts)]
            case _:
                return []

    def turn_shows(self, agent: Agent) -> datetime | None:
        """Return when the turn of a message that was taken has to be seen, if it is long enough to be."""
        seen = (m.since for m in self._taken(agent))
        return min((since + _TURN_SHOWS for since in seen if since is not None), default=None)

    def _unseen_turn(self, agent: Agent, verdict: Verdict) -> list[Draft]:
        """Return what an idle screen says of messages whose turn was over before it could be seen."""
        shows = self.turn_shows(agent)
        if verdict.source != "screen" or shows is None or shows > self._world.clock.now():
            return []
        return answered(agent, self._taken(agent), self._world.masked(agent.id, verdict.evidence), "")

    def _taken(self, agent: Agent, *, before: bool = False) -> list[Message]:
        """Return what this generation has taken and not answered; with *before* what earlier ones have, too."""
        seen = (m for m in self._world.ledger.fleet.of(agent.id) if m.state is MessageState.SEEN)
        return [m for m in seen if before or m.generation == agent.generation]

    def _turn_end(self, agent: Agent, sense: Sense, facts: dict[str, object]) -> list[Draft]:
        sign = sense.sign
        said = sign.text if sign is not None and sign.meaning is Meaning.TURN_END else ""
        answer = self._world.masked(agent.id, safe_text(said))[:_ANSWER_KEPT]
        taken = answered(agent, self._taken(agent, before=agent.resumed), str(facts["evidence"]), answer)
        return [*taken, draft_of(agent, EventType.AGENT_TURN_ENDED, **facts, answer=answer)]

    def _masked_ask(self, agent: Agent, ask: Ask) -> Ask:
        title, until = (self._world.masked(agent.id, text) if text else "" for text in (ask.title, ask.until))
        options = tuple(self._world.masked(agent.id, option) for option in ask.options)
        return replace(ask, title=title, options=options, until=until)


def draft_of(agent: Agent, kind: EventType, **facts: object) -> Draft:
    """Return an event of *agent*."""
    return Draft(agent_stream(agent.id), kind, facts)


def _has_worked(agent: Agent, sense: Sense) -> bool:
    """Tell whether a turn ends with *agent* being idle, even one of whose beginning nothing was recorded."""
    since = sense.last_input or sense.moved
    ended = sense.sign is not None and sense.sign.meaning is Meaning.TURN_END and sense.sign.at >= since
    return agent.phase in _AT_WORK or (agent.phase is Phase.ASSIGNED and ended)


def _is_of_person(sign: Sign | None) -> bool:
    """Tell whether the prompt that was just accepted is none of ours: a person has typed it into the window."""
    return sign is not None and sign.meaning is Meaning.PROMPT and not found(sign.text)


def _asks_already(agent: Agent, ask: Ask) -> bool:
    return agent.activity is Activity.WAITING and agent.asking is not None and agent.asking.id == ask.id
