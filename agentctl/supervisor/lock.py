"""One supervisor a home: a lock that the kernel lets go of when its holder dies, however it dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

from agentctl.domain.agent import Identity
from agentctl.domain.errors import Refused

_WRITES_WITHIN = 1.0
"""Seconds from taking the lock to the pid in its file, on a machine that is busy."""


class HomeLock:
    """The lock on a home; held for the life of the process, and by no child (close-on-exec)."""

    def __init__(self, path: Path, pid_file: Path, identify: Callable[[int], Identity | None]) -> None:
        self._path = path
        self._pid_file = pid_file
        self._identify = identify
        self._fd: int | None = None

    def take(self, identity: Identity) -> None:
        """Take the lock and write down who holds it; raise `Refused` naming the holder where it is held."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise Refused(
                f"another supervisor runs for this home (pid {self._holder()})", hint="see it: agentctl daemon status"
            ) from None
        self._fd = fd
        self._write(f"{identity.pid} {identity.start_ticks} {identity.boot}\n")

    def release(self) -> None:
        """Let go; safe to repeat."""
        if self._fd is None:
            return
        if self._is_held_here(self._fd):
            with contextlib.suppress(FileNotFoundError):
                self._pid_file.unlink()
        os.close(self._fd)
        self._fd = None

    def _is_held_here(self, fd: int) -> bool:
        """Tell whether the file at our path is the one that we hold: where it was deleted, a successor has its own."""
        try:
            return os.path.samestat(self._path.stat(), os.fstat(fd))
        except FileNotFoundError:
            return False

    def _holder(self) -> str:
        """Return the pid of who holds it; a moment is given to one that has the lock and not yet written its pid."""
        pid = self._written_pid()
        deadline = time.monotonic() + _WRITES_WITHIN
        while not (pid.isdigit() and self._identify(int(pid))) and time.monotonic() < deadline:
            time.sleep(_WRITES_WITHIN / 20)  # noqa: TID251  there is no loop yet
            pid = self._written_pid()
        return pid or "unknown"

    def _written_pid(self) -> str:
        try:
            return self._pid_file.read_text().split(" ", 1)[0]
        except OSError:
            return ""

    def _write(self, line: str) -> None:
        fresh = self._pid_file.with_suffix(".new")
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(line)
        fresh.replace(self._pid_file)
