"""The database file: how it is made, opened, and brought from one release's schema to the next."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from agentctl.domain.errors import HomeUnusable, NotFound, StoreError

MIGRATIONS = Path(__file__).parent / "migrations"
"""Files `0001_name.sql` and on; once released, none is ever changed."""

BUSY_SECONDS = 10.0
"""How long one process waits for another's commit; a commit takes milliseconds."""


def open_for_writing(path: Path, *, migrations: Path = MIGRATIONS) -> sqlite3.Connection:
    """Open the database, made where there is none, in WAL with full sync and with the newest schema."""
    make_private(path)
    connection = _connect(path, "mode=rw")
    try:
        _settle(connection, path)
        migrate(connection, path, migrations)
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open the database as it is and make nothing; raise `NotFound` where no event was ever written."""
    if not path.exists():
        raise _nothing(path)
    connection = _connect_reader(path)
    try:
        _must_be_readable(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def migrate(connection: sqlite3.Connection, path: Path, migrations: Path = MIGRATIONS) -> None:
    """Bring the schema to the newest, each step in its transaction; a log that was in use is copied first."""
    found, wanted = _version(connection), newest(migrations)
    if found > wanted:
        raise _too_new(path, found)
    if found == 0 and _tables(connection):
        raise _foreign(path)
    if 0 < found < wanted:
        _back_up(connection, path.with_name(f"{path.name}.v{found}"))
    for number, script in _steps(migrations):
        if number > found:
            _apply(connection, number, script)


def newest(migrations: Path = MIGRATIONS) -> int:
    """Return the schema version that this release writes."""
    return max(number for number, _ in _steps(migrations))


def objects(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """Return name and definition of every table, index and trigger."""
    rows = connection.execute("SELECT name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%'")
    return {(name, sql) for name, sql in rows}


def objects_expected(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """Return what `objects` finds in a sound database of the schema that *connection* has."""
    found = _version(connection)
    model = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for number, script in _steps(MIGRATIONS):
            if number <= found:
                _apply(model, number, script)
        return objects(model)
    finally:
        model.close()


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    # One log object may be used from several threads; it lets one in at a time.
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


def _connect_reader(path: Path) -> sqlite3.Connection:
    connection = _connect(path, "mode=ro")
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return connection
    except sqlite3.OperationalError:
        connection.close()
        if os.access(path.parent, os.W_OK) or _has_wal(path):
            raise
    # In a folder that cannot be written SQLite cannot share memory with a writer, and there can be none.
    return _connect(path, "mode=ro&immutable=1")


def _must_be_readable(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection)
    if version > newest():
        raise _too_new(path, version)
    if version == 0 and not _tables(connection):
        raise _nothing(path)
    if version == 0:
        raise _foreign(path)


def _has_wal(path: Path) -> bool:
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    except FileNotFoundError:
        return False


def _settle(connection: sqlite3.Connection, path: Path) -> None:
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError(
            f"the file system of {path} cannot hold the log (journal mode {mode})",
            hint="set AGENTCTL_HOME to a folder on a local disk",
        )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone does not reach the disk
    connection.execute("PRAGMA recursive_triggers = ON")  # so that INSERT OR REPLACE meets the trigger on DELETE


def make_private(path: Path) -> None:
    """Make the file for its owner alone, whatever the umask; SQLite gives -wal and -shm the same mode."""
    if path.is_symlink():
        raise HomeUnusable(f"{path} is a symbolic link", hint="point AGENTCTL_HOME at the folder it leads to")
    try:
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        # By path: opening and closing a descriptor would drop the locks other connections of this process hold.
        path.chmod(0o600)
    except OSError as error:
        raise HomeUnusable(
            f"cannot use {path}: {error.strerror}", hint=f"run: chmod u+rwx {path.parent} && chmod u+rw {path}"
        ) from None


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _tables(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _steps(migrations: Path) -> list[tuple[int, str]]:
    files = sorted(migrations.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    return [(int(file.name[:4]), file.read_text(encoding="utf-8")) for file in files]


def _apply(connection: sqlite3.Connection, number: int, script: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _version(connection) < number:  # another process may have come first
            for statement in _statements(script):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _statements(script: str) -> Iterator[str]:
    """Yield the statements one by one: `executescript` would end the transaction first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if re.sub(r"--.*", "", statement).strip():
        raise StoreError("a migration ends in the middle of a statement")


def _back_up(connection: sqlite3.Connection, target: Path) -> None:
    """Copy the database to *target*, whole or not at all."""
    partial = target.with_name(f"{target.name}.part")
    partial.unlink(missing_ok=True)
    make_private(partial)
    copy = sqlite3.connect(partial, isolation_level=None)
    try:
        connection.backup(copy)
    finally:
        copy.close()
    descriptor = os.open(partial, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    partial.replace(target)


def _nothing(path: Path) -> NotFound:
    return NotFound(f"there is no log at {path}: nothing was deployed yet", hint="run: agentctl deploy TEAM.yaml")


def _foreign(path: Path) -> StoreError:
    return StoreError(f"{path} is a database, but no log of agentctl", hint="move it away, or set AGENTCTL_HOME")


def _too_new(path: Path, version: int) -> StoreError:
    return StoreError(
        f"a newer agentctl wrote {path} (schema {version}, this one knows {newest()})", hint="upgrade agentctl"
    )
