"""What wakes the worker: the doorbell, signals and a slow timer; between them it costs nothing."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from agentctl.runners.mailbox import DOORBELL

HEARD = frozenset({signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGIO, signal.SIGALRM, signal.SIGCHLD})
"""Signals with a handler."""

IGNORED = frozenset({signal.SIGTTOU, signal.SIGTTIN, signal.SIGTSTP, signal.SIGQUIT})
"""Signals that are for the command in the foreground and never for the worker."""

SWEEP_SECONDS = 5.0
"""The net below the doorbell: how long a message can lie there whose ring was not heard."""

SOON_SECONDS = 0.05
"""How soon to look again where a signal came at a moment at which it could not be acted on."""


class Wake:
    """Installs the worker's signal handlers; make one a process."""

    def __init__(self, run: Path) -> None:
        self.ending = 0
        """The signal that asked the worker to end, 0 while none did."""
        self.interrupt: Callable[[int, FrameType | None], None] | None = None
        """Called with each signal and the frame it met, while somebody waits where only an exception gets out."""
        self._hearing = self._missed = False
        self._read, write = os.pipe()
        for fd in (self._read, write):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in HEARD:
            signal.signal(number, self._hear)
        for number in IGNORED:
            signal.signal(number, signal.SIG_IGN)
        self.doorbell, self._kept_open = _open_doorbell(run / DOORBELL)
        fcntl.fcntl(self.doorbell, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(self.doorbell, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)

    def wait(self, seconds: float | None, *others: int) -> list[int]:
        """Wait for a signal, the doorbell or one of the descriptors *others*; return those of *others* with input."""
        ready, _, _ = select.select([self._read, self.doorbell, *others], [], [], seconds)
        _drain(self._read)
        _drain(self.doorbell)
        return [fd for fd in ready if fd in others]

    def _hear(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal; one that comes meanwhile is not handled inside this one but a moment later."""
        if number in (signal.SIGTERM, signal.SIGHUP):
            self.ending = number
        if self._hearing:
            self._missed = True
            return
        self._hearing, self._missed = True, False
        try:
            if number == signal.SIGIO:
                _drain(self.doorbell)  # a full doorbell could not ring again
            if self.interrupt is not None:
                self.interrupt(number, frame)
        finally:
            self._hearing = False
            if self._missed and self.interrupt is not None:
                signal.setitimer(signal.ITIMER_REAL, SOON_SECONDS, SWEEP_SECONDS)


def hush() -> None:
    """Let no handler run until `listen`; for a handler that is about to raise an exception out of `input`.

    The interpreter runs the handlers of other signals that came together with this one later, with the exception set,
    which no Python code survives. Raising one more signal makes it run them here and now.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD - {signal.SIGCHLD})
    signal.raise_signal(signal.SIGCHLD)
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)


def listen() -> None:
    """Let handlers run again; signals that came meanwhile are handled at once."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)


def _open_doorbell(path: Path) -> tuple[int, int]:
    """Return the doorbell's two ends; ours to write keeps it from reading as closed when a visitor has gone.

    One descriptor for both would signal its own reads.
    """
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISFIFO(path.lstat().st_mode):
            path.unlink()
    with contextlib.suppress(FileExistsError):
        os.mkfifo(path, 0o600)
    flags = os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    read = os.open(path, os.O_RDONLY | flags)
    return read, os.open(path, os.O_WRONLY | flags)


def _drain(fd: int) -> None:
    with contextlib.suppress(BlockingIOError):
        os.read(fd, 65536)  # all that a pipe holds
