"""The scheduler: what team files want done by time, done once a slot, and nothing in between.

A message and the slot that it is for are appended together. A checkpoint is made first, under its slot's name, and
recorded after: one that was made before a crash is found by that name.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Iterator
from datetime import datetime
from typing import TypeAlias

from agentctl.domain.agent import Agent, AgentState
from agentctl.domain.errors import AgentctlError
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.message import OVER, MessageState
from agentctl.domain.names import AgentId, team_of
from agentctl.domain.report import CHECK_IN
from agentctl.domain.schedule import Schedule, ScheduleKind, Slot
from agentctl.engine.check_in import SILENT_AFTER, check_in
from agentctl.engine.schedule import Due, Outcome, Standing, anchor_of, due, next_look
from agentctl.supervisor import crash
from agentctl.supervisor.archivist import AT_ONCE, Archivist
from agentctl.supervisor.loop import first
from agentctl.supervisor.world import World

log = logging.getLogger(__name__)

Key: TypeAlias = tuple[AgentId, str]
"""An agent, and the name of one of its schedules."""

_UP = frozenset({AgentState.STARTING, AgentState.RUNNING})
_SETTLED = OVER | {MessageState.UNSEEN}
"""The next may follow; of one that was not seen a person is told."""

_TRY_AGAIN = 5.0
"""Seconds, after the log took nothing or a fault of ours."""

_LOOK_AGAIN = 60.0
"""Seconds; a clock that was set, or a machine that slept, is noticed within this."""


class Scheduler:
    """Takes each slot when its moment comes."""

    def __init__(self, world: World, archivist: Archivist) -> None:
        self._world = world
        self._archivist = archivist
        self._next: dict[Key, datetime] = {}
        self._marks: dict[AgentId, tuple[object, ...]] = {}
        self._held: set[Key] = set()
        """Those whose last tick is not over."""
        self._commits: asyncio.Queue[Slot] = asyncio.Queue()
        self._faulty: set[Key] = set()
        """Of which a fault of ours is recorded."""
        self._failed = False
        self._under_way: set[Key] = set()
        """Those whose checkpoint waits for its turn, or is being made."""

    async def run(self) -> None:
        """Take slots as they come, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._take())
            for _ in range(AT_ONCE):
                tasks.create_task(self._keep())

    def standings(self, agent: Agent) -> Iterator[Standing]:
        """Yield how each schedule of *agent* stands."""
        team = self._world.ledger.fleet.teams.get(team_of(agent.id))
        name = agent.id.partition("/")[2]
        for schedule in team.spec.schedules if team is not None else ():
            if name in schedule.agents:
                yield self._standing(agent, name, schedule)

    def takes(self, agent: Agent) -> bool:
        """Tell whether slots of *agent* are taken now."""
        return agent.state in _UP

    def next_of(self, standing: Standing) -> datetime | None:
        """Return when *standing* is done next, None where it is held back or never comes."""
        return self._next.get(_key(standing))

    def holds(self, standing: Standing) -> str:
        """Return the message that keeps the next tick of *standing* back, empty where none does."""
        agent = self._world.ledger.fleet.agents.get(standing.agent_id)
        tick = agent.ticks.get(standing.schedule.name) if agent is not None else None
        return tick.message if tick is not None and self._is_busy(standing) else ""

    def take_now(self) -> list[Slot]:
        """Take what is due at this moment, without waiting for the next look, and return it."""
        self._note_changes()
        return self._take_due()

    async def finished(self, within: float) -> bool:
        """Tell whether all checkpoints that were asked for are made, waiting for them *within* so many seconds."""
        await first(self._commits.join(), self._world.clock.sleep(within))
        return not self._under_way

    def keeps(self, standing: Standing) -> bool:
        """Tell whether a checkpoint of *standing* waits for its turn, or is being made."""
        return _key(standing) in self._under_way

    # --- when ---

    async def _take(self) -> None:
        while True:
            changed = asyncio.ensure_future(self._world.ledger.changed())
            self._failed = False
            try:
                self._note_changes()
                self._take_due()
            except Exception as error:  # noqa: BLE001  a fault of one schedule must not end the supervision
                crash.record(self._world.ledger, "schedules", error)
                self._begin_anew()
            await first(changed, self._world.clock.sleep(self._pause()))

    def _note_changes(self) -> None:
        """Reckon anew for agents of which something has changed, and for those that a message kept back."""
        fleet = self._world.ledger.fleet
        for name in self._marks.keys() - fleet.agents.keys():
            del self._marks[name]
            self._forget(name)
        for name, agent in fleet.agents.items():
            mark = (agent.state in _UP, agent.since, agent.ticks, fleet.teams.get(team_of(name)))
            if self._marks.get(name) != mark:
                self._marks[name] = mark
                self._forget(name)
                self._reckon(agent)
        for key in [key for key in self._held if (found := self._find(key)) is None or not self._is_busy(found)]:
            self._held.discard(key)
            self._next[key] = self._now

    def _begin_anew(self) -> None:
        """Have all reckoned anew, in a while: something could not be done."""
        self._marks.clear()
        self._failed = True

    def _forget(self, name: AgentId) -> None:
        for key in [key for key in self._next if key[0] == name]:
            del self._next[key]
        self._held = {key for key in self._held if key[0] != name}

    def _reckon(self, agent: Agent) -> None:
        for standing in self.standings(agent) if agent.state in _UP else ():
            try:
                self._look_later(standing)
            except Exception as error:  # noqa: BLE001  one schedule must not take the others with it
                if (key := _key(standing)) not in self._faulty:
                    self._faulty.add(key)
                    crash.record(self._world.ledger, f"schedule {standing.schedule.name} of {agent.id}", error)

    def _look_later(self, standing: Standing) -> None:
        key, at = _key(standing), next_look([standing], self._now)
        if due(standing, self._now).outcome is not Outcome.NOT_YET:
            at = self._now
        if at is None:
            self._next.pop(key, None)
        else:
            self._next[key] = at

    def _pause(self) -> float:
        """Return the seconds until there is something to do; a log that takes nothing is not asked all the time."""
        if self._failed:
            return _TRY_AGAIN
        soonest = min(self._next.values(), default=None)
        if soonest is None:
            return _LOOK_AGAIN
        return min(_LOOK_AGAIN, max(0.0, (soonest - self._now).total_seconds()))

    # --- what ---

    def _take_due(self) -> list[Slot]:
        now, taken = self._now, []
        for key in [key for key, at in self._next.items() if at <= now]:
            self._next.pop(key)
            standing = self._find(key)
            if standing is not None:
                taken += self._take_one(key, standing, due(standing, now, busy=self._is_busy(standing)))
        return taken

    def _take_one(self, key: Key, standing: Standing, found: Due) -> list[Slot]:
        """Do what *found* asks for, and return the slot that was taken for it, if one was."""
        match found.outcome:
            case Outcome.BUSY if standing.schedule.kind is not ScheduleKind.CHECK_IN:
                self._held.add(key)
            case Outcome.ACT | Outcome.BUSY if found.slot is not None:
                return [found.slot] if self._act(standing, found.slot, found.missed) else []
            case Outcome.LATE if found.slot is not None:
                self._append([_tick(found.slot, found.missed, skipped="it was missed, and is not made up for")])
            case _:
                self._look_later(standing)
        return []

    def _act(self, standing: Standing, slot: Slot, missed: int) -> bool:
        """Do what *slot* is for, or have it done; tell whether it is taken."""
        schedule = standing.schedule
        match schedule.kind:
            case ScheduleKind.COMMIT:
                self._under_way.add((slot.agent_id, slot.schedule))
                self._commits.put_nowait(slot)
                return True
            case ScheduleKind.MESSAGE:
                queued = _message(slot, schedule.text, "schedule", schedule.when)
                return self._append([_tick(slot, missed, message=queued.data["message"]), queued])
            case ScheduleKind.CHECK_IN:
                return self._check_in(standing, slot, missed)

    def _check_in(self, standing: Standing, slot: Slot, missed: int) -> bool:
        """Ask how far an agent is, or say why not: no check-in waits behind another, its slot is over."""
        found = check_in(self._world.ledger.fleet, standing, slot.at, self._now)
        drafts = [_message(slot, found.text, CHECK_IN, standing.schedule.when)] if found.text else []
        message = drafts[0].data["message"] if drafts else found.waiting
        facts = {"message": message, "skipped": found.skipped, "unanswered": found.unanswered}
        if found.silent:
            evidence = f"it has not answered {SILENT_AFTER} check-ins"
            silent = {"missed": SILENT_AFTER, "evidence": evidence}
            drafts.append(Draft(agent_stream(slot.agent_id), EventType.AGENT_SILENT, silent))
        return self._append([_tick(slot, missed, **{name: said for name, said in facts.items() if said}), *drafts])

    async def _keep(self) -> None:
        """Make checkpoints one after the other; a fault of one is recorded, and the next slot is another try."""
        while True:
            slot = await self._commits.get()
            try:
                await self._archivist.keep(slot.agent_id, slot)
            except AgentctlError as error:
                self._append([_tick(slot, 0, skipped=error.message)])
            except Exception as error:  # noqa: BLE001  one agent's folder must not end the others'
                crash.record(self._world.ledger, f"checkpoint of {slot.agent_id}", error)
                self._append([_tick(slot, 0, skipped=repr(error))])
            finally:
                self._under_way.discard((slot.agent_id, slot.schedule))
                self._commits.task_done()

    def _append(self, drafts: list[Draft]) -> bool:
        """Append what concerns an agent that is there still; where the log takes nothing it is tried again later."""
        known = [draft for draft in drafts if draft.stream.partition(":")[2] in self._world.ledger.fleet.agents]
        try:
            self._world.ledger.append(known)
            return True
        except AgentctlError as error:
            log.warning("a slot was not taken", extra={"error": error.message})
            self._begin_anew()
            return False

    # --- how it stands ---

    def _find(self, key: Key) -> Standing | None:
        agent = self._world.ledger.fleet.agents.get(key[0])
        if agent is None or agent.state not in _UP:
            return None
        return next((one for one in self.standings(agent) if one.schedule.name == key[1]), None)

    def _standing(self, agent: Agent, name: str, schedule: Schedule) -> Standing:
        """Return how *schedule* stands.

        What was due while the agent did not run is not made up for, nor what was before a schedule was deployed.
        """
        tick, up = agent.ticks.get(schedule.name), agent.since if agent.state in _UP else None
        team = self._world.ledger.fleet.teams.get(team_of(agent.id))
        deployed = team.since if team is not None else None
        settled = [at for at in (tick.at if tick is not None else deployed, up) if at is not None]
        return Standing(
            schedule, team_of(agent.id), name, anchor_of(schedule, agent.id), max(settled, default=self._now)
        )

    def _is_busy(self, standing: Standing) -> bool:
        """Tell whether what the tick before has asked for is under way."""
        if self.keeps(standing):
            return True
        fleet = self._world.ledger.fleet
        agent = fleet.agents.get(standing.agent_id)
        tick = agent.ticks.get(standing.schedule.name) if agent is not None else None
        message = fleet.messages.get(tick.message) if tick is not None else None
        return message is not None and message.state not in _SETTLED

    @property
    def _now(self) -> datetime:
        return self._world.clock.now()


def _message(slot: Slot, text: str, kind: str, when: str) -> Draft:
    facts = {"message": secrets.token_hex(4), "text": text, "sender": "agentctl", "kind": kind, "when": when}
    return Draft(agent_stream(slot.agent_id), EventType.MESSAGE_QUEUED, facts)


def _key(standing: Standing) -> Key:
    return standing.agent_id, standing.schedule.name


def _tick(slot: Slot, missed: int, **facts: str) -> Draft:
    data = {"schedule": slot.schedule, "at": slot.at.isoformat(), "missed": missed, **facts}
    return Draft(agent_stream(slot.agent_id), EventType.AGENT_TICKED, data)
