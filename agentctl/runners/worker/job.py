"""One command as the foreground job of the terminal, in a process group of its own, from fork to exit code."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from agentctl.runners.worker.terminal import Terminal
from agentctl.runners.worker.wake import HEARD, IGNORED, Wake

CANNOT_RUN = 126
"""What a shell reports for a command that is there and cannot be run."""

_STOPPED_SECONDS = 0.25
"""A command that is stopped for longer is continued; a limiter that stops the whole tree stops us in less than this."""

_LATE_SECONDS = 0.1
"""Woken later than this, we did not run meanwhile."""

_TERM_SECONDS = 2.0
"""Between TERM and KILL when the worker is asked to end; less than the grace that the worker itself has."""

_OURS = HEARD | IGNORED | {signal.SIGPIPE, signal.SIGXFSZ}
"""Signals that the worker or Python's start-up set up otherwise than a new program expects."""


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    """Its exit code, or 128 + the signal that ended it."""
    seconds: float
    cut: bool = False
    """True where the worker itself ended it, because it was asked to end."""


class Job:
    """A command that runs; nothing else of the worker waits for children."""

    def __init__(self, argv: list[bytes], terminal: Terminal, wake: Wake, *, spare: int | None = None) -> None:
        """Start *argv*; *spare* becomes its descriptor 3. Raises OSError where no process can be made."""
        self._terminal, self._wake = terminal, wake
        self._began = time.monotonic()
        self._stopped_by = 0
        self._stopped_at = 0.0
        self._termed_at: float | None = None
        self._killed = False
        signal.pthread_sigmask(signal.SIG_BLOCK, _OURS)  # no handler of ours may run in the child
        try:
            self._pid = os.fork()
            if self._pid == 0:
                _become(argv, terminal, spare)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _OURS)
        with contextlib.suppress(PermissionError, ProcessLookupError):  # the child came first, as it may
            os.setpgid(self._pid, self._pid)
        terminal.give(self._pid)

    def wait(self, on_stop: Callable[[int], None]) -> Outcome:
        """Return when the command has ended; *on_stop* hears the signal each time it stopped itself."""
        while True:
            # Signals are only sent while this says that the child is not reaped, so its group is still its own.
            pid, status = os.waitpid(self._pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            if pid == 0:
                self._attend(on_stop)
            elif os.WIFSTOPPED(status):
                self._stopped_by, self._stopped_at = os.WSTOPSIG(status), time.monotonic()
            elif os.WIFCONTINUED(status):
                self._stopped_by = 0
            else:
                code = os.waitstatus_to_exitcode(status)
                code = 128 - code if code < 0 else code
                return Outcome(code, time.monotonic() - self._began, cut=self._termed_at is not None)

    def _attend(self, on_stop: Callable[[int], None]) -> None:
        """End or continue the command where that is due, then wait until something may have changed."""
        now = time.monotonic()
        if self._wake.ending and self._termed_at is None:
            self._termed_at = now
            self._signal(signal.SIGTERM)
            self._signal(signal.SIGCONT)
        elif self._termed_at is not None and not self._killed and now - self._termed_at >= _TERM_SECONDS:
            self._killed = True
            self._signal(signal.SIGKILL)
        elif self._stopped_by and now - self._stopped_at >= _STOPPED_SECONDS + _LATE_SECONDS:
            self._stopped_at = now  # we were stopped as well: whoever did that may be about to continue us both
        elif self._stopped_by and now - self._stopped_at >= _STOPPED_SECONDS:
            on_stop(self._stopped_by)
            self._stopped_by = 0
            self._signal(signal.SIGCONT)
        self._wake.wait(self._patience(time.monotonic()))

    def _patience(self, now: float) -> float | None:
        """Return the seconds until there is something to attend to, None where only an event can bring it."""
        if self._termed_at is not None:
            return None if self._killed else max(self._termed_at + _TERM_SECONDS - now, 0.0)
        return max(self._stopped_at + _STOPPED_SECONDS - now, 0.0) if self._stopped_by else None

    def _signal(self, number: int) -> None:
        # It may have changed its user or its group; the supervisor ends whole trees.
        with contextlib.suppress(PermissionError, ProcessLookupError):
            os.killpg(self._pid, number)  # noqa: TID251  our own child, not reaped: no other process can have its pid


def _become(argv: list[bytes], terminal: Terminal, spare: int | None) -> NoReturn:
    """Turn the forked child into the command; nothing may return from here into the worker's code."""
    try:
        os.setpgid(0, 0)
        terminal.give(os.getpid())
        for number in _OURS:
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        if spare is not None:
            os.dup2(spare, 3, inheritable=True)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.execv(argv[0], argv)  # noqa: S606  the shell is the program
    except OSError as error:
        os.write(2, f"cannot run {argv[0].decode()}: {error.strerror}\n".encode())
    finally:
        os._exit(CANNOT_RUN)
