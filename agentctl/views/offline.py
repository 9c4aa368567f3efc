"""The fleet read straight from the log, for when no supervisor answers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agentctl.domain.ports import EventLog
from agentctl.views.fleet import Fleet
from agentctl.views.rows import agent_rows, team_rows
from agentctl.views.select import select


@dataclass(frozen=True, slots=True)
class LastKnown:
    """What the log says; nobody has looked at the machine since `at`."""

    agents: list[dict[str, Any]]
    teams: list[dict[str, Any]]
    at: datetime | None


def rows(log: EventLog, selectors: Collection[str], host: str) -> LastKnown:
    """Return the rows of the agents that *selectors* name, as the log last had them."""
    fleet = Fleet()
    at = None
    for event in log.read():
        fleet.apply(event)
        at = event.at
    return LastKnown(agent_rows(fleet, select(selectors, fleet.agents.values()), {}, host), team_rows(fleet), at)
