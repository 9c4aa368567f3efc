"""The ledger: the one place where events are appended and the fleet moves on; everybody else asks or waits."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from typing import Any

from agentctl.domain.codec import decode, encode
from agentctl.domain.errors import StoreError
from agentctl.domain.events import Draft, Event
from agentctl.domain.ports import EventLog, Snapshot
from agentctl.views.fleet import Fleet

log = logging.getLogger(__name__)

_VIEW = "fleet-6"
"""The fleet's shape; a new number makes old snapshots be read past."""

_SNAPSHOT_EVERY = 1000
_WAITING_MOST = 10_000
"""Events that a slow follower may leave unread before its stream is closed; it can read on from the log."""


class Ledger:
    """The log and the fleet that it adds up to, always in step."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._followers: set[asyncio.Queue[Event | None]] = set()
        self._changed = asyncio.Event()
        self.fleet = _load(log)
        self._snapshot_at = self.fleet.seq

    def append(self, drafts: Sequence[Draft], *, request: str | None = None) -> list[Event]:
        """Append *drafts* durably, then move the fleet and tell followers; a repeated *request* changes nothing.

        Raises `IllegalMove`, with nothing appended, for what the fleet could not take.
        """
        if not drafts:
            return []
        self.fleet.check(drafts)
        before = self.fleet.seq
        events = self._log.append(drafts, request=request)
        fresh = [event for event in events if event.seq > before]
        for event in fresh:
            self.fleet.apply(event)
        self._tell(fresh)
        self._snapshot()
        return events

    def read(self, after: int, stream: str | None, limit: int | None) -> Iterator[Event]:
        """Yield events of the log from the past."""
        return self._log.read(after, stream=stream, limit=limit)

    def changed(self) -> Coroutine[Any, Any, object]:
        """Return what waits for the next event after this call, even where it is awaited only after that event."""
        return self._changed.wait()

    @contextlib.asynccontextmanager
    async def follow(self) -> AsyncIterator[asyncio.Queue[Event | None]]:
        """Give a queue of events from now on; None in it means that the follower was too slow and is cut off."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._followers.add(queue)
        try:
            yield queue
        finally:
            self._followers.discard(queue)

    def close(self) -> None:
        """Keep the fleet for a quick start and let go of the log."""
        if self.fleet.seq > self._snapshot_at:
            self._save()
        self._log.close()

    def _tell(self, events: Sequence[Event]) -> None:
        if not events:
            return
        self._changed.set()
        self._changed = asyncio.Event()
        for queue in list(self._followers):
            if queue.qsize() > _WAITING_MOST:
                self._followers.discard(queue)
                queue.put_nowait(None)
                continue
            for event in events:
                queue.put_nowait(event)

    def _snapshot(self) -> None:
        if self.fleet.seq - self._snapshot_at >= _SNAPSHOT_EVERY:
            self._save()

    def _save(self) -> None:
        """Keep the fleet as it is; where that fails the events are durable all the same."""
        self._snapshot_at = self.fleet.seq
        try:
            self._log.save_snapshot(Snapshot(_VIEW, self.fleet.seq, encode(self.fleet)))
        except StoreError as error:
            log.warning("no snapshot was kept", extra={"error": error.message})


def _load(log: EventLog) -> Fleet:
    snapshot = log.load_snapshot(_VIEW)
    fleet = decode(Fleet, snapshot.state) if snapshot is not None else Fleet()
    fleet.apply_all(log.read(fleet.seq))
    return fleet
