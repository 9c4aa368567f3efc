"""Answering: what an agent asks on its screen is answered by keys, by a person or by the rules of its team file."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from agentctl.domain.agent import Agent, AgentState, Ask, AskKind
from agentctl.domain.errors import AgentctlError, NotFound, Refused, UsageError
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.evidence import Sight
from agentctl.engine.dialogs import answer_by_policy
from agentctl.supervisor import crash
from agentctl.supervisor.loop import first
from agentctl.supervisor.senses import Senses
from agentctl.supervisor.world import World

log = logging.getLogger(__name__)

_AGAIN = timedelta(seconds=2)
"""A question that still stands so long after it was answered did not take the keys."""

_SETTLES = timedelta(milliseconds=400)
"""The slowest program measured drops keys for 200 ms after it has drawn a question; vibe says so for a second."""

_TRIES = 3
_ALIVE = frozenset({AgentState.STARTING, AgentState.RUNNING})


class Answering:
    """Answers what the team file allows to be answered, and presses keys for persons."""

    def __init__(self, world: World, senses: Senses) -> None:
        self._world = world
        self._senses = senses
        self._tries: dict[tuple[str, int, str, datetime | None], tuple[int, float]] = {}
        self._answered: dict[tuple[str, int, str], float] = {}
        """When, by the monotonic clock, keys were pressed for a question."""

    async def run(self) -> None:
        """Answer by the rules of team files, until cancelled."""
        while True:
            changed = asyncio.ensure_future(self._senses.changed())
            due = await self._answer_all()
            await first(changed, *([self._world.clock.sleep(_AGAIN.total_seconds())] if due else []))

    async def answer(self, agent: Agent, choice: str, ask: str | None) -> str:
        """Press the keys for *choice* (an option's number or words, `approve`, `deny`); return the option's words.

        With *ask* only that very question is answered. Raises `NotFound` where nothing is asked, `UsageError` for a
        choice that is none, `Refused` where the question has changed or keys are not taken now.
        """
        if agent.stands_still:
            raise Refused(f"{agent.id} is paused: {agent.pause_reason}", hint="it can be answered when it runs again")
        sight = await self._sight(agent)
        if sight.ask is None:
            raise NotFound(f"{agent.id} asks nothing now", hint=f"what it does: agentctl why {agent.id}")
        known = agent.asking
        by_signal = agent.source == "hook" and known is not None and ask == known.id  # which knows not what is shown
        if ask and ask != sight.ask.id and not by_signal:
            raise Refused(f"{agent.id} asks something else by now", hint=f"look again: agentctl answer {agent.id}")
        keys, words = _keys(sight, choice)
        await self._let_it_settle(agent, sight.ask)
        key = (agent.id, agent.generation, sight.ask.id)
        self._claim(key)
        try:
            await self._press(agent, sight, keys)
        except Refused:
            self._answered.pop(key, None)
            raise
        return self._world.masked(agent.id, words)

    async def _let_it_settle(self, agent: Agent, ask: Ask) -> None:
        """Wait until a question has stood for a moment: some programs drop keys that come with its first drawing."""
        looked = self._senses.of(agent).looked
        age = self._world.clock.now() - looked.since if looked is not None else _SETTLES
        if age >= _SETTLES:
            return
        await self._world.clock.sleep((_SETTLES - age).total_seconds())
        sight = await self._sight(agent)
        if sight.ask is None or sight.ask.id != ask.id:
            raise Refused(f"{agent.id} asks something else by now", hint=f"look again: agentctl answer {agent.id}")

    def taken(self, agent: Agent, ask: str) -> None:
        """Note that the answer to *ask* has shown: the same question may be asked, and answered, again."""
        self._answered.pop((agent.id, agent.generation, ask), None)

    def _claim(self, key: tuple[str, int, str]) -> None:
        """Refuse a second answer before the first can have shown: its keys would fall into whatever comes next."""
        now, moment = self._world.clock.monotonic(), _AGAIN.total_seconds()
        self._answered = {other: at for other, at in self._answered.items() if now - at < moment}
        if key in self._answered:
            raise Refused(f"{key[0]} was answered a moment ago", hint=f"look again: agentctl answer {key[0]}")
        self._answered[key] = now

    async def _answer_all(self) -> bool:
        """Answer what may be; return whether some question has to be looked at again."""
        due = False
        self._forget_tries()
        for agent in list(self._world.ledger.fleet.agents.values()):
            spec, asking = self._world.ledger.fleet.spec(agent.id), agent.asking
            if agent.state not in _ALIVE or spec is None or asking is None or agent.stands_still:
                continue
            choice = answer_by_policy(asking, spec)
            if choice is None:
                continue
            try:
                due = await self._try(agent, asking, choice, f"{asking.kind}: {choice}") or due
            except AgentctlError as error:
                log.warning("not answered", extra={"agent": agent.id, "error": error.message})
                due = True
            except Exception as error:  # noqa: BLE001  one question must not end the answering of all
                crash.record(self._world.ledger, f"answer of {agent.id}", error)
        return due

    def _forget_tries(self) -> None:
        """Forget questions that are gone: the same words asked again later are a question of their own."""
        asked = {_asked(agent, agent.asking) for agent in self._world.ledger.fleet.agents.values() if agent.asking}
        self._tries = {key: tries for key, tries in self._tries.items() if key in asked}

    async def _try(self, agent: Agent, asking: Ask, choice: str, policy: str) -> bool:
        """Answer one question, at most so many times; return whether it is to be looked at again."""
        key, now = _asked(agent, asking), self._world.clock.monotonic()
        tries, at = self._tries.get(key, (0, now - _AGAIN.total_seconds()))
        if tries >= _TRIES and now - at < _FORGET_SECONDS:
            return False
        if now - at < _AGAIN.total_seconds():
            return True
        self._tries[key] = (tries % _TRIES + 1, now)
        words = await self.answer(agent, choice, asking.id)
        facts = {"generation": agent.generation, "ask": asking.id, "choice": words, "policy": policy}
        self._world.ledger.append([Draft(agent_stream(agent.id), EventType.AGENT_ANSWERED, facts)])
        return True

    async def _sight(self, agent: Agent) -> Sight:
        if agent.state not in _ALIVE or agent.pane is None:
            raise NotFound(f"{agent.id} does not run ({agent.state})")
        sight = (await self._senses.look(agent)).sight
        if sight is None:
            raise NotFound(f"the screen of {agent.id} cannot be read: its runner has no rules for it")
        return sight

    async def _press(self, agent: Agent, sight: Sight, keys: tuple[str, ...]) -> None:
        if not keys:
            kind = sight.ask.kind if sight.ask is not None else AskKind.OTHER
            raise Refused(f"this {kind} cannot be answered with keys", hint=f"go there: agentctl attach {agent.id}")
        if agent.pane is None or not await self._world.terminal.keys(agent.pane, agent.id, agent.generation, keys):
            raise Refused(f"{agent.id} takes no keys now: somebody scrolls in its window", hint="try again")
        self._senses.typed(agent)


_FORGET_SECONDS = 600.0
"""After this a question that was answered in vain is tried again."""


def _asked(agent: Agent, asking: Ask) -> tuple[str, int, str, datetime | None]:
    return agent.id, agent.generation, asking.id, asking.since


def _keys(sight: Sight, choice: str) -> tuple[tuple[str, ...], str]:
    """Return the keys for *choice* and its words."""
    assert sight.ask is not None  # noqa: S101  the caller has looked
    options, wanted = sight.ask.options, choice.strip()
    if wanted in ("approve", "deny"):
        keys = sight.approve if wanted == "approve" else sight.deny
        return keys, _words_of(sight, keys, wanted)
    if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted) <= len(sight.choices):
        return sight.choices[int(wanted) - 1], options[int(wanted) - 1]
    near = [i for i, option in enumerate(options) if option.casefold().startswith(wanted.casefold())]
    exact = [i for i in near if options[i].casefold() == wanted.casefold()] or near
    if wanted and len(exact) == 1 and exact[0] < len(sight.choices):
        return sight.choices[exact[0]], options[exact[0]]
    listed = "; ".join(f"{number} {option}" for number, option in enumerate(options, 1))
    raise UsageError(
        f"'{choice}' is no choice here" if not near else f"'{choice}' fits {len(near)} options",
        hint=f"choose: {listed}" if listed else "it takes: approve, deny",
    )


def _words_of(sight: Sight, keys: tuple[str, ...], wanted: str) -> str:
    options = sight.ask.options if sight.ask is not None else ()
    return next((o for o, k in zip(options, sight.choices, strict=False) if k == keys), wanted)
