"""The fleet as the log last had it, for when no supervisor answers; nothing is changed, nothing is started."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from agentctl.control.home import Home
from agentctl.domain.errors import NotFound


def last_known(home: Home, selectors: Sequence[str]) -> tuple[list[dict[str, Any]], datetime | None]:
    """Return the rows that *selectors* name and when the log was last written to."""
    from agentctl.cli.log_file import open_log  # noqa: PLC0415  loads SQLite
    from agentctl.views.offline import rows  # noqa: PLC0415  as above

    log, host = open_log(home)
    if log is None:
        if any(not selector.startswith("@") for selector in selectors):
            raise NotFound("nothing was ever deployed here", hint="agentctl deploy")
        return [], None
    try:
        known = rows(log, list(selectors), host)
    finally:
        log.close()
    return known.agents, known.at
