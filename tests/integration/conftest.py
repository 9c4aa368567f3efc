"""What the stories share: a machine to play them on, and what must hold at the end of each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agentctl.domain.events import EventType
from agentctl.supervisor.ledger import Ledger
from tests.integration.machine import Machine

Story = Callable[[Machine], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Story], None]:
    """Play a story; no unit of the supervisor may have crashed, and the log must load again."""

    def run(story: Story) -> None:
        async def main() -> None:
            machine = Machine(tmp_path)
            await machine.start()
            await story(machine)
            await machine.stop()
            assert not [event.data for event in machine.log.read() if event.type == EventType.UNIT_CRASHED]
            Ledger(machine.log)

        asyncio.run(asyncio.wait_for(main(), 30))

    return run
