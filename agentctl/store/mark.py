"""The high-water mark: the last event's number and hash, in a file of its own beside the database.

SQLite takes a cut or removed write-ahead log for an older, sound database. The mark is what knows better: it is
written after each commit, so the database may be ahead of it and is never behind. It is not flushed, so after a power
cut it may be older than the last events; it never is newer.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from agentctl.domain.errors import Damaged, HomeUnusable

_log = logging.getLogger(__name__)

_MOST_BYTES = 256
_TRIES = 5
"""A read may meet a write half done; it does not meet five."""


class Point(NamedTuple):
    """A place in the log that was reached."""

    seq: int
    hash: str


class Mark:
    """The file of the mark. Its size never changes, so that writing it takes no new space."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = -1

    def open(self) -> None:
        """Open the file for writing and make it where there is none; raises `HomeUnusable`."""
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            os.fchmod(self._file, 0o600)
        except OSError as error:
            raise _unusable(self.path, error) from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other writers from opening the log meanwhile; needs an open file."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def read(self) -> Point | None:
        """Return the mark, None where there is none yet; raise `Damaged` where the file holds something else."""
        for _ in range(_TRIES):
            line = self._bytes()
            if not line:
                return None
            point = _parse(line)
            if point is not None:
                return point
        raise Damaged(
            f"{self.path} is not what was written",
            hint="run: agentctl audit verify; where the log is sound, move log.mark away",
        )

    def write(self, seq: int, last: str) -> None:
        """Move the mark. An event that is committed stays so, even where the mark cannot follow it."""
        try:
            os.pwrite(self._file, _line(seq, last), 0)
        except OSError as error:
            _log.warning("mark not written", extra={"path": str(self.path), "error": error.strerror})

    def begin(self, seq: int, last: str) -> None:
        """Write the first mark and have it, and its folder's entry, on the disk before the first event."""
        try:
            os.pwrite(self._file, _line(seq, last), 0)
            os.fsync(self._file)
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise _unusable(self.path, error) from None

    def close(self) -> None:
        """Let go of the file; safe to repeat."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _bytes(self) -> bytes:
        if self._file >= 0:
            return os.pread(self._file, _MOST_BYTES, 0)
        try:
            return self.path.read_bytes()[:_MOST_BYTES]
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise _unusable(self.path, error) from None


def _line(seq: int, last: str) -> bytes:
    body = b"agentctl-mark 1 %020d %b" % (seq, last.encode())
    return b"%b %08x\n" % (body, crc32(body))


def _parse(line: bytes) -> Point | None:
    words = line.split()
    try:
        point = Point(int(words[2]), words[3].decode("ascii"))
    except (IndexError, ValueError):
        return None
    return point if _line(*point) == line else None


def _unusable(path: Path, error: OSError) -> HomeUnusable:
    if error.errno == errno.ELOOP:
        return HomeUnusable(f"{path} is a symbolic link", hint=f"move {path} away")
    if error.errno == errno.ENOSPC:
        return HomeUnusable(f"no space is left for {path}", hint="free some space and try again")
    return HomeUnusable(
        f"cannot use {path}: {error.strerror}", hint=f"run: chmod u+rwx {path.parent} && chmod u+rw {path}"
    )
