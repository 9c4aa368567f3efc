"""Senses: what each agent's program has said and shown last, and the verdict that follows, recorded when it changes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable, Collection, Coroutine, Iterable
from datetime import datetime, timedelta
from typing import Any

from agentctl.domain.agent import Activity, Agent, AgentState, Phase
from agentctl.domain.errors import AgentctlError, IllegalMove
from agentctl.domain.events import Draft, EventType
from agentctl.domain.evidence import Meaning, Sign
from agentctl.domain.names import AgentId, PaneId
from agentctl.domain.ports import Shown
from agentctl.domain.text import safe_line
from agentctl.engine.looking import look_again, says
from agentctl.engine.verdict import judge, next_verdict, speaks
from agentctl.runners.reading import read_screen
from agentctl.runners.runner import Runner
from agentctl.supervisor import crash
from agentctl.supervisor.loop import first
from agentctl.supervisor.news import News, draft_of
from agentctl.supervisor.sense import Sense
from agentctl.supervisor.world import World

log = logging.getLogger(__name__)

_AGAIN = 1.0
"""Seconds before screens are watched anew after tmux was out of reach."""

_DRAWS_QUESTION = timedelta(milliseconds=250)
"""A question's signal comes before the question is drawn."""

_STANDS_STILL = timedelta(seconds=1)
"""Between two looks at whether an agent that is paused runs again."""

_SESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""A conversation's id goes into command lines and names of files: no option, no path, no blank."""

_SENSED = frozenset({AgentState.STARTING, AgentState.RUNNING})
_SAYS = {Activity.WORKING: Meaning.BUSY, Activity.IDLE: Meaning.IDLE, Activity.WAITING: Meaning.ASKING}


class Senses:
    """Takes signs and screens in, and records what follows from them."""

    def __init__(self, world: World, wake: asyncio.Event) -> None:
        self._world = world
        self._wake = wake
        self._news = News(world)
        self._senses: dict[AgentId, Sense] = {}
        self._due: dict[AgentId, float] = {}
        """When, by the monotonic clock, the evidence on an agent is to be weighed again."""
        self.listeners: list[Callable[[AgentId], None]] = []
        """Called with each agent of which something new has been sensed."""
        self._looks: set[asyncio.Future[None]] = set()
        self._set = asyncio.Event()
        self._changed = asyncio.Event()

    async def watch_screens(self) -> None:
        """Look at each screen that changed, until cancelled."""
        while True:
            try:
                async for panes in self._world.terminal.drawn():
                    await self._look_at(panes)
            except AgentctlError as error:
                log.warning("screens are out of sight", extra={"error": error.message})
            await self._world.clock.sleep(_AGAIN)

    async def watch_time(self) -> None:
        """Weigh evidence again when it has stood long enough, until cancelled."""
        while True:
            self._set.clear()
            moment = min(self._due.values(), default=None)
            if moment is None:
                await self._set.wait()
                continue
            left = moment - self._world.clock.monotonic()
            if left > 0:
                await first(self._set.wait(), self._world.clock.sleep(left))
                continue
            self._judge_due()

    def changed(self) -> Coroutine[Any, Any, object]:
        """Return what waits for the next thing to be sensed after this call, even where it is awaited only later."""
        return self._changed.wait()

    def of(self, agent: Agent) -> Sense:
        """Return what is known of *agent* as it runs now."""
        sense = self._senses.get(agent.id)
        if sense is None or sense.generation != agent.generation:
            sense = Sense(agent.generation, self._world.clock.now(), sign=_remembered(agent))
            self._senses[agent.id] = sense
        return sense

    def moved(self) -> dict[AgentId, datetime]:
        """Return when anything of each agent that runs moved last; one that is made to stand still has no say in it."""
        agents = [agent for agent in self._world.ledger.fleet.agents.values() if agent.state in _SENSED]
        for agent in agents:
            if agent.stands_still:
                self.of(agent).moved = self._world.clock.now()
        return {agent.id: self.of(agent).moved for agent in agents}

    def typed(self, agent: Agent) -> None:
        """Note that something is handed to *agent* now: what it said before says nothing of what follows."""
        sense = self.of(agent)
        sense.last_input = sense.moved = self._world.clock.now()

    def weigh(self, agent: Agent) -> None:
        """Weigh the evidence on *agent* again: a message of it has come further."""
        self._record(agent, self._weigh(agent, self.of(agent)))

    def hear(self, agent: Agent, sign: Sign) -> list[Draft]:
        """Take *sign* in; return what is to be recorded. One of another conversation, or told twice, says nothing."""
        sense = self.of(agent)
        if _is_foreign(agent, sign):
            log.info("signal of another conversation refused", extra={"agent": agent.id, "kind": sign.kind})
            return []
        turn = (sign.meaning, sign.id)
        if sign.id and turn in sense.turns and sign.meaning is Meaning.PROMPT:
            return []
        sense.turns.append(turn)
        sense.moved = sign.at
        drafts = self._of_session(agent, sign)
        if speaks(sign, sense.sign):
            sense.sign = sign
        drafts += self._weigh(agent, sense)
        if agent.asking is not None:  # it is probably answered: the screen tells, and need not be drawn first
            self._look_soon(agent, timedelta(0))
        elif sign.meaning is Meaning.ASKING:
            self._look_soon(agent, _DRAWS_QUESTION)
        self._tell(agent.id)
        return drafts

    async def look(self, agent: Agent) -> Sense:
        """Look at the screen of *agent* now, and return what is known of it."""
        if agent.pane is not None:
            shown = await self._world.terminal.shown([agent.pane])
            self._take_in(shown)
        return self.of(agent)

    # --- screens ---

    def _look_soon(self, agent: Agent, after: timedelta) -> None:
        look = asyncio.ensure_future(self._look_quietly(agent, after))
        self._looks.add(look)
        look.add_done_callback(self._looks.discard)

    async def _look_quietly(self, agent: Agent, after: timedelta) -> None:
        await self._world.clock.sleep(after.total_seconds())
        with contextlib.suppress(AgentctlError):  # the next drawing tells
            await self.look(agent)

    async def _look_at(self, panes: Collection[PaneId]) -> None:
        wanted = [a.pane for a in self._sensed() if a.pane in panes and a.pane is not None and self._reads(a)]
        if wanted:
            self._take_in(await self._world.terminal.shown(wanted))

    def _take_in(self, shown: dict[PaneId, Shown]) -> None:
        for agent in list(self._sensed()):
            if agent.pane in shown and agent.pane is not None:
                try:
                    self._see(agent, shown[agent.pane])
                except AgentctlError as error:
                    log.warning("sight not recorded", extra={"agent": agent.id, "error": error.message})
                except Exception as error:  # noqa: BLE001  one screen must not end the watching of all
                    crash.record(self._world.ledger, f"screen of {agent.id}", error)

    def _see(self, agent: Agent, shown: Shown) -> None:
        sense, now = self.of(agent), self._world.clock.now()
        sight, before = read_screen(self._runner(agent), shown, now=now), sense.sight
        drawn = sense.shown is None or sense.shown.text != shown.text
        sense.looked = look_again(sense.looked, sight, now, drawn=drawn)
        sense.shown = shown
        sense.moved = max(sense.moved, sense.looked.drawn)
        self._record(agent, self._weigh(agent, sense))
        if before is None or (says(before), before.draft) != (says(sight), sight.draft):
            self._tell(agent.id)

    def _reads(self, agent: Agent) -> bool:
        return bool(self._runner(agent).rules)

    def _runner(self, agent: Agent) -> Runner:
        return self._world.runners.known(agent.runner)

    def _sensed(self) -> Iterable[Agent]:
        return (a for a in self._world.ledger.fleet.agents.values() if a.state in _SENSED and a.process is not None)

    # --- verdicts ---

    def _judge_due(self) -> None:
        now = self._world.clock.monotonic()
        for name in [name for name, due in self._due.items() if due <= now]:
            del self._due[name]
            agent = self._world.ledger.fleet.agents.get(name)
            if agent is not None and agent.state in _SENSED:
                self._record(agent, self._weigh(agent, self.of(agent)))
                self._tell(agent.id)

    def _weigh(self, agent: Agent, sense: Sense) -> list[Draft]:
        """Return what is to be recorded of the verdict on *agent*."""
        runner = self._runner(agent)
        if not runner.reports and not runner.rules:
            return []
        now = self._world.clock.now()
        if agent.stands_still:  # its screen would show an end of work, and nothing has ended
            self._weigh_again(agent.id, now + _STANDS_STILL, now)
            return []
        sense.set_back(now)
        evidence = (sense.sign, sense.looked, sense.last_input)
        signals, tools = bool(runner.reports), any(r.means is Meaning.TOOL for r in runner.reports.values())
        said, phase = agent.activity, agent.phase
        verdict = judge(*evidence, now, own_signals=signals, own_tools=tools, said=said, phase=phase)
        due = next_verdict(*evidence, now, own_signals=signals, own_tools=tools, said=said, phase=phase)
        shows = self._news.turn_shows(agent)
        due = min((moment for moment in (due, shows) if moment is not None and moment > now), default=None)
        self._weigh_again(agent.id, due, now)
        if verdict is None:
            return []
        sense.verdict = verdict
        return self._paced(sense, agent, self._news.of(agent, sense, verdict))

    def _paced(self, sense: Sense, agent: Agent, news: list[Draft]) -> list[Draft]:
        """Return *news*, or nothing where too much was recorded of *agent*: then it is weighed again a little later."""
        wait = sense.pace.wait(self._world.clock.monotonic()) if news else 0.0
        if not wait:
            return news
        now = self._world.clock.now()
        self._weigh_again(agent.id, now + timedelta(seconds=wait), now)
        return []

    def _weigh_again(self, agent: AgentId, moment: datetime | None, now: datetime) -> None:
        """Have the evidence weighed again when some of it has stood long enough to count for more."""
        self._due.pop(agent, None)
        if moment is not None:
            self._due[agent] = self._world.clock.monotonic() + (moment - now).total_seconds()
            self._set.set()

    def _of_session(self, agent: Agent, sign: Sign) -> list[Draft]:
        if sign.meaning is not Meaning.SESSION or not sign.session or sign.session == agent.session:
            return []
        if not _SESSION.fullmatch(sign.session) or self.of(agent).pace.wait(self._world.clock.monotonic()):
            log.warning("conversation refused", extra={"agent": agent.id, "session": safe_line(sign.session)})
            return []
        facts = {"generation": agent.generation, "session": sign.session, "evidence": f"hook {sign.kind}"}
        return [draft_of(agent, EventType.AGENT_SESSION, **facts)]

    def _record(self, agent: Agent, drafts: list[Draft]) -> None:
        if not drafts:
            return
        try:
            self._world.ledger.append(drafts)
        except IllegalMove as error:
            log.warning("verdict does not fit", extra={"agent": agent.id, "error": error.message})
        self._wake.set()

    def _tell(self, agent: AgentId) -> None:
        for listener in self.listeners:
            listener(agent)
        self._changed.set()
        self._changed = asyncio.Event()


def _is_foreign(agent: Agent, sign: Sign) -> bool:
    """Tell whether *sign* comes of another conversation than the agent's: of a program that a tool of it has started.

    The agent itself begins a new one only between two tools.
    """
    if not sign.session or not agent.session or sign.session == agent.session:
        return False
    return sign.meaning is not Meaning.SESSION or agent.phase is Phase.EXECUTING


def _remembered(agent: Agent) -> Sign | None:
    """Return what the agent's signals said last, from what the log knows of it."""
    meaning = _SAYS.get(agent.activity)
    if agent.source != "hook" or meaning is None or agent.active_since is None:
        return None
    return Sign(meaning, agent.active_since, agent.evidence.removeprefix("hook "))
