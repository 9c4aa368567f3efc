"""Time: the machine's, and one that tests own."""

from __future__ import annotations

import heapq
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future

_QUIET_PASSES = 32  # of the event loop: a chain of this many hand-overs between tasks is over before time moves


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the wall clock's moment, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        import asyncio  # noqa: PLC0415  the emergency path imports this room and does without

        await asyncio.sleep(seconds)


class FakeClock:
    """A clock that stands still while anything is at work, and jumps when all there is to do is wait.

    Sleepers wake in the order of their deadlines, each at its very moment. With *jumps* False time moves only by
    `advance`.
    """

    def __init__(self, start: datetime = datetime(2030, 1, 1, tzinfo=UTC), *, jumps: bool = True) -> None:
        self._start = start
        self._passed = 0.0
        self._jumps = jumps
        self._sleepers: list[tuple[float, int, Future[None]]] = []
        self._numbers = count()
        self._quiet = 0
        self._watched = False

    def now(self) -> datetime:
        """Return the start and what has passed since."""
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        """Return the seconds that have passed."""
        return self._passed

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has come that far."""
        import asyncio  # noqa: PLC0415  as above

        if seconds <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        woken: Future[None] = loop.create_future()
        heapq.heappush(self._sleepers, (self._passed + seconds, next(self._numbers), woken))
        self._quiet = 0
        if self._jumps and not self._watched:
            self._watched = True
            loop.call_soon(self._watch, loop)
        await woken

    def advance(self, seconds: float) -> None:
        """Move time on and wake whom it passes; those run when the caller next waits."""
        until = self._passed + seconds
        while self._sleepers and self._sleepers[0][0] <= until:
            self._wake_next()
        self._passed = until

    def _watch(self, loop: AbstractEventLoop) -> None:
        self._quiet += 1
        if self._quiet >= _QUIET_PASSES:
            self._quiet = 0
            self._wake_next()
        self._watched = bool(self._sleepers)
        if self._watched:
            loop.call_soon(self._watch, loop)

    def _wake_next(self) -> None:
        """Go to the nearest deadline somebody still waits for, and wake them."""
        while self._sleepers:
            deadline, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                self._passed = max(self._passed, deadline)
                woken.set_result(None)
                return
