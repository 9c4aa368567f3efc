"""The log in memory: for tests and dry runs, as strict as the one on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from agentctl.domain.errors import StoreError
from agentctl.domain.events import Draft, Event
from agentctl.domain.ports import Damage, Snapshot
from agentctl.store import chain
from agentctl.store.chain import GENESIS, Row, Tail
from agentctl.store.damage import Walk


class MemoryLog:
    """An `EventLog` that ends with the process."""

    def __init__(self, *, host: str, clock: Callable[[], datetime]) -> None:
        self._host, self._clock = host, clock
        self._rows: list[Row] = []
        self._versions: dict[str, int] = {}
        self._requests: dict[str, list[Row]] = {}
        self._snapshots: dict[str, tuple[int, str, str]] = {}
        self._closed = False

    def append(self, drafts: Sequence[Draft], *, request: str | None = None) -> list[Event]:
        """Append *drafts* and return them as events; see `EventLog.append`."""
        self._must_be_open()
        if request is not None and request in self._requests:
            return [chain.event(row) for row in self._requests[request]]
        at, text = chain.stamp(self._clock())
        tail = Tail(len(self._rows), self._hash_at(len(self._rows)))
        rows = tail.extend(
            drafts, at=text, host=self._host, request=request, version_of=lambda stream: self._versions.get(stream, 0)
        )
        events = chain.events(rows, drafts, at)
        self._rows += rows
        self._versions.update({row[1]: row[2] for row in rows})
        if request is not None and rows:
            self._requests[request] = rows
        return events

    def read(self, after: int = 0, *, stream: str | None = None, limit: int | None = None) -> Iterator[Event]:
        """Yield events with a number greater than *after*, in order, up to the last one there is at the call."""
        self._must_be_open()
        rows = [row for row in self._rows[max(after, 0) :] if stream is None or row[1] == stream]
        return map(chain.event, rows if limit is None else rows[: max(limit, 0)])

    def head(self) -> int:
        """Return the number of the last event, 0 for an empty log."""
        self._must_be_open()
        return len(self._rows)

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep *snapshot* in the place of the view's former one."""
        self._must_be_open()
        state = chain.dump(snapshot.state)
        seal = chain.seal(snapshot, state, self._hash_at(snapshot.seq))
        self._snapshots[snapshot.view] = (snapshot.seq, state, seal)

    def load_snapshot(self, view: str) -> Snapshot | None:
        """Return the view's snapshot, None where there is none that this log reaches."""
        self._must_be_open()
        if view not in self._snapshots:
            return None
        seq, state, seal = self._snapshots[view]
        snapshot = Snapshot(view, seq, chain.load(state))
        sound = seq <= len(self._rows) and chain.seal(snapshot, state, self._hash_at(seq)) == seal
        return snapshot if sound else None

    def verify(self) -> list[Damage]:
        """Check the whole chain; see `EventLog.verify`."""
        self._must_be_open()
        walk = Walk()
        return [damage for row in self._rows for damage in walk.step(row)]

    def close(self) -> None:
        """Refuse every further call; safe to repeat."""
        self._closed = True

    def _hash_at(self, seq: int) -> str:
        return self._rows[seq - 1][10] if 0 < seq <= len(self._rows) else GENESIS

    def _must_be_open(self) -> None:
        if self._closed:
            raise StoreError("the log is closed")
