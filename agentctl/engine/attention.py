"""Attention: what a person is told of, and when. Pure: the agents, what was told before and the time come in.

An *occasion* is one thing that stands and that a person should know of. It is told once by each way, when it has stood
for a while (dwell), not more than once a minute of one agent (cool-down), not in quiet hours, and not while its window
is being looked at. An approval waits for neither cool-down nor quiet hours: the agent's work stands still for a word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from agentctl.domain.agent import ALIVE, Activity, Agent, AgentState, AskKind, PauseCause
from agentctl.domain.message import Message
from agentctl.domain.names import AgentId
from agentctl.domain.notice import Notice, Told, Why
from agentctl.domain.quiet import Quiet, parse_quiet

DWELL = timedelta(seconds=5)
COOLDOWN = timedelta(seconds=60)
TOGETHER = timedelta(seconds=2)
"""What comes within this after the first is told with it: agents that are started at once ask at once."""

MOST_APART = 3
"""More occasions than this at once are one digest."""

_WHY_OF = {AskKind.PERMISSION: Why.APPROVAL, AskKind.TRUST: Why.APPROVAL, AskKind.LIMIT: Why.LIMIT}
_URGENCY = {why: rank for rank, why in enumerate(Why)}


@dataclass(frozen=True, slots=True)
class Occasion:
    """One thing that stands and that a person should know of."""

    agent: AgentId
    why: Why
    since: datetime
    ask: str = ""
    """The id of the question or message, where it is one."""
    words: str = ""
    """What it is about; hostile until cleaned."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How one person wants to be told: what holds where a team file says nothing."""

    notices: tuple[Notice, ...] = ()
    dwell: timedelta = DWELL
    cooldown: timedelta = COOLDOWN
    quiet: Quiet | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What `decide` may ask beside the occasions."""

    habits: Habits
    notices: Callable[[AgentId], Sequence[Notice]]
    told: Callable[[AgentId], Mapping[str, Told]]
    """By reason: what was told of an agent last."""
    seen: Mapping[AgentId, datetime] = field(default_factory=dict)
    """When a person was last seen to look at an agent's window: who has seen it is not told of it at once."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What is to be told now, as one word, by each of *ways*."""

    ways: tuple[str, ...]
    occasions: tuple[Occasion, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be told now, and when to decide again if nothing else happens; None: not before something does."""

    tellings: tuple[Telling, ...] = ()
    look: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Due:
    occasion: Occasion
    way: str
    at: datetime
    held: bool
    """Quiet hours have kept it."""


def occasions(agent: Agent, mail: Sequence[Message] = ()) -> list[Occasion]:
    """Return what stands of *agent*; *mail* is what lies in the person's inbox, the oldest first."""
    return list(_occasions(agent, mail))


def decide(standing: Iterable[Occasion], known: Known, now: datetime) -> Decision:
    """Return what to tell a person of *standing* at *now*."""
    dues = [due for occasion in standing for due in _dues(occasion, known, now)]
    ripe, later = _one_an_agent([due for due in dues if due.at <= now], known, now)
    coming = [due.at for due in dues if due.at > now] + later
    if ripe:
        until = min(due.at for due in ripe) + TOGETHER
        joining = [at for at in coming if at <= until]
        if joining and now < until:
            return Decision(look=max(joining))
    return Decision(_tellings(ripe), min(coming, default=None))


# --- what stands ---


def _occasions(agent: Agent, mail: Sequence[Message]) -> Iterator[Occasion]:
    ask = agent.asking
    if ask is not None and ask.since is not None and agent.state in ALIVE:
        yield Occasion(agent.id, _WHY_OF.get(ask.kind, Why.QUESTION), ask.since, ask.id, ask.title)
    own = [message for message in mail if message.sender == agent.id and message.queued_at is not None]
    if own and own[-1].queued_at is not None:
        yield Occasion(agent.id, Why.MESSAGE, own[-1].queued_at, own[-1].id, own[-1].text)
    if agent.paused is PauseCause.BUDGET and agent.paused_since is not None:
        yield Occasion(agent.id, Why.BUDGET, agent.paused_since, words=agent.pause_reason)
    if agent.since is not None and _has_failed(agent):
        yield Occasion(agent.id, Why.ERROR, agent.since, words=agent.evidence)
    ended = _done_since(agent)
    if ended is not None:
        yield Occasion(agent.id, Why.DONE, ended)


def _has_failed(agent: Agent) -> bool:
    """Tell whether *agent* has ended badly; one that is to be started again is in another state within the dwell."""
    if agent.state is AgentState.EXITED:
        return agent.exit_code != 0
    return agent.state is AgentState.FATAL or (agent.state is AgentState.STOPPED and agent.ending is not None)


def _done_since(agent: Agent) -> datetime | None:
    if agent.state is AgentState.EXITED and agent.exit_code == 0:
        return agent.since
    return agent.turn_ended if agent.state is AgentState.RUNNING and agent.activity is Activity.IDLE else None


# --- when ---


def _dues(occasion: Occasion, known: Known, now: datetime) -> Iterator[_Due]:
    """Yield each way by which *occasion* is still to be told, with its time: the earliest of all notices that fit."""
    told = known.told(occasion.agent)
    done = _ways_told(occasion, told)
    found: dict[str, _Due] = {}
    for notice in known.notices(occasion.agent):
        if occasion.why not in notice.on:
            continue
        at, held = _time(occasion, notice, known, now)
        for way in notice.to:
            if way not in done and (way not in found or at < found[way].at):
                found[way] = _Due(occasion, way, at, held)
    yield from found.values()


def _ways_told(occasion: Occasion, told: Mapping[str, Told]) -> tuple[str, ...]:
    last = told.get(occasion.why)
    same = last is not None and (last.ask, last.since) == (occasion.ask, occasion.since)
    return last.ways if last is not None and same else ()


def _time(occasion: Occasion, notice: Notice, known: Known, now: datetime) -> tuple[datetime, bool]:
    """Return when *occasion* is to be told by *notice*, and whether quiet hours are why it was not told before."""
    after = known.habits.dwell if notice.after is None else notice.after
    stood = occasion.since + after if occasion.since <= now else now  # the clock was set back: it has stood for long
    seen = known.seen.get(occasion.agent)
    at = stood if seen is None or seen > now else max(stood, seen + known.habits.cooldown)
    if occasion.why is Why.APPROVAL:
        return at, False
    last = max((told.at for told in known.told(occasion.agent).values() if told.at <= now), default=None)
    at = at if last is None else max(at, last + known.habits.cooldown)
    hours = [hours for hours in (known.habits.quiet, parse_quiet(notice.quiet) if notice.quiet else None) if hours]
    return _after_quiet(hours, max(at, now), at), any(quiet.holds(stood) for quiet in hours)


def _after_quiet(hours: Sequence[Quiet], moment: datetime, otherwise: datetime) -> datetime:
    """Return when none of *hours* holds any more, *otherwise* where none does at *moment*."""
    at = otherwise
    for _ in range(2 * len(hours)):  # one may begin while the other ends; those that leave no gap are told between
        holding = [quiet for quiet in hours if quiet.holds(moment)]
        if holding:
            at = moment = max(quiet.ends(moment) for quiet in holding)
    return at


def _one_an_agent(ripe: Sequence[_Due], known: Known, now: datetime) -> tuple[list[_Due], list[datetime]]:
    """Return what of *ripe* is told now, one occasion an agent, and when the rest of it is."""
    first: dict[AgentId, Occasion] = {}
    for due in sorted(ripe, key=lambda due: (_URGENCY[due.occasion.why], due.occasion.since)):
        first.setdefault(due.occasion.agent, due.occasion)
    kept = [due for due in ripe if first[due.occasion.agent] == due.occasion]
    return kept, [now + known.habits.cooldown] if len(kept) < len(ripe) else []


# --- how ---


def _tellings(ripe: Sequence[_Due]) -> tuple[Telling, ...]:
    """Return *ripe* in words: by the ways that they go, many at once as one, and what quiet hours kept as one."""
    ways: dict[Occasion, list[str]] = {}
    for due in ripe:
        ways.setdefault(due.occasion, []).append(due.way)
    held = {due.occasion for due in ripe if due.held}
    groups: dict[tuple[str, ...], list[Occasion]] = {}
    for occasion in sorted(ways, key=lambda one: (one.since, one.agent)):
        groups.setdefault(tuple(sorted(ways[occasion])), []).append(occasion)
    return tuple(telling for way, group in groups.items() for telling in _split(way, group, held))


def _split(ways: tuple[str, ...], group: Sequence[Occasion], held: set[Occasion]) -> Iterator[Telling]:
    if len(group) > MOST_APART:
        yield Telling(ways, tuple(group))
        return
    kept = tuple(occasion for occasion in group if occasion in held)
    if kept:
        yield Telling(ways, kept)
    yield from (Telling(ways, (occasion,)) for occasion in group if occasion not in held)
