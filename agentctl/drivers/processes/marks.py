"""Our marks: what an agent's environment says about whose process it is.

The environment a process was started with is inherited by all it starts, whichever session or parent they flee to.
"""

from __future__ import annotations

from typing import NamedTuple

from agentctl.domain.names import AgentId, is_name
from agentctl.drivers.processes.table import Source, Table

AGENT = "AGENTCTL_AGENT"
HOME_ID = "AGENTCTL_HOME_ID"
SUPERVISOR = "AGENTCTL_SUPERVISOR"


class Mark(NamedTuple):
    """What one process carries."""

    home: str
    agent: AgentId | None
    supervisor: bool
    """Of the supervisor or something it started for itself: never an agent's, even if started in an agent's pane."""


def find_mark(environment: bytes) -> Mark | None:
    """Return the mark in *environment*, None where there is none that we could have made."""
    if b"AGENTCTL_" not in environment:
        return None
    home = _value(environment, HOME_ID)
    if not home:
        return None
    name = _value(environment, AGENT)
    agent = AgentId(name) if name.count("/") == 1 and all(map(is_name, name.split("/"))) else None
    supervisor = _value(environment, SUPERVISOR) == "1"
    return Mark(home, agent, supervisor) if agent or supervisor else None


def _value(environment: bytes, name: str) -> str:
    """Return the variable's value as getenv(3) would: of two, the first."""
    _, found, rest = (b"\0" + environment).partition(f"\0{name}=".encode())
    return rest.partition(b"\0")[0].decode(errors="replace") if found else ""


class MarkReader:
    """Reads the marks of a whole table, each environment once a program: a pass a second must cost next to nothing."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._known: dict[tuple[int, int, object], Mark | None] = {}

    def read(self, table: Table) -> dict[int, Mark]:
        """Return the marks of all processes in *table* that carry one."""
        known, self._known = self._known, {}
        marks = {}
        for pid, entry in table.items():
            key = (pid, entry.start_ticks, entry.program)
            if key in known:
                mark = self._known[key] = known[key]
            else:
                mark = self._look(pid, key)
            if mark is not None:
                marks[pid] = mark
        return marks

    def _look(self, pid: int, key: tuple[int, int, object]) -> Mark | None:
        environment = self._source.environment(pid)
        mark = find_mark(environment)
        # An empty answer of a program that has an environment may be one caught in the middle of its exec: ask again.
        if key[2] is not None and (environment or key[2] == b"0"):
            self._known[key] = mark
        return mark
