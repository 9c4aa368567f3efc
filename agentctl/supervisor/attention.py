"""Attention: the person is told what stands, by every way they want, and status lines show who waits."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from agentctl.domain.errors import AgentctlError
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.message import PERSON
from agentctl.domain.names import AgentId, PaneId, team_of
from agentctl.domain.notice import Notice, Notification, Told
from agentctl.engine.attention import Decision, Known, Occasion, Telling, decide, occasions
from agentctl.engine.wording import notification
from agentctl.supervisor import crash
from agentctl.supervisor.loop import first
from agentctl.supervisor.world import World
from agentctl.views.attention import waiting
from agentctl.views.fleet import Team

log = logging.getLogger(__name__)

_MOST_UNDER_WAY = 20
"""Words by one way that have not gone out; where it is that slow, more of them help nobody."""

_BREATH = 0.1
"""Seconds between two rounds, so that a fleet in which much happens costs little."""

_NOTHING: Mapping[str, Told] = {}


class Attention:
    """Follows the fleet, and tells the person."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: dict[AgentId, datetime] = {}
        self._rules: dict[str, tuple[Team | None, Sequence[Notice]]] = {}
        """By team: as it was when its notices were made, and those."""
        self._shown: object = None
        """What status lines show, and on which server; None: nothing that we know of."""
        self._fault = ""
        self._going: dict[asyncio.Task[None], str] = {}
        """What is under way, by the task, with its way."""

    async def run(self) -> None:
        """Tell until cancelled."""
        try:
            while True:
                changed = asyncio.ensure_future(self._world.ledger.changed())
                look = await self._round()
                await first(changed, *([] if look is None else [self._world.clock.sleep(self._until(look))]))
                await self._world.clock.sleep(_BREATH)
        finally:
            for task in self._going:
                task.cancel()

    async def _round(self) -> datetime | None:
        """Show and tell what there is; return when to look again, None where only an event brings news."""
        look, fault = None, ""
        try:
            look = await self._tell()
            await self._show()
        except AgentctlError as error:
            fault = error.message
            log.warning("who waits is not shown, or told", extra={"error": fault})
        except Exception as error:  # noqa: BLE001  a fault of ours here must not end the supervision of every agent
            fault = repr(error)
            if fault != self._fault:  # recorded once: the record itself brings the next round
                crash.record(self._world.ledger, "attention", error)
        self._fault = fault
        return look

    async def try_out(self, way: str) -> str:
        """Tell the person by *way* that this is a test, and return in words what was done; raises what it raises."""
        now = self._world.clock.now()
        panes = self._panes(list(self._world.ledger.fleet.agents))[:1]
        words = "You would hear of your agents like this."
        note = Notification("this is a test", words, (), panes, "test", now, self._world.host)
        kind, _, channel = way.partition(":")
        return await self._world.ways[kind].tell(note, channel)

    # --- what stands ---

    def _standing(self) -> list[Occasion]:
        """Return what stands and is to be told by some way: most of a fleet just works, or is done."""
        fleet = self._world.ledger.fleet
        mail = fleet.queued(AgentId(PERSON))
        found = [occasion for agent in fleet.agents.values() for occasion in occasions(agent, mail)]
        return [one for one in found if any(one.why in notice.on and notice.to for notice in self._notices(one.agent))]

    def _known(self) -> Known:
        return Known(self._world.habits, self._notices, self._told, self._seen)

    def _notices(self, agent: AgentId) -> Sequence[Notice]:
        """Return what holds for *agent*, by the ways that there are: the person's own settings say which."""
        name = team_of(agent)
        team, known = self._world.ledger.fleet.teams.get(name), self._rules.get(name)
        if known is not None and known[0] is team:
            return known[1]
        own = team.spec.notify if team is not None else None
        made = [
            replace(notice, to=tuple(way for way in notice.to if way.partition(":")[0] in self._world.ways))
            for notice in (self._world.habits.notices if own is None else own)
        ]
        self._rules[name] = team, made
        return made

    def _told(self, agent: AgentId) -> Mapping[str, Told]:
        known = self._world.ledger.fleet.agents.get(agent)
        return known.told if known is not None else _NOTHING

    # --- telling ---

    async def _tell(self) -> datetime | None:
        """Tell what is to be told, and return when to look again."""
        decision = self._decide()
        if decision.tellings:
            await self._look_who_watches()
            decision = self._decide()
        for telling in decision.tellings:
            self._record(telling)
            self._send(telling)
        return self._decide().look if decision.tellings else decision.look

    def _decide(self) -> Decision:
        return decide(self._standing(), self._known(), self._world.clock.now())

    async def _look_who_watches(self) -> None:
        """Note which windows people are looking at; where tmux does not answer, a person is told all the same."""
        now = self._world.clock.now()
        try:
            panes = await self._world.terminal.panes()
        except AgentctlError:
            return
        self._seen |= {pane.agent: now for pane in panes if pane.watched}

    def _record(self, telling: Telling) -> None:
        """Record what is told before it goes out: better never than twice."""
        self._world.ledger.append([_event(occasion, telling.ways) for occasion in telling.occasions])

    def _send(self, telling: Telling) -> None:
        panes = self._panes([occasion.agent for occasion in telling.occasions])
        note = notification(telling.occasions, panes, self._world.host)
        busy = Counter(self._going.values())
        for way in telling.ways:
            if busy[way] >= _MOST_UNDER_WAY:
                log.warning("a person was not told: too much is under way", extra={"way": way, "note": note.title})
                continue
            task = asyncio.create_task(self._go(way, note))
            self._going[task] = way
            task.add_done_callback(self._going.pop)

    async def _go(self, way: str, note: Notification) -> None:
        kind, _, channel = way.partition(":")
        facts = {"way": way, "note": note.title}
        try:
            done = await self._world.ways[kind].tell(note, channel)
        except AgentctlError as error:
            log.warning("a person could not be told", extra=facts | {"error": error.message})
        except Exception as error:  # noqa: BLE001  one way must not end the others
            crash.record(self._world.ledger, f"telling by {kind}", error)
        else:
            log.info("a person was told", extra=facts | {"how": done})

    def _panes(self, agents: Sequence[AgentId]) -> tuple[PaneId, ...]:
        fleet, server = self._world.ledger.fleet, self._world.terminal.server()
        known = [fleet.agents[name] for name in agents if name in fleet.agents]
        return tuple(agent.pane for agent in known if agent.pane is not None and agent.server == server)

    # --- showing ---

    def _waiting(self) -> list[tuple[AgentId, PaneId]]:
        fleet, server = self._world.ledger.fleet, self._world.terminal.server()
        found = waiting(fleet.agents.values())
        return [(agent.id, agent.pane) for agent in found if agent.pane is not None and agent.server == server]

    async def _show(self) -> None:
        """Show who waits where that has changed, or where another server has to be told."""
        server = self._world.terminal.server()
        now = (server, tuple(self._waiting()))
        if server is None or now == self._shown:
            return
        self._shown = None
        await self._world.terminal.show_waiting(now[1])
        self._shown = now

    def _until(self, moment: datetime) -> float:
        return max(0.0, (moment - self._world.clock.now()).total_seconds())


def _event(occasion: Occasion, ways: Sequence[str]) -> Draft:
    facts = {
        "why": occasion.why.value,
        "ask": occasion.ask,
        "since": occasion.since.isoformat(),
        "ways": list(ways),
        "evidence": f"told by {', '.join(ways)}",
    }
    return Draft(agent_stream(occasion.agent), EventType.PERSON_NOTIFIED, facts)
