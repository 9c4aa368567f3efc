"""The search for damage: what a log in SQLite is held against, and what is found wrong with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from agentctl.domain.errors import AgentctlError, Damaged
from agentctl.domain.ports import Damage, Snapshot
from agentctl.store import chain, schema
from agentctl.store.chain import GENESIS, Row
from agentctl.store.mark import Mark, Point

ROWS = "SELECT seq, stream, version, type, at, actor, host, data, request, part, hash FROM events"

_PAGE = 1000
_MOST_MESSAGES = 20  # of SQLite's own check; a broken page makes hundreds


class Walk:
    """A walk along the chain, row by row, that tells what does not fit."""

    def __init__(self, start: Point = Point(0, GENESIS)) -> None:  # noqa: B008  a tuple does not change
        self.seq, self.hash = start
        self._versions: dict[str, int] | None = {} if start.seq == 0 else None

    def step(self, row: Row) -> Iterator[Damage]:
        """Go on to *row* and yield what is wrong with it."""
        seq, stream, version, stored = row[0], row[1], row[2], row[10]
        if seq != self.seq + 1:
            yield Damage(self.seq + 1, _missing(self.seq + 1, seq - 1))
            self._versions = None
        elif not _fits(self.hash, row):
            yield Damage(seq, f"event {seq} is not what was written")
            self._versions = None
        elif self._versions is not None:
            if version != self._versions.get(stream, 0) + 1:
                yield Damage(seq, f"event {seq} breaks the order of {stream}")
            self._versions[stream] = version
        self.seq, self.hash = seq, stored

    def skip(self, seq: int) -> Damage:
        """Go past the event *seq*, which cannot be read."""
        self.seq, self._versions = seq, None
        return Damage(seq, f"event {seq} cannot be read")


def hash_at(connection: sqlite3.Connection, seq: int) -> str | None:
    """Return the hash of the event *seq*, None where there is no such event."""
    row = connection.execute("SELECT hash FROM events WHERE seq = ?", (seq,)).fetchone()
    return None if row is None else row[0]


def tail_damages(connection: sqlite3.Connection, point: Point) -> Iterator[Damage]:
    """Yield what is wrong from the marked event on: the cheap part of a check, for each opening."""
    marked = list(_marked_event(connection, point))
    if marked:
        yield from marked
        return
    walk = Walk(point)
    for row in connection.execute(ROWS + " WHERE seq > ? ORDER BY seq", (point.seq,)):
        yield from walk.step(row)


def inspect(connection: sqlite3.Connection, mark: Mark) -> list[Damage]:
    """Return everything that is wrong with the log, oldest first."""
    damages: list[Damage] = []
    point = _marked(mark, damages)  # before the transaction, which then sees at least what the mark knows of
    connection.execute("BEGIN")
    try:
        for search in (_structure(connection), _chain(connection), _tail(connection, point), _snapshots(connection)):
            _collect(search, damages)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return sorted(damages, key=lambda damage: damage.seq)


def _collect(search: Iterator[Damage], damages: list[Damage]) -> None:
    try:
        damages.extend(search)
    except sqlite3.DatabaseError as error:
        damages.append(Damage(damages[-1].seq if damages else 0, f"the database cannot be read: {error}"))


def _marked(mark: Mark, damages: list[Damage]) -> Point | None:
    try:
        return mark.read()
    except AgentctlError as error:
        damages.append(Damage(0, error.message))
        return None


def _structure(connection: sqlite3.Connection) -> Iterator[Damage]:
    for name, _ in schema.objects_expected(connection) ^ schema.objects(connection):
        yield Damage(0, f"{name} is not defined as it was")
    for (message,) in connection.execute(f"PRAGMA integrity_check({_MOST_MESSAGES})"):
        if message != "ok":
            yield Damage(0, f"SQLite: {message}")


def _chain(connection: sqlite3.Connection) -> Iterator[Damage]:
    walk = Walk()
    while True:
        try:
            rows = _after(connection, walk.seq, _PAGE)
        except sqlite3.OperationalError:  # a text that is no text; which one, the single steps tell
            yield from _single_steps(connection, walk)
            continue
        for row in rows:
            yield from walk.step(row)
        if len(rows) < _PAGE:
            return


def _single_steps(connection: sqlite3.Connection, walk: Walk) -> Iterator[Damage]:
    for _ in range(_PAGE):
        (following,) = connection.execute("SELECT min(seq) FROM events WHERE seq > ?", (walk.seq,)).fetchone()
        if following is None:
            return
        try:
            for row in _after(connection, walk.seq, 1):
                yield from walk.step(row)
        except sqlite3.OperationalError:
            yield walk.skip(following)


def _after(connection: sqlite3.Connection, seq: int, most: int) -> list[Row]:
    return connection.execute(ROWS + " WHERE seq > ? ORDER BY seq LIMIT ?", (seq, most)).fetchall()


def _tail(connection: sqlite3.Connection, point: Point | None) -> Iterator[Damage]:
    (head,) = connection.execute("SELECT max(seq) FROM events").fetchone()
    if point is None:
        if head:
            yield Damage(head, "log.mark is missing or unreadable: events lost from the end would not be noticed")
        return
    yield from _marked_event(connection, point)


def _marked_event(connection: sqlite3.Connection, point: Point) -> Iterator[Damage]:
    found = hash_at(connection, point.seq)
    if point.seq and found is None:
        yield _lost(connection, point)
    elif point.seq and found != point.hash:
        yield Damage(point.seq, f"event {point.seq} is not the one that log.mark knows")


def _snapshots(connection: sqlite3.Connection) -> Iterator[Damage]:
    for view, seq, state, stored in connection.execute("SELECT view, seq, state, hash FROM snapshots"):
        if not snapshot_holds(connection, view, seq, state, stored):
            yield Damage(seq, f"the snapshot of {view} is not what was written; it will be made again")


def snapshot_holds(connection: sqlite3.Connection, view: str, seq: int, state: str, stored: str) -> bool:
    """Tell whether a stored snapshot is what was written, of this very log."""
    return chain.seal(Snapshot(view, seq, {}), state, hash_at(connection, seq) or GENESIS) == stored


def _fits(previous: str, row: Row) -> bool:
    try:
        if chain.link(previous, row[:10]) != row[10]:
            return False
        chain.event(row)
    except (Damaged, TypeError, ValueError):
        return False
    return True


def _missing(first: int, last: int) -> str:
    return f"event {first} is missing" if first == last else f"events {first} to {last} are missing"


def _lost(connection: sqlite3.Connection, point: Point) -> Damage:
    (head,) = connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()
    return Damage(head + 1, f"{_missing(head + 1, point.seq)}: the log ends too early")
