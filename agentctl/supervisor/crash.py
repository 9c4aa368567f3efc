"""A fault of ours in one unit of work: recorded, and the others go on."""

from __future__ import annotations

import logging

from agentctl.domain.errors import StoreError
from agentctl.domain.events import SUPERVISOR_STREAM, Draft, EventType
from agentctl.supervisor.ledger import Ledger

log = logging.getLogger(__name__)


def record(ledger: Ledger, unit: str, error: Exception) -> None:
    """Record that *unit* failed with *error*, in the log for people and with its traceback in the text log."""
    log.error("unit crashed", exc_info=error, extra={"unit": unit})
    facts = {"unit": unit, "error": f"{type(error).__name__}: {error}"}
    try:
        ledger.append([Draft(SUPERVISOR_STREAM, EventType.UNIT_CRASHED, facts)])
    except StoreError as full:
        log.warning("the crash could not be recorded", extra={"error": full.message})
