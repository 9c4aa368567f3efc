"""Figures in SQLite, in a file of their own, so that they never slow or fill the log."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias, TypeVar

from agentctl.domain.errors import StoreError
from agentctl.domain.names import AgentId
from agentctl.domain.samples import AHEAD, Figures, Resolution, roll_up
from agentctl.store.samples_file import NotOurs, meaning, open_samples, set_aside

T = TypeVar("T")
_Row: TypeAlias = tuple[int, ...]

_ADD = """
INSERT INTO figures (span, at, agent, millis, cpu_millis, cpu_most, memory_area, memory_most, throttled_millis,
    longest_stop, processes)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (span, at, agent) DO UPDATE SET
    millis = millis + excluded.millis,
    cpu_millis = cpu_millis + excluded.cpu_millis,
    cpu_most = max(cpu_most, excluded.cpu_most),
    memory_area = memory_area + excluded.memory_area,
    memory_most = max(memory_most, excluded.memory_most),
    throttled_millis = throttled_millis + excluded.throttled_millis,
    longest_stop = max(longest_stop, excluded.longest_stop),
    processes = max(processes, excluded.processes)
"""
_READ = """
SELECT at, agent, millis, cpu_millis, cpu_most, memory_area, memory_most, throttled_millis, longest_stop, processes
FROM figures WHERE span = ? AND at >= ? AND at < ? AND agent IN (%s) ORDER BY at LIMIT ?
"""
_UNBOUNDED = -1
_DROP_OLD = "DELETE FROM figures WHERE span = ? AND at < ?"
_DROP_AHEAD = "DELETE FROM figures WHERE span = ? AND at > ?"


class SqliteSamples:
    """A `SampleStore` in a file, opened with the first use.

    A file that is damaged or not ours is moved aside and begun anew, once: where that happens again, something else is
    wrong, and it is an error.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._ids: dict[AgentId, int] = {}
        self._begun_anew = False
        self._closed = False

    def append(self, rows: Sequence[Figures]) -> None:
        """Add *rows*, each to its second, its minute and its hour; see `SampleStore.append`."""
        minutes = roll_up(rows, Resolution.MINUTE)
        parts = (
            (Resolution.SECOND, rows),
            (Resolution.MINUTE, minutes),
            (Resolution.HOUR, roll_up(minutes, Resolution.HOUR)),
        )
        self._do(lambda connection: self._append(connection, parts))

    def read(
        self, agents: Collection[AgentId], since: int, until: int, resolution: Resolution, *, limit: int | None = None
    ) -> list[Figures]:
        """Return the rows of *agents* within that time; see `SampleStore.read`."""
        place = (resolution.seconds, since, until)
        return self._do(lambda connection: _read(connection, agents, place, _UNBOUNDED if limit is None else limit))

    def trim(self, now: int) -> None:
        """Drop what is too old, and what lies too far ahead; see `SampleStore.trim`."""
        self._do(lambda connection: _trim(connection, now))

    def close(self) -> None:
        """Let go of the file; safe to repeat."""
        with self._lock:
            self._closed = True
            self._let_go()

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do *work* on the open file; once, after a file that was no use has been moved aside."""
        with self._lock:
            if self._closed:
                raise StoreError("the samples are closed")
            try:
                return self._try(work)
            except NotOurs as fault:
                self._begin_anew(str(fault))
            try:
                return self._try(work)
            except NotOurs as fault:
                raise StoreError(f"{self._path} cannot be used: {fault}") from None

    def _try(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return work(self._opened())
        except sqlite3.Error as error:
            raise meaning(error, self._path) from error

    def _opened(self) -> sqlite3.Connection:
        """Return the connection; a new one where the file was deleted or replaced under it."""
        if self._connection is not None and self._inode != _inode(self._path):
            self._let_go()
        if self._connection is None:
            self._connection = open_samples(self._path)
            self._inode = _inode(self._path)
        return self._connection

    def _begin_anew(self, why: str) -> None:
        if self._begun_anew:
            raise StoreError(f"{self._path} cannot be used, and was begun anew before: {why}")
        self._begun_anew = True
        self._let_go()
        set_aside(self._path, why)

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._ids.clear()

    def _append(self, connection: sqlite3.Connection, parts: Sequence[tuple[Resolution, Sequence[Figures]]]) -> None:
        with _transaction(connection):
            try:
                for resolution, rows in parts:
                    connection.executemany(_ADD, self._stored(connection, resolution.seconds, rows))
            except BaseException:
                self._ids.clear()  # those given in this transaction are undone with it
                raise

    def _stored(self, connection: sqlite3.Connection, span: int, rows: Iterable[Figures]) -> Iterator[_Row]:
        for row in rows:
            number = self._ids.get(row.agent) or self._number(connection, row.agent)
            yield (span, row.at, number, *row[2:])

    def _number(self, connection: sqlite3.Connection, agent: AgentId) -> int:
        connection.execute("INSERT INTO agents (name) VALUES (?) ON CONFLICT DO NOTHING", (agent,))
        (number,) = connection.execute("SELECT id FROM agents WHERE name = ?", (agent,)).fetchone()
        self._ids[agent] = number
        return int(number)


def _read(connection: sqlite3.Connection, agents: Collection[AgentId], place: _Row, limit: int) -> list[Figures]:
    names = {number: name for number, name in connection.execute("SELECT id, name FROM agents") if name in agents}
    asked = _READ % ",".join(map(str, names))  # our own numbers
    rows = connection.execute(asked, (*place, limit))
    found = [Figures(AgentId(names[agent]), at, *rest) for at, agent, *rest in rows]
    return sorted(found, key=lambda row: (row.at, row.agent))


def _trim(connection: sqlite3.Connection, now: int) -> None:
    with _transaction(connection):
        for resolution in Resolution:
            connection.execute(_DROP_OLD, (resolution.seconds, now - int(resolution.keeps.total_seconds())))
            connection.execute(_DROP_AHEAD, (resolution.seconds, now + AHEAD))


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Do the block in one step: all of it or none."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0
