"""Figures in memory: for tests, and for a supervisor that is to leave nothing behind."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from typing import TypeAlias

from agentctl.domain.errors import StoreError
from agentctl.domain.names import AgentId
from agentctl.domain.samples import AHEAD, Figures, Resolution, roll_up

_Place: TypeAlias = tuple[int, AgentId]


class MemorySamples:
    """A `SampleStore` that ends with the process."""

    def __init__(self) -> None:
        self._rows: dict[Resolution, dict[_Place, Figures]] = {resolution: {} for resolution in Resolution}
        self._lock = threading.Lock()
        self._closed = False

    def append(self, rows: Sequence[Figures]) -> None:
        """Add *rows*, each to its second, its minute and its hour; see `SampleStore.append`."""
        with self._lock:
            self._must_be_open()
            for resolution, known in self._rows.items():
                for row in roll_up(rows, resolution):
                    place = (row.at, row.agent)
                    known[place] = known[place].plus(row) if place in known else row

    def read(
        self, agents: Collection[AgentId], since: int, until: int, resolution: Resolution, *, limit: int | None = None
    ) -> list[Figures]:
        """Return the rows of *agents* within that time; see `SampleStore.read`."""
        with self._lock:
            self._must_be_open()
            rows = self._rows[resolution]
            places = [(at, agent) for at, agent in sorted(rows) if since <= at < until and agent in agents]
            return [rows[place] for place in places[:limit]]

    def trim(self, now: int) -> None:
        """Drop what is too old, and what lies too far ahead; see `SampleStore.trim`."""
        with self._lock:
            self._must_be_open()
            for resolution, rows in self._rows.items():
                oldest = now - int(resolution.keeps.total_seconds())
                for place in [place for place in rows if not oldest <= place[0] <= now + AHEAD]:
                    del rows[place]

    def close(self) -> None:
        """Refuse every further call; safe to repeat."""
        self._closed = True

    def _must_be_open(self) -> None:
        if self._closed:
            raise StoreError("the samples are closed")
