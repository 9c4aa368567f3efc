"""What `agentctl audit verify` tells: how much is in the log, from when to when, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from agentctl.domain.errors import AgentctlError, Damaged
from agentctl.domain.ports import Damage
from agentctl.store.sqlite import SqliteLog


@dataclass(frozen=True, slots=True)
class Audit:
    """A whole log, checked."""

    path: Path
    events: int
    """The number of the last event; with damages, not every one up to it need be there."""
    first: datetime | None
    last: datetime | None
    hash: str
    """Of the last event: kept elsewhere, it proves later that nothing before it was changed."""
    damages: tuple[Damage, ...]

    @property
    def sound(self) -> bool:
        """Tell whether the log is what was written."""
        return not self.damages


def audit(path: Path, *, clock: Callable[[], datetime]) -> Audit:
    """Check the log at *path*, which may be in use, and change nothing.

    Raises `NotFound` where there is no log and `HomeUnusable` where it may not be read; a log that is damaged beyond
    opening is an audit with that damage.
    """
    try:
        log = SqliteLog(path, host="", clock=clock, read_only=True, check=False)
    except Damaged as error:
        return Audit(path, 0, None, None, "", (Damage(0, error.message),))
    with closing(log):
        try:
            damages = log.verify()
        except Damaged as error:
            damages = [Damage(0, error.message)]
        return _summary(path, log, damages)


def _summary(path: Path, log: SqliteLog, damages: list[Damage]) -> Audit:
    try:
        head = log.head()
        first = next(log.read(limit=1), None)
        last = next(log.read(head - 1), None) if head else None
    except AgentctlError as error:
        return Audit(path, 0, None, None, "", (*damages, Damage(0, error.message)))
    if first is None or last is None:
        return Audit(path, head, None, None, "", tuple(damages))
    return Audit(path, head, first.at, last.at, last.hash, tuple(damages))
