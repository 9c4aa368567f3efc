"""A governor that holds nothing: it remembers what it was asked to hold, and says what tests have it see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection

from agentctl.domain.agent import Identity
from agentctl.domain.errors import Unreachable
from agentctl.domain.names import AgentId
from agentctl.domain.resources import Leash, Round


class MemoryGovernor:
    """The fake of `Governor`, and what a test needs to play the machine."""

    def __init__(self) -> None:
        self.leashes: dict[AgentId, Leash] = {}
        """What is held now."""
        self.orders: list[tuple[Leash, ...]] = []
        """Everything that was ever asked for, in order."""
        self.spared: list[Identity] = []
        self.started = 0
        """How often somebody began to ask for rounds: each time there is a new one."""
        self.fails = 0
        """So many more cannot be started."""
        self.closed = False
        self._coming: asyncio.Queue[Round | str] = asyncio.Queue()

    # --- what a test plays

    def sees(self, seen: Round) -> None:
        """Have *seen* come next."""
        self._coming.put_nowait(seen)

    def dies(self, why: str = "the governor has ended") -> None:
        """End the governor: nothing is held until somebody asks for rounds again."""
        self._coming.put_nowait(why)

    # --- the port

    def hold(self, leashes: Collection[Leash], *, spared: Collection[Identity] = ()) -> None:
        """Remember *leashes* as what is held from now on, and *spared*."""
        self.spared = list(spared)
        self.leashes = {leash.agent: leash for leash in leashes}
        self.orders.append(tuple(leashes))

    async def rounds(self) -> AsyncIterator[Round]:
        """Yield the rounds that tests push; raises `Unreachable` where they have it die."""
        self.started += 1
        if self.fails:
            self.fails -= 1
            raise Unreachable("the governor cannot be started")
        while not self.closed:
            coming = await self._coming.get()
            if isinstance(coming, str):
                self.leashes = {}
                raise Unreachable(coming)
            yield coming

    async def close(self) -> None:
        """Let go of everything."""
        self.closed, self.leashes = True, {}
