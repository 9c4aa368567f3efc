"""Which process table this system has."""

from __future__ import annotations

import sys
from pathlib import Path

from agentctl.drivers.processes.table import Source


def open_source() -> Source:
    """Return this system's table: `/proc` where it is Linux's, psutil elsewhere."""
    if sys.platform == "linux" and Path("/proc/self/stat").exists():
        from agentctl.drivers.processes.procfs import Procfs  # noqa: PLC0415  one of the two is ever loaded

        return Procfs()
    from agentctl.drivers.processes.portable import Portable  # noqa: PLC0415  psutil is slow to import

    return Portable()
