"""Signals and endings of one very process: a pidfd opened before its identity is checked cannot mean another.

Where the system has none (macOS, Linux before 5.3) psutil checks identity right before it sends.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from collections.abc import Iterator
from functools import cache

from agentctl.domain.agent import Identity
from agentctl.domain.errors import Unreachable
from agentctl.drivers.processes.table import Source

_A_THREAD = frozenset({errno.EINVAL, errno.ENOENT})  # before and since Linux 6.9


@cache
def have_pidfds() -> bool:
    """Tell whether this kernel and this Python have pidfds; old container runtimes refuse them with EPERM."""
    if not hasattr(os, "pidfd_open"):
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True


def is_current(source: Source, process: Identity) -> bool:
    """Tell whether the pid still belongs to that very process, zombie or not."""
    if process.boot != source.boot or process.pid <= 0:
        return False
    entry = source.entry(process.pid)
    return entry is not None and entry.start_ticks == process.start_ticks


def is_thread(pid: int) -> bool:
    """Tell whether *pid* is a thread's: `/proc` answers for it as if it were a process."""
    try:
        os.close(os.pidfd_open(pid))
    except OSError as error:
        return error.errno in _A_THREAD
    return False


@contextlib.contextmanager
def hold(source: Source, process: Identity) -> Iterator[int | None]:
    """Give a pidfd of that very process, None where it is gone."""
    descriptor = _open(process.pid)
    if descriptor is None:
        yield None
        return
    try:
        yield descriptor if is_current(source, process) else None
    finally:
        os.close(descriptor)


def _open(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except OSError as error:
        if error.errno == errno.ESRCH or error.errno in _A_THREAD:
            return None
        raise Unreachable(f"process {pid} cannot be held: {error.strerror}") from None


def send(source: Source, process: Identity, number: int) -> bool:
    """Send signal *number* to that very process; False where it is gone or not ours to signal."""
    if process.boot != source.boot or process.pid <= 1:
        return False
    if not have_pidfds():
        return _send_by_psutil(source, process, number)
    with hold(source, process) as descriptor:
        if descriptor is None:
            return False
        try:
            signal.pidfd_send_signal(descriptor, number)
        except (ProcessLookupError, PermissionError):
            return False
    return True


def _send_by_psutil(source: Source, process: Identity, number: int) -> bool:
    import psutil  # noqa: PLC0415  slow to import, and as a rule not needed

    try:
        found = psutil.Process(process.pid)
        if not is_current(source, process):
            return False
        found.send_signal(number)
    except (psutil.Error, OSError):
        return False
    return True
