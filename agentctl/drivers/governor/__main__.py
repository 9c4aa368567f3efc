"""The governor as a process: `python -m agentctl.drivers.governor FD HOME_ID FROZEN LEVEL`, started by the supervisor.

It ends with the supervisor, and whatever ends it, its guardian lets everything run.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import sys
from pathlib import Path

from agentctl.domain.resources import Level
from agentctl.drivers.governor.choice import Means
from agentctl.drivers.governor.frozen import FrozenTable, left_behind
from agentctl.drivers.governor.guardian import fork_guardian, release
from agentctl.drivers.governor.loop import Loop
from agentctl.drivers.governor.title import set_title
from agentctl.drivers.processes import SystemProcesses

_MOST_FILES = 65_536

_PRECEDENCE, _PRECEDENCE_OF_SESSION = -15, -20
"""Nice values; a tree that keeps all cores busy made each stop 12 ms late, and with them 2."""


def main(descriptor: str, home_id: str, frozen: str, level: str) -> int:
    """Hold trees until the supervisor hangs up; the exit code."""
    os.setsid()  # a session of its own is a share of the CPU of its own, whatever the agents' sessions do
    set_title("agentctl-govern")
    _take_precedence()
    _raise_files()
    processes = SystemProcesses(home_id)
    supervisor = _hold_parent()
    path = Path(frozen)
    release(processes.source, left_behind(path, processes.source.boot), ())
    table = FrozenTable.make(path, processes.source.boot)
    guard = fork_guardian(processes.source, table, supervisor)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = socket.socket(fileno=int(descriptor))
    Loop(channel, processes, guard, Means(home_id, Level(level), guard.tell_base)).run()
    return 0


def _take_precedence() -> None:
    """Be served before all that is to be stopped, where this user may ask for that."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _PRECEDENCE)
    with contextlib.suppress(OSError):  # Linux weighs sessions first (sched(7), autogroup), and processes within one
        Path("/proc/self/autogroup").write_text(str(_PRECEDENCE_OF_SESSION))


def _raise_files() -> None:
    """Take as many open files as may be had: two a process that is held."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = min(hard, _MOST_FILES) if hard != resource.RLIM_INFINITY else _MOST_FILES
    if soft < most:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _hold_parent() -> int | None:
    """Return a pidfd of the supervisor, None where the system has none."""
    try:
        return os.pidfd_open(os.getppid())
    except (AttributeError, OSError):
        return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:5]))
