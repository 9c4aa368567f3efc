"""Linux: one pass over `/proc`, a read a process.

A process that vanishes or is not ours to read is left out of the pass; anything else that goes wrong (no more file
descriptors, a `/proc` of another pid namespace) fails the pass, because half a table looks like dead agents.
"""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

from agentctl.domain.errors import Unreachable
from agentctl.drivers.processes.table import Entry, Spent

_GONE = frozenset({errno.ENOENT, errno.ESRCH, errno.EACCES, errno.EPERM})
_STAT_BYTES = 4096
_MOST_LISTINGS = 4  # who forks and ends all the time is never where the last listing saw it
_ENVIRONMENT_CHUNK_BYTES = 64 * 1024
_LONGEST_ENVIRONMENT_BYTES = 8 * 2**20  # the kernel's own bound is a quarter of the stack limit: 2 MiB as a rule
_COMMAND_BYTES = 4096

# Places in proc_pid_stat(5), counted from the state, which is its field 3.
_STATE, _PARENT, _OWN_USER, _OWN_SYSTEM, _REAPED_USER, _REAPED_SYSTEM = 0, 1, 11, 12, 13, 14
_THREADS, _START, _RESIDENT, _ENVIRONMENT_START = 17, 19, 21, 47


class Procfs:
    """`/proc` of this boot and this pid namespace."""

    def __init__(self) -> None:
        self._tick_seconds = 1 / os.sysconf("SC_CLK_TCK")
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")
        self.boot = _read_boot()
        if Path("/proc/self").readlink() != Path(str(os.getpid())):
            raise Unreachable(
                "/proc shows the processes of another pid namespace",
                hint="mount it afresh for this one: mount -t proc proc /proc",
            )

    def table(self) -> dict[int, Entry]:
        """Return all processes from one pass, those that came into being during it included."""
        table: dict[int, Entry] = {}
        seen: set[str] = set()
        for _ in range(_MOST_LISTINGS):
            fresh = _list_pids() - seen
            if not fresh:
                break
            seen |= fresh
            for name in fresh:
                entry = self.entry(int(name))
                if entry is not None:
                    table[entry.pid] = entry
        if os.getpid() not in table:
            raise Unreachable("the process table is incomplete: not even this process is in it")
        return table

    def entry(self, pid: int) -> Entry | None:
        """Return one process, None where there is none; raise `Unreachable` where that cannot be known."""
        data = _read(f"/proc/{pid}/stat", _STAT_BYTES)
        if not data:
            return None
        # The name in brackets may hold anything, brackets and newlines too: the last bracket ends it.
        fields = data[data.rindex(b")") + 2 :].split()
        # A leader that ended while its threads run on is a zombie by name only.
        ended = fields[_STATE] in b"ZXx" and int(fields[_THREADS]) <= 1
        return Entry(pid, int(fields[_PARENT]), int(fields[_START]), ended, fields[_ENVIRONMENT_START], fields)

    def environment(self, pid: int) -> bytes:
        """Return the environment of *pid*; empty where that is not ours to read."""
        return _read(f"/proc/{pid}/environ", _ENVIRONMENT_CHUNK_BYTES, _LONGEST_ENVIRONMENT_BYTES)

    def command(self, pid: int) -> str:
        """Return the start of its command line."""
        data = _read(f"/proc/{pid}/cmdline", _COMMAND_BYTES)
        return data.replace(b"\0", b" ").decode(errors="replace").strip()

    def spent(self, entry: Entry) -> Spent | None:
        """Return what the process has used: its own clock to the nanosecond, its children's time in ticks."""
        fields = entry.numbers
        try:
            # Linux's clock of any process (MAKE_PROCESS_CPUCLOCK, CPUCLOCK_SCHED): one call, all threads, no rights.
            own = time.clock_gettime_ns((~entry.pid << 3) | 2) / 1e9
        except OSError:
            if self.entry(entry.pid) is None:
                return None
            own = (int(fields[_OWN_USER]) + int(fields[_OWN_SYSTEM])) * self._tick_seconds
        reaped = (int(fields[_REAPED_USER]) + int(fields[_REAPED_SYSTEM])) * self._tick_seconds
        return Spent(own, reaped, int(fields[_RESIDENT]) * self._page_bytes)


def _list_pids() -> set[str]:
    try:
        return set(filter(str.isdigit, os.listdir("/proc")))  # noqa: PTH208  names are wanted, as fast as can be
    except OSError as error:
        raise Unreachable(f"the process table cannot be read: {error.strerror}") from None


def _read_boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError as error:
        raise Unreachable(
            f"the boot id cannot be read: {error.strerror}", hint="mount /proc with its sys folder"
        ) from None


def _read(path: str, chunk: int, most: int = 0) -> bytes:
    """Return the start of the file at *path*, up to *chunk* bytes or in chunks up to *most*; empty where it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _GONE:
            return b""
        raise Unreachable(f"{path} cannot be read: {error.strerror}") from None
    try:
        data = part = os.read(descriptor, chunk)
        while len(part) == chunk and len(data) < most:
            part = os.read(descriptor, chunk)
            data += part
        return data
    except OSError as error:
        if error.errno in _GONE:
            return b""
        raise Unreachable(f"{path} cannot be read: {error.strerror}") from None
    finally:
        os.close(descriptor)
