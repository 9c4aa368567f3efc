"""Who listens on a local TCP port: an answer from another program's server is no proof that ours is ready."""

from __future__ import annotations

import psutil


def listening(port: int) -> int | None:
    """Return the pid of the process that listens on the local TCP *port*.

    None where nobody does, or where the system does not tell whose it is (another user's).
    """
    try:
        connections = psutil.net_connections(kind="tcp")
    except (psutil.AccessDenied, OSError):
        return None
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            return int(connection.pid) if connection.pid else None
    return None
