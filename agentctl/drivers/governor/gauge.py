"""Reading one process again and again: its clock, its state, what it has reaped, what it holds in memory.

Files stay open, because a look must cost microseconds: opening them would be two thirds of it.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import NamedTuple, Protocol

from agentctl.domain.agent import Identity
from agentctl.drivers.processes.table import Source

_STAT_BYTES = 2048
# Places in proc_pid_stat(5), counted from the state, which is its field 3.
_STATE, _REAPED_USER, _REAPED_SYSTEM, _THREADS, _START, _RESIDENT = 0, 13, 14, 17, 19, 21
_ROLLUP_BYTES = 4096


class Look(NamedTuple):
    """What one look at a process shows."""

    start_ticks: int
    stopped: bool
    """It stands still, whoever stopped it."""
    ended: bool
    reaped_seconds: float
    """CPU time of the children that it has waited for."""
    resident_bytes: int
    threads: int


class Gauge(Protocol):
    """Reads one process."""

    def own_seconds(self) -> float:
        """Return the CPU time it has used itself; raises OSError where it is gone."""
        ...

    def look(self) -> Look | None:
        """Return what it shows now, None where it is gone."""
        ...

    def close(self) -> None:
        """Let go of its files."""
        ...


class ProcfsGauge:
    """Linux: an open `/proc/PID/stat`, which never speaks of another process that got the same pid."""

    __slots__ = ("_clock", "_file", "_page", "_tick")

    def __init__(self, pid: int) -> None:
        self._file = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        # Linux's clock of any process (MAKE_PROCESS_CPUCLOCK, CPUCLOCK_SCHED): nanoseconds, all threads, no rights.
        self._clock = (~pid << 3) | 2
        self._tick = 1 / os.sysconf("SC_CLK_TCK")
        self._page = os.sysconf("SC_PAGE_SIZE")

    def own_seconds(self) -> float:
        """Return the CPU time it has used itself; raises OSError where it is gone."""
        return time.clock_gettime_ns(self._clock) / 1e9

    def look(self) -> Look | None:
        """Return what it shows now, None where it is gone."""
        try:
            data = os.pread(self._file, _STAT_BYTES, 0)
        except ProcessLookupError:
            return None
        fields = data[data.rindex(b")") + 2 :].split()
        threads = int(fields[_THREADS])
        return Look(
            int(fields[_START]),
            fields[_STATE] == b"T",
            fields[_STATE] in b"ZXx" and threads <= 1,
            (int(fields[_REAPED_USER]) + int(fields[_REAPED_SYSTEM])) * self._tick,
            int(fields[_RESIDENT]) * self._page,
            threads,
        )

    def close(self) -> None:
        """Let go of its file."""
        os.close(self._file)


class PortableGauge:
    """Elsewhere: what psutil tells, by way of the process table's source."""

    __slots__ = ("_pid", "_source")

    def __init__(self, source: Source, pid: int) -> None:
        self._source, self._pid = source, pid

    def own_seconds(self) -> float:
        """Return the CPU time it has used itself; raises OSError where it is gone."""
        entry = self._source.entry(self._pid)
        spent = self._source.spent(entry) if entry is not None else None
        if spent is None:
            raise ProcessLookupError
        return spent.own_seconds

    def look(self) -> Look | None:
        """Return what it shows now, None where it is gone."""
        entry = self._source.entry(self._pid)
        spent = self._source.spent(entry) if entry is not None else None
        if entry is None or spent is None:
            return None
        stopped = _is_stopped(self._pid)
        return Look(
            entry.start_ticks, stopped, entry.ended, spent.reaped_seconds, spent.memory_bytes, os.cpu_count() or 1
        )

    def close(self) -> None:
        """Do nothing: no file is open."""


def open_gauge(source: Source, process: Identity) -> Gauge | None:
    """Return a gauge of that very process, None where it is gone, another has its pid, or no more files can be open."""
    try:
        gauge: Gauge = ProcfsGauge(process.pid) if sys.platform == "linux" else PortableGauge(source, process.pid)
    except OSError:
        return None
    look = gauge.look()
    if look is None or look.start_ticks != process.start_ticks:
        gauge.close()
        return None
    return gauge


def proportional_bytes(pid: int) -> int | None:
    """Return the process's share of its pages (PSS), each page shared by n counted as an n-th; None where unknown.

    Walks the page tables of the process: milliseconds where it is large, so only on suspicion.
    """
    try:
        with Path(f"/proc/{pid}/smaps_rollup").open("rb") as file:
            data = file.read(_ROLLUP_BYTES)
    except OSError:
        return None
    line = next((line for line in data.splitlines() if line.startswith(b"Pss:")), None)
    return int(line.split()[1]) * 1024 if line is not None else None


def _is_stopped(pid: int) -> bool:
    import psutil  # noqa: PLC0415  only where there is no /proc

    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    except psutil.Error:
        return False
