"""What SQLite says, in words that a person can act on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agentctl.domain.errors import AgentctlError, Damaged, HomeUnusable, StoreError

DAMAGED_HINT = (
    "run: agentctl audit verify; then put a backup of log.db back, or, to go on with what is left, move log.mark away"
)

_UNUSABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)
# Our statements do not change, so an error in their logic means that a table or a column is gone.
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about the log at *path* into ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise translate(error, path) from error
    except UnicodeEncodeError:
        raise StoreError("a name or a request id is not Unicode text") from None


def translate(error: sqlite3.Error, path: Path) -> AgentctlError:
    """Return the error of ours that says what *error* means for the log at *path*, and what to do."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return _without_code(error, path)
    primary = code & 0xFF
    if primary == sqlite3.SQLITE_FULL:
        return StoreError(f"no space is left for the log {path}", hint="free some space; nothing was lost, try again")
    if primary in _UNUSABLE:
        return HomeUnusable(f"the log {path} cannot be opened or written: {error}", hint=f"run: {_chmod(path)}")
    if primary in _BUSY:
        return StoreError(f"another process holds the log {path}", hint="try again; see: agentctl daemon status")
    if primary in _DAMAGED:
        return Damaged(f"the log {path} is damaged: {error}", hint=DAMAGED_HINT)
    if primary == sqlite3.SQLITE_IOERR:
        return StoreError(f"the disk refused the log {path}: {error}", hint="check the disk and its free space")
    return StoreError(f"the log {path} could not be used: {error}")


def _without_code(error: sqlite3.Error, path: Path) -> AgentctlError:
    if isinstance(error, sqlite3.ProgrammingError):
        return StoreError("the log is closed")
    if "decode" in str(error):  # a text that is no text: sqlite3 gives this no code
        return Damaged(f"the log {path} is damaged: {error}", hint=DAMAGED_HINT)
    return StoreError(f"the log {path} could not be used: {error}")


def _chmod(path: Path) -> str:
    return f"chmod u+rwx {path.parent} && chmod u+rw {path}*"
