"""The loop: look, decide, carry out, until nothing is left to do; then wait for an event or a moment."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta

from agentctl.domain.errors import AgentctlError
from agentctl.engine.reconcile import Observed, decide, next_deadline
from agentctl.supervisor import crash
from agentctl.supervisor.executor import Executor
from agentctl.supervisor.observation import Observer
from agentctl.supervisor.world import World

log = logging.getLogger(__name__)

SWEEP = timedelta(seconds=2)
"""The net below the events: how long a change that no event announced can stay unseen."""

LOOK_AGAIN = timedelta(milliseconds=40)
"""While trees are ending."""

_ROUNDS_MOST = 50
"""Rounds in a row with something to do; more than any chain of decisions takes, so it would be a fault of ours."""


@dataclass(slots=True)
class Loop:
    """Brings the world to what is wanted, again and again."""

    world: World
    observer: Observer
    executor: Executor
    wake: asyncio.Event
    fault: str = ""

    async def run(self) -> None:
        """Reconcile until cancelled; a fault in one round is recorded and the next round goes on."""
        while True:
            self.wake.clear()
            seen = await self._settle()
            await self._wait(self._pause(seen))

    async def _settle(self) -> Observed | None:
        """Go round until there is nothing to do now; return what was seen last, None after a fault."""
        for _ in range(_ROUNDS_MOST):
            try:
                seen = await self.observer.look()
                commands = decide(self.world.ledger.fleet, seen, self.world.clock.now(), self.world.rng)
                if not commands:
                    return seen
                await self.executor.carry(commands)
            except AgentctlError as error:
                log.warning("round failed", extra={"error": error.message})
                return None
            except Exception as error:  # noqa: BLE001  one fault must not end the supervision of every agent
                self._tell(error)
                return None
        log.error("reconcile did not settle", extra={"rounds": _ROUNDS_MOST})
        return None

    def _tell(self, error: Exception) -> None:
        """Record a fault of ours, once for as long as it stays the same: the next round may well meet it again."""
        if repr(error) != self.fault:
            crash.record(self.world.ledger, "reconcile", error)
        self.fault = repr(error)

    def _pause(self, seen: Observed | None) -> float:
        if seen is None:
            return SWEEP.total_seconds()
        pause = LOOK_AGAIN if self.observer.busy else SWEEP
        deadline = next_deadline(self.world.ledger.fleet, seen)
        if deadline is not None:
            pause = min(pause, max(deadline - self.world.clock.now(), timedelta(milliseconds=5)))
        return pause.total_seconds()

    async def _wait(self, seconds: float) -> None:
        await first(self.wake.wait(), self.world.clock.sleep(seconds))


async def first(*waits: Awaitable[object]) -> None:
    """Return when the first of *waits* is over, and end the others."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
