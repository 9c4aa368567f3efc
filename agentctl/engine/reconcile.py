"""Reconcile: desired against observed, agent by agent, to the commands that bring them together.

Level-triggered: the answer depends only on the fleet, on what is seen and on the moment, so it is the same after a
crash as before. What is unknown changes nothing.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from agentctl.domain.agent import Activity, Agent, AgentState, Ending, Identity, MemoryStep
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.message import WAITING, MessageState
from agentctl.domain.names import AgentId
from agentctl.domain.ports import Pane
from agentctl.domain.team import AgentSpec
from agentctl.engine.machine import Room, refusals
from agentctl.engine.restart import Again, GiveUp, after_end, given_up, in_words
from agentctl.views.fleet import Fleet
from agentctl.views.waits import waits_for

_GRACE = timedelta(seconds=5)

KILL_TAKES = timedelta(seconds=5)
"""After this a process that was killed and is still there is a survivor (it hangs in the kernel)."""

_KILL_AGAIN = timedelta(seconds=1)
"""For a tree that had to be killed while it grew: what it started between the look and the signal."""

HUNG = "nothing of it has moved for"
"""How the evidence begins where an agent hangs: what tells a hang from a health probe's no."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What is seen of the world at one moment."""

    server: Identity | None
    """The tmux server, None where there is none."""
    panes: Mapping[AgentId, Pane] | None
    """Panes by agent; None where tmux did not answer: unknown, which is not absent."""
    ended: frozenset[AgentId] = frozenset()
    """Agents whose process has ended."""
    trees: Mapping[AgentId, tuple[Identity, ...]] = field(default_factory=dict)
    """What is left of the trees of agents that end or have ended; missing: not looked at."""
    signalled: Mapping[AgentId, tuple[int, datetime]] = field(default_factory=dict)
    """The last signal sent to each of those trees, and when."""
    repaired: Mapping[AgentId, tuple[object, ...]] = field(default_factory=dict)
    """The last repair tried for an agent: what was seen then."""
    moved: Mapping[AgentId, datetime] = field(default_factory=dict)
    """When anything of an agent moved last: a signal, its screen, its processes; missing: not known."""
    room: Room = field(default_factory=Room)
    """What the machine has left for agents that are to be started."""


@dataclass(frozen=True, slots=True)
class Append:
    """Record a decision."""

    draft: Draft


@dataclass(frozen=True, slots=True)
class Start:
    """Start the next generation of an agent."""

    agent: AgentId


@dataclass(frozen=True, slots=True)
class Adopt:
    """Take a pane that was opened for this generation before the outcome could be recorded."""

    agent: AgentId
    pane: Pane


@dataclass(frozen=True, slots=True)
class Find:
    """Take over a pane in which the agent runs already, though the log knows of no start: it is new, or late."""

    agent: AgentId
    pane: Pane


@dataclass(frozen=True, slots=True)
class Bury:
    """Record the end of an agent that ended by itself, with its last words."""

    agent: AgentId
    reason: str


@dataclass(frozen=True, slots=True)
class Settle:
    """Record that an agent which was asked to end has ended, and what survived it."""

    agent: AgentId
    survivors: tuple[Identity, ...] = ()


@dataclass(frozen=True, slots=True)
class Send:
    """Send a signal to all that is left of an agent's tree."""

    agent: AgentId
    signal: int


@dataclass(frozen=True, slots=True)
class Repair:
    """Put a window back where it belongs."""

    agent: AgentId
    pane: Pane
    drift: str


Command = Append | Start | Adopt | Find | Bury | Settle | Send | Repair


_NOT_WANTED = "no longer part of its team"
_UNTAKEN = WAITING | {MessageState.TYPED, MessageState.UNSEEN}


@dataclass(frozen=True, slots=True)
class Situation:
    """One agent, what is wanted of it, and what is seen of it."""

    agent: Agent
    spec: AgentSpec | None
    fleet: Fleet
    seen: Observed
    now: datetime
    rng: random.Random

    @property
    def pane(self) -> Pane | None:
        """Return the agent's pane of this generation, None where it is absent or unknown."""
        pane = (self.seen.panes or {}).get(self.agent.id)
        return pane if pane is not None and pane.generation == self.agent.generation else None

    def draft(self, kind: EventType, **data: object) -> Append:
        """Return the command to record *kind* for this agent."""
        return Append(Draft(agent_stream(self.agent.id), kind, dict(data)))

    def stop(self, reason: str) -> Append:
        """Return the command to have this agent end for good."""
        return self.draft(EventType.AGENT_STOPPING, generation=self.agent.generation, reason=reason, again=False)


def decide(fleet: Fleet, seen: Observed, now: datetime, rng: random.Random) -> list[Command]:
    """Return what has to be done now; an empty list means that everything is as wanted, or waits for time."""
    commands: list[Command] = []
    for agent in fleet.agents.values():
        situation = Situation(agent, fleet.spec(agent.id), fleet, seen, now, rng)
        commands += _end_remains(situation)
        commands += _DECISIONS[agent.state](situation)
    kept = refusals(seen.room, in_line(fleet, [command.agent for command in commands if isinstance(command, Start)]))
    return [command for command in commands if not (isinstance(command, Start) and command.agent in kept)]


def in_line(fleet: Fleet, agents: Iterable[AgentId]) -> list[AgentId]:
    """Return *agents* in the order in which they are started where there is not room for all.

    The highest priority first, and who ran before and is started again before who never ran.
    """
    specs = {name: fleet.spec(name) for name in agents}

    def place(name: AgentId) -> tuple[int, bool]:
        spec = specs[name]
        return -(spec.priority if spec is not None else 0), fleet.agents[name].generation == 0

    return sorted(specs, key=place)


def next_deadline(fleet: Fleet, seen: Observed) -> datetime | None:
    """Return the next moment at which `decide` may answer otherwise with nothing else having changed."""
    agents = fleet.agents.values()
    waiting = (a for a in agents if a.state is AgentState.BACKOFF and seen.room.refusal(a.id) is None)
    moments = [agent.retry_at for agent in waiting if agent.retry_at is not None]
    for name, (number, at) in seen.signalled.items():
        moments.append(
            at + (_grace(fleet.agents.get(name), fleet.spec(name)) if number == signal.SIGTERM else KILL_TAKES)
        )
    hangs = (_hangs_at(agent, fleet.spec(agent.id), seen) for agent in agents)
    moments += [moment for moment in hangs if moment is not None]
    return min(moments, default=None)


def _end_remains(situation: Situation) -> list[Command]:
    """End what an agent that ended by itself has left running."""
    if situation.agent.state in (AgentState.STARTING, AgentState.RUNNING, AgentState.STOPPING):
        return []
    return _signal_tree(situation) if situation.seen.trees.get(situation.agent.id) else []


def _signal_tree(situation: Situation) -> list[Command]:
    """TERM first, KILL after the grace, each once."""
    last = situation.seen.signalled.get(situation.agent.id)
    if last is None:
        return [Send(situation.agent.id, signal.SIGTERM)]
    number, at = last
    if number == signal.SIGTERM and situation.now - at >= _grace(situation.agent, situation.spec):
        return [Send(situation.agent.id, signal.SIGKILL)]
    return []


def _kill(situation: Situation) -> list[Command]:
    """KILL at once, and again where something of the tree has slipped through."""
    number, at = situation.seen.signalled.get(situation.agent.id, (0, situation.now))
    if number == signal.SIGKILL and situation.now - at < _KILL_AGAIN:
        return []
    return [Send(situation.agent.id, signal.SIGKILL)]


def _pending(situation: Situation) -> list[Command]:
    if situation.spec is None:
        return [situation.stop(_NOT_WANTED)]
    if situation.seen.panes is None or situation.agent.id in situation.seen.trees:
        return []  # tmux does not answer, or the generation before is still ending
    pane = situation.seen.panes.get(situation.agent.id)
    if pane is not None and not pane.dead and pane.generation >= situation.agent.generation:
        return [Find(situation.agent.id, pane)]
    return [] if waits_for(situation.spec, situation.fleet) else [Start(situation.agent.id)]


def _starting(situation: Situation) -> list[Command]:
    agent = situation.agent
    if agent.process is None:
        return _cut_short(situation)
    ended = _ended(situation)
    if ended:
        return ended
    return _kill(situation) if agent.condemned else _drift(situation)


def _cut_short(situation: Situation) -> list[Command]:
    """Find out whether the window was made: the intent is recorded and the outcome is not."""
    if situation.seen.panes is None:
        return []
    if situation.pane is not None:
        return [Adopt(situation.agent.id, situation.pane)]
    return [situation.draft(EventType.AGENT_WANTED, reason="its start was cut short")]


def _running(situation: Situation) -> list[Command]:
    ended = _ended(situation)
    if ended:
        return ended
    if situation.agent.condemned:
        return _kill(situation)
    if situation.agent.unwell and situation.spec is not None and situation.spec.restart.policy != "never":
        return _signal_tree(situation)
    return _hang(situation) or _drift(situation)


def _hang(situation: Situation) -> list[Command]:
    """Tell of an agent that works and does not move, and of one that was left so and moves again."""
    agent, spec = situation.agent, situation.spec
    if agent.unwell.startswith(HUNG):
        return [_moves_again(situation)] if _has_moved_since(situation) else []
    at = _hangs_at(agent, spec, situation.seen)
    if at is None or situation.now < at or spec is None or spec.hang_after is None:
        return []
    evidence = f"{HUNG} {in_words(spec.hang_after)}"
    return [situation.draft(EventType.AGENT_UNHEALTHY, generation=agent.generation, evidence=evidence)]


def _hangs_at(agent: Agent, spec: AgentSpec | None, seen: Observed) -> datetime | None:
    """Return when *agent* counts as hung if nothing of it moves until then, None where it cannot be told."""
    moved = seen.moved.get(agent.id)
    works = agent.state is AgentState.RUNNING and agent.activity is Activity.WORKING and not agent.unwell
    if not works or agent.stands_still or moved is None or spec is None or spec.hang_after is None:
        return None
    return max(moved, agent.active_since or moved) + spec.hang_after


def _has_moved_since(situation: Situation) -> bool:
    """Tell whether an agent that hung has moved within the time that made it count as hung."""
    moved, spec = situation.seen.moved.get(situation.agent.id), situation.spec
    if moved is None or spec is None:
        return False
    return spec.hang_after is None or situation.now - moved < spec.hang_after


def _moves_again(situation: Situation) -> Command:
    return situation.draft(EventType.AGENT_HEALTHY, generation=situation.agent.generation, evidence="it moves again")


def _ended(situation: Situation) -> list[Command]:
    """Tell apart: the server went away, a person closed the window, the agent ended."""
    agent, seen = situation.agent, situation.seen
    if seen.panes is not None and agent.server is not None and agent.server != seen.server:
        return [Bury(agent.id, "the tmux server ended")]
    if seen.panes is not None and agent.id not in seen.panes:
        return [
            situation.draft(EventType.AGENT_CLOSED, generation=agent.generation, reason="a person closed its window")
        ]
    if agent.id in seen.ended or (situation.pane is not None and situation.pane.dead):
        return [Bury(agent.id, agent.condemned or (agent.unwell and f"ended as unhealthy: {agent.unwell}"))]
    return []


def _drift(situation: Situation) -> list[Command]:
    pane, spec = situation.pane, situation.spec
    if pane is None or spec is None:
        return []
    team = situation.fleet.teams[spec.team].spec
    checks = (
        ("unmarked", not pane.marked),
        ("renamed", pane.window != spec.window),
        ("moved", (pane.session, pane.index) != (team.session, spec.index)),
    )
    drift = next((name for name, found in checks if found), "")
    if not drift or situation.seen.repaired.get(spec.id) == sighting(pane):
        return []
    if team.layout == "leave" and drift != "unmarked":
        return []
    return [Repair(spec.id, pane, drift)]


def sighting(pane: Pane) -> tuple[object, ...]:
    """Return what of a pane counts as drift, so that a repair which changed nothing is not tried for ever."""
    return (pane.id, pane.marked, pane.window, pane.session, pane.index)


def _stopping(situation: Situation) -> list[Command]:
    left = situation.seen.trees.get(situation.agent.id)
    if left is None:
        return []
    if not left and situation.seen.panes is None:
        return []  # its window can only be closed when tmux answers
    if not left:
        return [Settle(situation.agent.id)]
    last = situation.seen.signalled.get(situation.agent.id)
    if last and last[0] == signal.SIGKILL and situation.now - last[1] >= KILL_TAKES:
        return [Settle(situation.agent.id, left)]
    if situation.agent.memory_step is MemoryStep.KILLED and (last is None or last[0] != signal.SIGKILL):
        return [Send(situation.agent.id, signal.SIGKILL)]
    return _signal_tree(situation)


def _stopped(situation: Situation) -> list[Command]:
    if situation.agent.again:
        return _anew(situation)
    if situation.spec is None:
        return [*_dead_letters(situation), situation.draft(EventType.AGENT_FORGOTTEN, reason=_NOT_WANTED)]
    return []


def _anew(situation: Situation) -> list[Command]:
    """Have an agent started again; one that was ended for a failure, only as often as its policy allows."""
    agent, spec = situation.agent, situation.spec
    if agent.ending is None:
        return [situation.draft(EventType.AGENT_WANTED, reason=agent.evidence, fresh=True)]
    commands: list[Command] = [situation.draft(EventType.AGENT_WANTED, reason=agent.evidence)]
    over = given_up(spec.restart, agent.failures, situation.now) if spec is not None else ""
    if over:
        hint = "give it more memory, or less to do" if agent.ending is Ending.MEMORY else "a person has to look"
        commands.append(situation.draft(EventType.AGENT_FAILED, reason=f"{over}: {agent.evidence}; {hint}"))
    return commands


def _dead_letters(situation: Situation) -> list[Command]:
    """Return what is recorded of the messages that an agent which is to be forgotten has not taken."""
    left = (m for m in situation.fleet.of(situation.agent.id) if m.state in _UNTAKEN)
    return [situation.draft(EventType.MESSAGE_DEAD, message=message.id, reason=_NOT_WANTED) for message in left]


def _exited(situation: Situation) -> list[Command]:
    agent, spec = situation.agent, situation.spec
    if spec is None:
        return [situation.stop(_NOT_WANTED)]
    match after_end(agent, spec.restart, situation.now, situation.rng):
        case Again(at, failures, because):
            reason = f"{because}; {agent.evidence}" if because else agent.evidence
            return [
                situation.draft(EventType.AGENT_BACKING_OFF, until=at.isoformat(), failures=failures, reason=reason)
            ]
        case GiveUp(reason):
            return [situation.draft(EventType.AGENT_FAILED, reason=f"{reason}; {agent.evidence}")]
        case _:
            return []


def _backoff(situation: Situation) -> list[Command]:
    agent = situation.agent
    if situation.spec is None:
        return [situation.stop(_NOT_WANTED)]
    waiting = situation.seen.panes is None or agent.id in situation.seen.trees
    due = agent.retry_at is not None and situation.now >= agent.retry_at
    return [Start(agent.id)] if due and not waiting else []


def _fatal(situation: Situation) -> list[Command]:
    if situation.spec is None:
        return [situation.stop(_NOT_WANTED)]
    return []


def _closed(situation: Situation) -> list[Command]:
    if situation.spec is None:
        return [situation.stop(_NOT_WANTED)]
    if situation.spec.restart.closed == "restart":
        return [situation.draft(EventType.AGENT_WANTED, reason="its window was closed; the team file wants it back")]
    return []


_DECISIONS: dict[AgentState, Callable[[Situation], list[Command]]] = {
    AgentState.PENDING: _pending,
    AgentState.STARTING: _starting,
    AgentState.RUNNING: _running,
    AgentState.STOPPING: _stopping,
    AgentState.STOPPED: _stopped,
    AgentState.EXITED: _exited,
    AgentState.BACKOFF: _backoff,
    AgentState.FATAL: _fatal,
    AgentState.CLOSED: _closed,
}


def _grace(agent: Agent | None, spec: AgentSpec | None) -> timedelta:
    asked = agent.grace if agent is not None and agent.state is AgentState.STOPPING else None
    return asked or (spec.grace if spec is not None else _GRACE)
