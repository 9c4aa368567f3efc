"""The recorder: keeps the last minute of what agents take at hand, and writes all of it down in batches."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Collection
from datetime import datetime

from agentctl.domain.errors import StoreError
from agentctl.domain.names import AgentId
from agentctl.domain.ports import Clock, SampleStore
from agentctl.domain.resources import Round
from agentctl.domain.samples import Figures, Resolution, figures
from agentctl.supervisor import crash
from agentctl.supervisor.ledger import Ledger

log = logging.getLogger(__name__)

RECENT_ROUNDS = 60
"""A minute of them, one a second."""

_STALE_SECONDS = 5.0
"""A last round older than this says nothing of now: whoever makes them has stopped."""

_WRITE_SECONDS = 10.0
"""Between two writes; what a killed supervisor loses at most. Once a second would cost twice as much."""

_UNWRITTEN_MOST = 600
"""Rounds that wait for a disk that takes nothing: ten minutes. The oldest are let go of first."""


class Recorder:
    """Takes each round in; a disk that is full or a file that is damaged costs figures and nothing else."""

    def __init__(self, store: SampleStore, clock: Clock, ledger: Ledger) -> None:
        self._store, self._clock, self._ledger = store, clock, ledger
        self._recent: deque[tuple[float, Round]] = deque(maxlen=RECENT_ROUNDS)
        self._unwritten: deque[Round] = deque()
        self._writing = threading.Lock()
        self._fault = ""

    def take(self, seen: Round) -> None:
        """Keep *seen*; called once a second, and costs next to nothing."""
        self._recent.append((self._clock.monotonic(), seen))
        self._unwritten.append(seen)
        while len(self._unwritten) > _UNWRITTEN_MOST:
            self._unwritten.popleft()

    def last(self) -> Round | None:
        """Return the last round, None where there is none that says anything of now."""
        if not self._recent:
            return None
        at, seen = self._recent[-1]
        return seen if self._clock.monotonic() - at <= _STALE_SECONDS else None

    def recent(self, most: int = RECENT_ROUNDS) -> list[Round]:
        """Return the rounds of the last minute, the oldest first, at most *most*."""
        oldest = self._clock.monotonic() - RECENT_ROUNDS - _STALE_SECONDS
        rounds = [seen for at, seen in self._recent if at >= oldest]
        return rounds[max(0, len(rounds) - most) :]

    async def run(self) -> None:
        """Write what has come, again and again, until cancelled."""
        while True:
            await self._clock.sleep(_WRITE_SECONDS)
            if self._unwritten:
                await self._write_apart()

    async def read(
        self, agents: Collection[AgentId], since: int, until: int, resolution: Resolution, *, limit: int | None = None
    ) -> list[Figures]:
        """Return the rows of *agents* within that time, the last second included; see `SampleStore.read`."""
        await self._write_apart()
        return await asyncio.to_thread(self._store.read, agents, since, until, resolution, limit=limit)

    def close(self) -> None:
        """Write what is left and let go of the store."""
        try:
            self._write(self._clock.now())
        except Exception as error:  # noqa: BLE001  as below
            crash.record(self._ledger, "samples", error)
        self._store.close()

    async def _write_apart(self) -> None:
        """Write on a thread; a fault of ours costs the batch and is recorded."""
        try:
            await asyncio.to_thread(self._write, self._clock.now())
        except Exception as error:  # noqa: BLE001  figures must not end the supervision of every agent
            crash.record(self._ledger, "samples", error)

    def _write(self, now: datetime) -> None:
        """Write what has come; what the store does not take waits for the next time."""
        with self._writing:
            batch = []
            while self._unwritten:  # more may come meanwhile
                batch.append(self._unwritten.popleft())
            try:
                self._store.append([row for seen in batch for row in figures(seen)])
                self._store.trim(int(now.timestamp()))
            except StoreError as error:
                self._unwritten.extendleft(reversed(batch))
                self._warn(error)
            else:
                self._recovered()

    def _warn(self, error: StoreError) -> None:
        """Say what is wrong, once as long as it lasts."""
        if not self._fault:
            log.warning("samples are not written", extra={"error": error.message})
        self._fault = error.message

    def _recovered(self) -> None:
        if self._fault:
            log.info("samples are written again")
        self._fault = ""
