"""Accounts: what agents spend, read from their programs' records when turns end, and their budgets held to it."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from agentctl.domain.agent import Activity, Agent, AgentState, PauseCause, Spent
from agentctl.domain.codec import encode
from agentctl.domain.errors import AgentctlError
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.evidence import Sign
from agentctl.domain.names import AgentId, team_of
from agentctl.domain.team import Budget
from agentctl.engine.budget import judge
from agentctl.supervisor import crash
from agentctl.supervisor.bookkeeping import Bookkeeping
from agentctl.supervisor.loop import first
from agentctl.supervisor.world import World
from agentctl.views.spending_fold import total

log = logging.getLogger(__name__)

_LATE = (2.0, 30.0)
"""Seconds after a turn: programs write its record a moment after they have said that it ended; some ask their model for
more beside it."""

_EVERY = 60.0
"""Seconds between two looks in a long turn."""

_EARLIER = 3
"""Conversations before this one: a branch of one of them begins with a copy of what was counted there."""

_UP = frozenset({AgentState.STARTING, AgentState.RUNNING})


class Accounts:
    """Keeps every agent's account, and pauses who has used up the budget."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._books: dict[AgentId, tuple[str, Bookkeeping]] = {}
        self._marks: dict[AgentId, tuple[object, ...]] = {}
        """What was known of each agent when it was last looked at: a turn may begin and end between two looks."""
        self._changed: dict[AgentId, float] = {}
        """When, by the monotonic clock, that was other than before."""
        self._due: dict[AgentId, float] = {}
        self._sessions: dict[AgentId, str] = {}
        self._locks: defaultdict[AgentId, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def run(self) -> None:
        """Look at each account when its agent's turn ends and in long turns, until cancelled."""
        while True:
            changed = asyncio.ensure_future(self._world.ledger.changed())
            self._note_changes()
            await self._count_due()
            pause = min(self._due.values(), default=None)
            wait = [] if pause is None else [self._world.clock.sleep(max(0.0, pause - self._world.clock.monotonic()))]
            await first(changed, *wait)

    def told(self, agent: Agent, sign: Sign) -> None:
        """Take in where a signal of *agent* says that the record of its conversation is."""
        books = self._books_of(agent) if sign.record and sign.session == agent.session else None
        if books is not None:
            books.told(agent.session, sign.record)

    async def settled(self, name: AgentId) -> None:
        """Wait until what the last turn of *name* took is written down, where its budget asks for that."""
        budget, agent = self._world.ledger.fleet.budget(name), self._world.ledger.fleet.agents.get(name)
        counts = (budget.tokens, budget.usd) != (None, None)
        if agent is None or not counts or agent.activity is Activity.WORKING or self._books_of(agent) is None:
            return
        age = self._world.clock.monotonic() - self._changed.get(name, -_LATE[0])
        if agent.active_since is not None:
            age = min(age, max(0.0, (self._now - agent.active_since).total_seconds()))
        await self._world.clock.sleep(max(0.0, _LATE[0] - age))

    async def is_paused_first(self, name: AgentId) -> bool:
        """Look at the account of *name* before a message is handed to it; tell whether it is paused for its budget.

        What its last turn took decides, and nobody may be quicker than that is counted.
        """
        if self._world.ledger.fleet.budget(name) == Budget():
            return False
        await self._count(name, handing=True)
        agent = self._world.ledger.fleet.agents.get(name)
        return agent is not None and agent.paused is PauseCause.BUDGET

    # --- when ---

    def _note_changes(self) -> None:
        fleet, now = self._world.ledger.fleet, self._world.clock.monotonic()
        for name in self._marks.keys() - fleet.agents.keys():
            self._forget(name)
        for name, agent in fleet.agents.items():
            turn = (agent.generation, agent.state, agent.session, agent.active_since, agent.phase, agent.typed)
            mark = (turn, agent.paused, agent.budget, fleet.teams.get(team_of(name)))
            if self._marks.get(name) != mark:
                self._marks[name] = mark
                self._due[name] = self._changed[name] = now

    def _forget(self, name: AgentId) -> None:
        for known in (self._books, self._marks, self._changed, self._due, self._sessions, self._locks):
            known.pop(name, None)

    async def _count_due(self) -> None:
        now = self._world.clock.monotonic()
        for name in [name for name, due in self._due.items() if due <= now]:
            del self._due[name]
            try:
                await self._count(name)
            except AgentctlError as error:
                log.warning("account not kept", extra={"agent": name, "error": error.message})
            except Exception as error:  # noqa: BLE001  one agent's account must not end the others'
                crash.record(self._world.ledger, f"account of {name}", error)

    def _look_again(self, agent: Agent) -> None:
        """Have the account looked at again: now and then while it works, and twice after that."""
        now = self._world.clock.monotonic()
        age = now - self._changed.get(agent.id, now)
        later = next((late for late in _LATE if age < late), None)
        if agent.work_since is not None:
            self._due.setdefault(agent.id, now + _EVERY)
        elif later is not None:
            self._due.setdefault(agent.id, now + later)

    # --- what ---

    async def _count(self, name: AgentId, *, handing: bool = False) -> None:
        """Read what is new of *name*, and hold its budget against it."""
        async with self._locks[name]:
            agent = self._world.ledger.fleet.agents.get(name)
            if agent is None:
                return
            books = self._books_of(agent)
            if books is not None:
                await self._read(agent, books)
            self._judge(name, handing=handing)
            self._look_again(agent)

    async def _read(self, agent: Agent, books: Bookkeeping) -> None:
        known = (*list(agent.books)[-_EARLIER:], self._sessions.get(agent.id, ""), agent.session)
        self._sessions[agent.id] = agent.session
        for conversation in filter(None, dict.fromkeys(known)):
            while books.read(conversation):
                await self._world.clock.sleep(0)
            self._record(agent.id, conversation, books.own(conversation))

    def _record(self, name: AgentId, conversation: str, own: Spent) -> None:
        """Record what *conversation* took in all, where that is news; a record that was cut short is none."""
        agent = self._world.ledger.fleet.agents.get(name)
        if agent is None:
            return
        before = agent.books.get(conversation, Spent())
        own = replace(own, unpriced=self._world.masked(name, own.unpriced) if own.unpriced else "")
        if own == before or own.tokens < before.tokens:
            return
        spent = replace(total({**agent.books, conversation: own}.values()), work=agent.spent_by(self._now).work)
        facts = {
            "generation": agent.generation,
            "evidence": f"{spent.tokens:,} tokens and ${spent.usd:,.2f} in all",
            "conversation": conversation,
            "own": encode(own),
            "spent": encode(spent),
        }
        self._append([Draft(agent_stream(name), EventType.AGENT_SPENT, facts)])

    def _judge(self, name: AgentId, *, handing: bool) -> None:
        fleet = self._world.ledger.fleet
        agent, spec = fleet.agents.get(name), fleet.spec(name)
        if agent is not None and spec is not None and agent.state in _UP:
            self._append(judge(agent, fleet.budget(name), self._now, handing=handing))

    def _append(self, drafts: list[Draft]) -> None:
        if drafts:
            self._world.ledger.append(drafts)

    @property
    def _now(self) -> datetime:
        return self._world.clock.now()

    def _books_of(self, agent: Agent) -> Bookkeeping | None:
        """Return the books of *agent*, None where its program keeps no records."""
        known = self._books.get(agent.id)
        if known is not None and known[0] == agent.runner:
            return known[1]
        records = self._world.runners.known(agent.runner).usage if agent.runner else None
        if records is None:
            return None
        folder, home = self._world.agent_folder(agent.id), self._home_of(agent)
        books = Bookkeeping(records, self._world.prices, folder=folder, home=home)
        self._books[agent.id] = (agent.runner, books)
        return books

    def _home_of(self, agent: Agent) -> Path:
        """Return the home folder as the agent sees it."""
        fleet, spec = self._world.ledger.fleet, self._world.ledger.fleet.spec(agent.id)
        team = fleet.teams.get(team_of(agent.id))
        for variables in (spec.env if spec else {}, team.environment if team else {}, self._world.environ):
            if variables.get("HOME", "").startswith("/"):
                return Path(variables["HOME"])
        return Path.home()
