"""The event log opened for reading only, by commands that must work without a supervisor."""

from __future__ import annotations

import socket

from agentctl.control.home import Home
from agentctl.domain.ports import EventLog


def open_log(home: Home) -> tuple[EventLog | None, str]:
    """Return the log, None where there never was one, and this host's name."""
    host = socket.gethostname()
    home.check()
    if not home.log.exists():
        return None, host
    from agentctl.drivers.clock import SystemClock  # noqa: PLC0415  beside the store
    from agentctl.store.sqlite import SqliteLog  # noqa: PLC0415  loads SQLite

    return SqliteLog(home.log, host=host, clock=SystemClock().now, read_only=True, check=False), host
