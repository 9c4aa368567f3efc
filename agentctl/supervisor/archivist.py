"""The archivist: keeps what agents' folders hold as checkpoints, by their schedules and when somebody asks.

A slot has one commit at most: the commit itself carries the slot, so what was made before a crash is found after it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from agentctl.domain.checkpoint import Checkpoint, Gate, LeftOut, Skipped, Survey
from agentctl.domain.codec import encode
from agentctl.domain.errors import NotFound
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.names import AgentId
from agentctl.domain.schedule import Slot
from agentctl.drivers.secrets import Redactor, reveal
from agentctl.engine.commit_message import Facts, commit_message
from agentctl.engine.leaks import Leak, find_leaks
from agentctl.supervisor.world import World

_TRIES = 3

_OWN_SECRET = "secret of the agent"  # noqa: S105  the name of a kind


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of one wish for a checkpoint."""

    checkpoint: Checkpoint | None = None
    survey: Survey | None = None
    """What it holds, or would; None where it was made before."""
    skipped: Skipped | None = None

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Return what is not in it."""
        return self.survey.left_out if self.survey is not None else ()


@dataclass(frozen=True, slots=True)
class _Wish:
    """A checkpoint that is wanted."""

    agent: AgentId
    folder: Path
    gate: Gate
    slot: str
    task: str


AT_ONCE = 3
"""Checkpoints made at a time, of different folders: one on a disk that hangs must not keep all others waiting."""

_SLOW, _RESTS = 20.0, 10
"""Seconds that no sound folder takes, and how many times as long a slower one is left alone by schedules."""


class Archivist:
    """Makes checkpoints, some at a time and one a folder."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._some = asyncio.Semaphore(AT_ONCE)
        self._locks: defaultdict[Path, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._rests: dict[Path, float] = {}
        """Until when a slow folder is left alone, by the monotonic clock."""
        self._under_way: set[asyncio.Task[Kept]] = set()
        self._redactors: dict[AgentId, Redactor] = {}
        """Of agents that an earlier supervisor has started."""

    async def keep(self, name: AgentId, slot: Slot | None = None, *, actor: str = "supervisor") -> Kept:
        """Make a checkpoint of *name*, for *slot* if any, and record what came of it; raises as `survey`."""
        gate, slot_id = await self._gate(name), slot.id if slot is not None else ""
        wish = _Wish(name, self.folder(name), gate, slot_id, self._task(name))
        task = asyncio.create_task(self._make(wish, slot, actor))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)  # who asked may hang up; what is made by then is recorded all the same

    async def survey(self, name: AgentId) -> Kept:
        """Return what a checkpoint of *name* would hold; nothing is made or recorded.

        Raises `NotFound` where it is no longer wanted, and as `reveal` where its secrets are not to be had.
        """
        folder, gate = self.folder(name), await self._gate(name)
        async with self._locks[folder], self._some:
            return _as_kept(await asyncio.to_thread(self._world.checkpoints.survey, folder, name, gate))

    def close(self) -> None:
        """Record nothing more; what is being made for a slot is found by the next supervisor."""
        for task in self._under_way:
            task.cancel()

    def folder(self, name: AgentId) -> Path:
        """Return the folder that *name* works in; raises `NotFound` where it is no longer wanted."""
        spec = self._world.ledger.fleet.spec(name)
        if spec is None:
            raise NotFound(f"{name} is no longer part of its team")
        return Path(spec.cwd)

    async def _make(self, wish: _Wish, slot: Slot | None, actor: str) -> Kept:
        clock, folder = self._world.clock, wish.folder
        if slot is not None and clock.monotonic() < self._rests.get(folder, 0.0):
            kept = Kept(skipped=Skipped.SLOW)
        else:
            async with self._locks[folder], self._some:
                begun = clock.monotonic()
                kept = await asyncio.to_thread(self._keep, wish, clock.now())
            took = clock.monotonic() - begun
            if took > _SLOW:
                self._rests[folder] = clock.monotonic() + _RESTS * took
        self._record(wish.agent, slot, kept, actor)
        return kept

    def _keep(self, wish: _Wish, now: datetime) -> Kept:
        """Make it, on a thread; where another was made meanwhile, look again."""
        kept = Kept(skipped=Skipped.BUSY)
        for _ in range(_TRIES):
            kept = self._try(wish, now)
            if kept.skipped is not Skipped.BUSY:
                break
        return kept

    def _try(self, wish: _Wish, now: datetime) -> Kept:
        checkpoints, name, folder = self._world.checkpoints, wish.agent, wish.folder
        try:
            made = checkpoints.made(folder, name, wish.slot) if wish.slot else None
        except NotFound:
            made = None  # there is no repository, which the survey says better
        if made is not None:
            return Kept(checkpoint=made)
        found = checkpoints.survey(folder, name, wish.gate)
        if not isinstance(found, Survey) or not found.changes:
            return _as_kept(found)
        message = commit_message(Facts(name, found.changes, found.left_out, wish.task))
        done = checkpoints.commit(found, name, wish.slot, message, now)
        return Kept(done, found) if isinstance(done, Checkpoint) else Kept(skipped=done)

    async def _gate(self, name: AgentId) -> Gate:
        """Return what finds credentials in text that was added, the agent's own secrets included."""
        redactor = await self._redactor(name)

        def gate(text: bytes) -> tuple[Leak, ...]:
            return (*find_leaks(text), *(_own_secrets(redactor, text) if redactor is not None else ()))

        return gate

    async def _redactor(self, name: AgentId) -> Redactor | None:
        """Return what knows the secrets of *name*, which are looked up anew where an earlier supervisor started it.

        Raises as `reveal` where they are not to be had: what cannot be looked for is not kept.
        """
        known, spec = self._world.redactors.get(name, self._redactors.get(name)), self._world.ledger.fleet.spec(name)
        if known is not None or spec is None or not spec.secrets:
            return known
        environ = {**self._world.environ, **self._world.given.get(spec.team, {})}
        values = [await asyncio.to_thread(reveal, secret, environ) for secret in spec.secrets]
        self._redactors[name] = Redactor(values)
        return self._redactors[name]

    def _task(self, name: AgentId) -> str:
        """Return what *name* was told last, empty where nobody has told it anything."""
        told = [m for m in self._world.ledger.fleet.of(name) if m.kind == "message" and not m.keys]
        newest = max(told, key=lambda message: message.seq, default=None)
        return self._world.masked(name, newest.text) if newest is not None else ""

    def _record(self, name: AgentId, slot: Slot | None, kept: Kept, actor: str) -> None:
        facts: dict[str, Any] = {"schedule": slot.schedule, "at": slot.at.isoformat()} if slot is not None else {}
        if kept.checkpoint is not None:
            made = kept.checkpoint
            facts |= {"commit": made.commit, "subject": made.subject, "files": made.files, "added": made.added}
            facts |= {"removed": made.removed, "left_out": encode(kept.left_out), "evidence": _evidence(kept)}
            draft = Draft(agent_stream(name), EventType.AGENT_CHECKPOINTED, facts, actor)
        elif slot is not None and kept.skipped is not None:
            facts |= {"why": kept.skipped.value, "evidence": f"nothing made: {kept.skipped.value}"}
            draft = Draft(agent_stream(name), EventType.AGENT_NOT_CHECKPOINTED, facts, actor)
        else:
            return
        if name in self._world.ledger.fleet.agents:  # its team may be gone by now, and the commit stays
            self._world.ledger.append([draft])


def _own_secrets(redactor: Redactor, text: bytes) -> Iterator[Leak]:
    for number, line in enumerate(text.decode(errors="surrogateescape").splitlines(), 1):
        if redactor.mask(line) != line:
            yield Leak(_OWN_SECRET, number)


def _as_kept(found: Survey | Skipped) -> Kept:
    if not isinstance(found, Survey):
        return Kept(skipped=found)
    return Kept(survey=found, skipped=None if found.changes else Skipped.UNCHANGED)


def _evidence(kept: Kept) -> str:
    made = kept.checkpoint
    assert made is not None  # noqa: S101  asked for one that was made only
    words = f"{made.commit[:10]} {made.subject}"
    return f"{words}; {len(kept.left_out)} left out" if kept.left_out else words
