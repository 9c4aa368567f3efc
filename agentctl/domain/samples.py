"""What agents took of the machine over a second, a minute or an hour: figures that add up exactly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from agentctl.domain.names import AgentId
from agentctl.domain.resources import Round, Sample

_KIB = 1024


class Resolution(StrEnum):
    """How long one row of figures is, the finest first."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"

    @property
    def seconds(self) -> int:
        """Return how many seconds one row covers."""
        return _SECONDS[self]

    @property
    def keeps(self) -> timedelta:
        """Return how long rows are kept: what is looked at closely is recent."""
        return _KEEPS[self]


_SECONDS = {Resolution.SECOND: 1, Resolution.MINUTE: 60, Resolution.HOUR: 3600}
_KEEPS = {
    Resolution.SECOND: timedelta(hours=1),
    Resolution.MINUTE: timedelta(days=7),
    Resolution.HOUR: timedelta(days=400),  # a year, and enough to lay it beside the one before
}

AHEAD = 86_400
"""Seconds; rows further ahead of now come from a clock that was wrong. One set back by less will get there."""


class Figures(NamedTuple):
    """What one agent took in one stretch of time.

    Whole numbers and sums, no averages: so rows add up to the same whatever the order and the grouping. A tuple: fifty
    agents make three thousand a minute, and a frozen dataclass takes eight times as long to make.
    """

    agent: AgentId
    at: int
    """When the stretch begins, in seconds since the epoch."""
    millis: int
    """For how long the agent was looked at: less than the stretch where it ran for a part of it only."""
    cpu_millis: int
    """Core milliseconds that it used."""
    cpu_most: int
    """The most of one core in any second, in thousandths."""
    memory_area: int
    """KiB times milliseconds: the average is this by `millis`."""
    memory_most: int
    """KiB."""
    throttled_millis: int
    """For how long it stood still for its limit."""
    longest_stop: int
    """The longest stretch of that, in milliseconds."""
    processes: int
    """The most at any time."""

    @property
    def cpu_percent(self) -> float:
        """Return the average share of one core."""
        return 100 * self.cpu_millis / self.millis if self.millis else 0.0

    @property
    def cpu_percent_most(self) -> float:
        """Return the largest share of one core in any second."""
        return self.cpu_most / 10

    @property
    def memory_bytes(self) -> int:
        """Return the average."""
        return _KIB * self.memory_area // self.millis if self.millis else 0

    @property
    def memory_bytes_most(self) -> int:
        """Return the most at any time."""
        return _KIB * self.memory_most

    @property
    def throttled_percent(self) -> float:
        """Return the share of the time in which it stood still for its limit."""
        return 100 * self.throttled_millis / self.millis if self.millis else 0.0

    def plus(self, other: Figures) -> Figures:
        """Return both as one row, in the place of this one."""
        return Figures(
            self.agent,
            self.at,
            self.millis + other.millis,
            self.cpu_millis + other.cpu_millis,
            max(self.cpu_most, other.cpu_most),
            self.memory_area + other.memory_area,
            max(self.memory_most, other.memory_most),
            self.throttled_millis + other.throttled_millis,
            max(self.longest_stop, other.longest_stop),
            max(self.processes, other.processes),
        )


def figures(seen: Round) -> Iterator[Figures]:
    """Yield a row for each sample of *seen*, at the second in which that round ended."""
    at, millis = int(seen.at.timestamp()), max(0, int(1000 * seen.seconds + 0.5))
    for sample in seen.samples:
        yield _of(sample, at, millis)


def roll_up(rows: Iterable[Figures], resolution: Resolution) -> list[Figures]:
    """Return *rows* added up by agent and stretch of *resolution*."""
    width = resolution.seconds
    sums: dict[tuple[int, AgentId], Figures] = {}
    for row in rows:
        place = (row.at - row.at % width, row.agent)
        known = sums.get(place)
        sums[place] = known.plus(row) if known is not None else row._replace(at=place[0])
    return list(sums.values())


def _of(sample: Sample, at: int, millis: int) -> Figures:
    """Return *sample* as figures; int(x + 0.5) rounds at half the price of `round`."""
    kib = max(0, sample.memory_bytes // _KIB)
    return Figures(
        sample.agent,
        at,
        millis,
        max(0, int(sample.cpu_percent * millis / 100 + 0.5)),
        max(0, int(10 * sample.cpu_percent + 0.5)),
        kib * millis,
        kib,
        max(0, int(sample.throttled_percent * millis / 100 + 0.5)),
        max(0, int(1000 * sample.longest_stop + 0.5)),
        max(0, sample.processes),
    )
