"""Where there is no `/proc` (macOS): psutil's table, slower and poorer, with the same answers."""

from __future__ import annotations

import os
import subprocess

import psutil

from agentctl.domain.errors import Unreachable
from agentctl.drivers.processes.table import Entry, Spent

_TICKS_A_SECOND = 1_000_000  # start times come as float seconds; microseconds are what the kernel keeps
_SYSCTL_SECONDS = 5


class Portable:
    """The process table as psutil shows it."""

    def __init__(self) -> None:
        self.boot = _read_boot()

    def table(self) -> dict[int, Entry]:
        """Return all processes from one pass."""
        try:
            pids = psutil.pids()
        except (psutil.Error, OSError) as error:
            raise Unreachable(f"the process table cannot be read: {error}") from None
        table = {entry.pid: entry for entry in map(self.entry, pids) if entry is not None}
        if os.getpid() not in table:
            raise Unreachable("the process table is incomplete: not even this process is in it")
        return table

    def entry(self, pid: int) -> Entry | None:
        """Return one process, None where there is none."""
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                parent, start, ended = process.ppid(), process.create_time(), process.status() == psutil.STATUS_ZOMBIE
        except (psutil.NoSuchProcess, psutil.AccessDenied, ValueError, OverflowError):
            return None
        return Entry(pid, parent, round(start * _TICKS_A_SECOND), ended, None, ())

    def environment(self, pid: int) -> bytes:
        """Return the environment of *pid*; empty where that is not ours to read."""
        try:
            variables = psutil.Process(pid).environ()
        except (psutil.Error, OSError):
            return b""
        return b"".join(f"{name}={value}\0".encode(errors="surrogateescape") for name, value in variables.items())

    def command(self, pid: int) -> str:
        """Return its command line."""
        try:
            return " ".join(psutil.Process(pid).cmdline())
        except (psutil.Error, OSError):
            return ""

    def spent(self, entry: Entry) -> Spent | None:
        """Return what the process has used; macOS does not tell of reaped children, so there they count nothing."""
        try:
            process = psutil.Process(entry.pid)
            with process.oneshot():
                cpu, memory = process.cpu_times(), process.memory_info().rss
        except psutil.NoSuchProcess:
            return None
        except psutil.AccessDenied:
            return Spent(0, 0, 0)
        reaped = getattr(cpu, "children_user", 0.0) + getattr(cpu, "children_system", 0.0)
        return Spent(cpu.user + cpu.system, reaped, memory)


def _read_boot() -> str:
    """Return what names this boot: macOS has a UUID for it; the time of boot, is second best."""
    try:
        answer = subprocess.run(
            ["sysctl", "-n", "kern.bootsessionuuid"],
            capture_output=True, text=True, timeout=_SYSCTL_SECONDS, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return f"boot-{round(psutil.boot_time())}"
    return answer.stdout.strip() or f"boot-{round(psutil.boot_time())}"
