"""The file of figures: how it is made and opened, and how one that is not ours is moved aside."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
from pathlib import Path

from agentctl.domain.errors import AgentctlError, StoreError
from agentctl.store.schema import make_private

log = logging.getLogger(__name__)

_APPLICATION = 0x61676673  # "agfs"
_VERSION = 1
_BUSY_SECONDS = 5.0
_WITH_IT = ("", "-wal", "-shm")
"""Another database's write-ahead log beside a new file would be taken for its own."""

_SCHEMA = f"""
CREATE TABLE agents (
    id   INTEGER PRIMARY KEY,
    name TEXT    NOT NULL UNIQUE
);
-- By time first: what is written is then always at the end, and what is dropped at the beginning.
CREATE TABLE figures (
    span             INTEGER NOT NULL, -- seconds that a row covers: 1, 60, 3600
    at               INTEGER NOT NULL, -- when it begins, in seconds since the epoch
    agent            INTEGER NOT NULL,
    millis           INTEGER NOT NULL,
    cpu_millis       INTEGER NOT NULL,
    cpu_most         INTEGER NOT NULL,
    memory_area      INTEGER NOT NULL,
    memory_most      INTEGER NOT NULL,
    throttled_millis INTEGER NOT NULL,
    longest_stop     INTEGER NOT NULL,
    processes        INTEGER NOT NULL,
    PRIMARY KEY (span, at, agent)
) WITHOUT ROWID;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
"""

_RUINED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR)
"""Our statements do not change, so an error in their logic means that a table or a column is gone."""


class NotOurs(Exception):
    """What lies there cannot be used as it is; the words say why."""


def open_samples(path: Path) -> sqlite3.Connection:
    """Open the file, made where there is none; raise `NotOurs` or `StoreError`."""
    _must_be_a_file(path)
    try:
        make_private(path)
    except AgentctlError as error:
        raise StoreError(error.message, hint=error.hint) from None
    connection = None
    try:
        connection = _connect(path)
        _settle(connection)
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, sqlite3.Error):
            raise meaning(error, path) from error
        raise
    return connection


def set_aside(path: Path, why: str) -> None:
    """Rename the file to the first name that is free, and say so; raise `StoreError` where it cannot be moved."""
    number = 1
    while any(_exists(_aside(path, number, suffix)) for suffix in _WITH_IT):
        number += 1
    try:
        for suffix in _WITH_IT:
            if _exists(path.with_name(path.name + suffix)):
                path.with_name(path.name + suffix).rename(_aside(path, number, suffix))
    except OSError as error:
        raise StoreError(f"{path} cannot be moved away: {error.strerror}") from None
    log.warning("samples begin anew", extra={"why": why, "kept": str(_aside(path, number, ""))})


def meaning(error: sqlite3.Error, path: Path) -> NotOurs | StoreError:
    """Return what SQLite's *error* is to us: a file that is no use any more, or a store that cannot be used now."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _RUINED:
        return NotOurs(str(error))
    return StoreError(f"{path} cannot be used: {error}")


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,  # the store lets one thread in at a time
    )


def _settle(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA trusted_schema = OFF")
    version, kind = _pragma(connection, "user_version"), _pragma(connection, "application_id")
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and kind != _APPLICATION:
        raise NotOurs("it is another program's database")
    if tables and version != _VERSION:
        raise NotOurs(f"another release wrote it (schema {version})")
    connection.execute("PRAGMA journal_mode = WAL")
    # Not flushed with each write: a power cut takes the last minutes of figures and leaves the file sound.
    connection.execute("PRAGMA synchronous = NORMAL")
    if not tables:
        connection.executescript(f"BEGIN;{_SCHEMA}COMMIT;")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _must_be_a_file(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"{path} cannot be used: {error.strerror}") from None
    if not stat.S_ISREG(mode):
        raise NotOurs("it is no plain file")


def _aside(path: Path, number: int, suffix: str) -> Path:
    return path.with_name(f"{path.name}.aside-{number}{suffix}")


def _exists(path: Path) -> bool:
    return os.path.lexists(path)
