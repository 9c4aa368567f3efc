"""What the machine as a whole is busy with and has left."""

from __future__ import annotations

import os
import sys

from agentctl.domain.resources import Load

_STAT_BYTES = 512
_MEMINFO_BYTES = 1024


class MachineLoad:
    """Reads the machine's counters; each `look` is about the time since the one before."""

    def __init__(self) -> None:
        self._busy = 0.0
        self._cores = os.cpu_count() or 1
        self.look(1.0)

    def look(self, seconds: float) -> Load:
        """Return the load of the last *seconds*."""
        busy, total, available = _linux() if sys.platform == "linux" else _portable()
        share = max(0.0, 100 * (busy - self._busy) / seconds)
        self._busy = busy
        return Load(self._cores, min(share, 100.0 * self._cores), total, available)


def _linux() -> tuple[float, int, int]:
    """Return busy CPU seconds since boot, and memory in bytes: all there is, and what can be had."""
    with open("/proc/stat", "rb") as file:  # noqa: PTH123  once a second for ever
        fields = [int(field) for field in file.read(_STAT_BYTES).split(b"\n", 1)[0].split()[1:9]]
    user, nice, system, _idle, _waiting, hard, soft, _stolen = fields
    busy = (user + nice + system + hard + soft) / os.sysconf("SC_CLK_TCK")
    with open("/proc/meminfo", "rb") as file:  # noqa: PTH123
        lines = file.read(_MEMINFO_BYTES).split(b"\n")
    sizes = {line.split(b":")[0]: int(line.split()[1]) * 1024 for line in lines if line.endswith(b" kB")}
    return busy, sizes[b"MemTotal"], sizes.get(b"MemAvailable", sizes[b"MemFree"])


def _portable() -> tuple[float, int, int]:
    import psutil  # noqa: PLC0415  only where there is no /proc

    times, memory = psutil.cpu_times(), psutil.virtual_memory()
    return times.user + times.system + getattr(times, "nice", 0.0), memory.total, memory.available
