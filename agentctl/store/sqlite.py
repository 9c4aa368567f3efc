"""The log in SQLite: one file in WAL, one transaction an append, durable when `append` returns."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from agentctl.domain.errors import Damaged, NotFound, StoreError
from agentctl.domain.events import Draft, Event
from agentctl.domain.ports import Damage, Snapshot
from agentctl.store import chain, schema
from agentctl.store.chain import GENESIS, Row, Tail
from agentctl.store.damage import ROWS, hash_at, inspect, snapshot_holds, tail_damages
from agentctl.store.faults import DAMAGED_HINT, translated
from agentctl.store.mark import Mark, Point

_PAGE = 500

_INSERT = (
    "INSERT INTO events (seq, stream, version, type, at, actor, host, data, request, part, hash)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_LAST = "SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1"
_ALL = ROWS + " WHERE seq > :after AND seq <= :head ORDER BY seq LIMIT :most"
# The plus keeps the planner from walking the whole log by number instead of the stream by version.
_OF_STREAM = ROWS + (
    " WHERE stream = :stream AND version > :version AND +seq > :after AND +seq <= :head ORDER BY version LIMIT :most"
)
_OF_REQUEST = ROWS + " WHERE request = ? ORDER BY part"
_SNAPSHOT = "SELECT view, seq, state, hash FROM snapshots WHERE view = ?"
_SAVE = (
    "INSERT INTO snapshots (view, seq, state, hash) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (view) DO UPDATE SET seq = excluded.seq, state = excluded.state, hash = excluded.hash"
)


class SqliteLog:
    """An `EventLog` in a file; several objects and processes may use one file, and threads may share an object.

    Opening compares the end of the log with the high-water mark and raises `Damaged` where events are lost; with
    *check* off a damaged log opens as well, for `verify` and to look at what is left.
    """

    def __init__(
        self,
        path: Path,
        *,
        host: str,
        clock: Callable[[], datetime],
        read_only: bool = False,
        check: bool = True,
    ) -> None:
        self._path, self._host, self._clock, self._read_only = path, host, clock, read_only
        self._lock = threading.RLock()
        self._tail: Tail | None = None
        self._mark = Mark(path.with_suffix(".mark"))
        try:
            with translated(path):
                self._connection = self._open_for_reading(check) if read_only else self._open_for_writing(check)
            self._inode = path.stat().st_ino
        except BaseException:
            self._mark.close()
            raise

    def append(self, drafts: Sequence[Draft], *, request: str | None = None) -> list[Event]:
        """Append *drafts* in one durable transaction and return them as events; see `EventLog.append`."""
        if self._read_only:
            raise StoreError("the log was opened for reading only")
        self._must_be_in_place()
        with self._writing() as connection:
            if request is not None:
                done = connection.execute(_OF_REQUEST, (request,)).fetchall()
                if done:
                    return [chain.event(row) for row in done]
            if not drafts:
                return []
            tail = self._caught_up()
            at, text = chain.stamp(self._clock())
            rows = tail.extend(drafts, at=text, host=self._host, request=request, version_of=self._version)
            appended = chain.events(rows, drafts, at)  # before the commit: what cannot be read back is not kept
            connection.executemany(_INSERT, rows)
            connection.execute("COMMIT")
            self._mark.write(tail.seq, tail.hash)
            self._tail = tail
            return appended

    def _must_be_in_place(self) -> None:
        """Raise `Damaged` where the file was deleted or replaced: what is written to it now nobody would ever read."""
        try:
            found = os.stat(self._path).st_ino  # noqa: PTH116  pathlib costs as much again, for each event
        except OSError:
            found = 0
        if found != self._inode:
            raise Damaged(
                f"{self._path} was deleted or replaced while it was in use",
                hint="put it back, or run: agentctl daemon stop; see docs/design/log.md",
            )

    def read(self, after: int = 0, *, stream: str | None = None, limit: int | None = None) -> Iterator[Event]:
        """Yield events with a number greater than *after*, in order, up to the last one there is at the call."""
        return self._read(after, self.head(), stream, limit)

    def head(self) -> int:
        """Return the number of the last event, 0 for an empty log."""
        row = self._query(_LAST)
        return int(row[0][0]) if row else 0

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep *snapshot* in the place of the view's former one."""
        if self._read_only:
            raise StoreError("the log was opened for reading only")
        state = chain.dump(snapshot.state)
        with self._writing() as connection:
            seal = chain.seal(snapshot, state, hash_at(connection, snapshot.seq) or GENESIS)
            connection.execute(_SAVE, (snapshot.view, snapshot.seq, state, seal))
            connection.execute("COMMIT")

    def load_snapshot(self, view: str) -> Snapshot | None:
        """Return the view's snapshot, None where there is none that this log reaches: fold from the start then."""
        with self._lock, translated(self._path):
            row = self._connection.execute(_SNAPSHOT, (view,)).fetchone()
            if row is None or row[1] > self.head() or not snapshot_holds(self._connection, *row):
                return None
        return Snapshot(view, row[1], chain.load(row[2]))

    def verify(self) -> list[Damage]:
        """Check the whole chain, SQLite's own structures, the mark and the snapshots; see `EventLog.verify`."""
        with self._lock, translated(self._path):
            return inspect(self._connection, self._mark)

    def close(self) -> None:
        """Let go of files; safe to repeat."""
        with self._lock, translated(self._path):
            self._connection.close()
            self._mark.close()

    def _open_for_reading(self, check: bool) -> sqlite3.Connection:
        point = self._point(check)
        try:
            connection = schema.open_for_reading(self._path)
        except NotFound:
            if point is None or not point.seq:
                raise
            raise self._gone(point) from None
        try:
            if check and point is not None:
                _raise_first(tail_damages(connection, point))
        except BaseException:
            connection.close()
            raise
        return connection

    def _open_for_writing(self, check: bool) -> sqlite3.Connection:
        self._mark.open()
        with self._mark.locked():
            point = self._point(check)
            connection = schema.open_for_writing(self._path)
            try:
                if check:
                    self._check_end(connection, point)
            except BaseException:
                connection.close()
                raise
        return connection

    def _point(self, check: bool) -> Point | None:
        """Return the mark; raise `Damaged` where it is past a database that is gone.

        SQLite takes an empty file for a new database and removes the log that belonged to it.
        """
        try:
            point = self._mark.read()
        except Damaged:
            if check:
                raise
            return None
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            size = 0
        if point is not None and point.seq and not size:
            raise self._gone(point)
        return point

    def _gone(self, point: Point) -> Damaged:
        return Damaged(f"{self._path} is gone, and had {point.seq} events", hint=DAMAGED_HINT)

    def _check_end(self, connection: sqlite3.Connection, point: Point | None) -> None:
        """Hold the log against the mark; where there is no mark, walk the whole chain and begin one."""
        _raise_first(tail_damages(connection, point or Point(0, GENESIS)))
        last = connection.execute(_LAST).fetchone() or (0, GENESIS)
        if point is None:
            self._mark.begin(*last)
        elif last != point:
            self._mark.write(*last)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock; what is not committed by the end is undone."""
        with self._lock, translated(self._path):
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _caught_up(self) -> Tail:
        """Return the tail as this transaction sees it: the one in memory, unless somebody else wrote."""
        known, self._tail = self._tail, None  # whatever interrupts the append, the next one looks again
        last = self._connection.execute(_LAST).fetchone() or (0, GENESIS)
        if known is None:
            return Tail(*last)
        if last == (known.seq, known.hash):
            return known
        if known.seq and hash_at(self._connection, known.seq) != known.hash:
            raise Damaged(f"event {known.seq} was written and is gone from {self._path}", hint=DAMAGED_HINT)
        return Tail(*last)

    def _version(self, stream: str) -> int:
        row = self._connection.execute("SELECT max(version) FROM events WHERE stream = ?", (stream,)).fetchone()
        return row[0] or 0

    def _read(self, after: int, head: int, stream: str | None, limit: int | None) -> Iterator[Event]:
        """Yield page by page: an open cursor would keep a transaction open between two events."""
        left = head if limit is None else min(limit, head)
        version = 0
        while after < head and left > 0:
            most = min(left, _PAGE)
            place = {"stream": stream, "version": version, "after": max(after, 0), "head": head, "most": most}
            rows: list[Row] = self._query(_ALL if stream is None else _OF_STREAM, place)
            yield from map(chain.event, rows)
            if len(rows) < most:
                return
            left -= len(rows)
            after, version = rows[-1][0], rows[-1][2]

    def _query(self, sql: str, values: Mapping[str, object] | Sequence[object] = ()) -> list[Any]:
        with self._lock, translated(self._path):
            return self._connection.execute(sql, values).fetchall()


def _raise_first(damages: Iterator[Damage]) -> None:
    for damage in damages:
        raise Damaged(f"the log is damaged: {damage.what}", hint=DAMAGED_HINT)
