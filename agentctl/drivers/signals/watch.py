"""Signals as they come: one watcher for all agents, and a slow sweep behind it for what it misses."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path

from agentctl.domain.names import AgentId, agent_id, is_name
from agentctl.domain.ports import Clock
from agentctl.drivers.clock import SystemClock
from agentctl.drivers.signals.folder import SignalReader
from agentctl.drivers.signals.lines import Signal

_STEP_MS = 50  # the watcher looks for changes this often, and waits as long for them to settle
_SETTLE_MS = 200
_SWEEP_MS = 10_000
_POLL_SECONDS = 1.0

_log = logging.getLogger(__name__)


async def watch(reader: SignalReader, *, clock: Clock | None = None) -> AsyncIterator[Signal]:
    """Yield every agent's signals, those that are there first, then each within some 100 ms; never ends by itself.

    Where the system has no watches left it looks once a second instead, paced by *clock*.
    """
    reader.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with contextlib.aclosing(_hints(reader.folder, clock or SystemClock())) as hints:
        async for agents in hints:
            for signal in _read(reader, agents):
                yield signal
            while reader.behind:
                await asyncio.sleep(0)  # whose files hold a flood take turns with everything else
                for signal in _read(reader, set(reader.behind)):
                    yield signal


def _read(reader: SignalReader, agents: set[AgentId] | None) -> Iterator[Signal]:
    if agents is None:
        yield from reader.read()
        return
    for agent in sorted(agents):
        yield from reader.read_agent(agent)


async def _hints(folder: Path, clock: Clock) -> AsyncGenerator[set[AgentId] | None, None]:
    """Yield who may have signalled, None for everyone: at once, at every change and at every sweep."""
    try:
        async with contextlib.aclosing(_watch_changes(folder)) as changes:
            async for agents in changes:
                yield agents
    except OSError as error:
        _log.warning("signals are polled", extra={"error": str(error)})
        while True:
            yield None
            await clock.sleep(_POLL_SECONDS)


async def _watch_changes(folder: Path) -> AsyncGenerator[set[AgentId] | None, None]:
    import watchfiles  # noqa: PLC0415  slow to import

    changes = watchfiles.awatch(
        folder, watch_filter=None, step=_STEP_MS, debounce=_SETTLE_MS, rust_timeout=_SWEEP_MS, yield_on_timeout=True
    )
    async with contextlib.aclosing(changes):
        pending = asyncio.ensure_future(anext(changes))
        try:
            await asyncio.sleep(0)  # the watcher stands now: what is written from here on is seen
            yield None
            while True:
                found = await pending
                pending = asyncio.ensure_future(anext(changes))
                yield _whose(folder, [path for _, path in found])
        finally:
            pending.cancel()
            with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                await pending


def _whose(folder: Path, paths: list[str]) -> set[AgentId] | None:
    """Return whose files changed; None for everyone, where there was no change or it was to the folders themselves."""
    agents = set()
    for path in paths:
        parts = Path(path).parts[len(folder.parts) :]
        if len(parts) < 4 or not Path(path).is_relative_to(folder):  # noqa: PLR2004  team, agent, signals, file
            return None
        if is_name(parts[0]) and is_name(parts[1]):
            agents.add(agent_id(parts[0], parts[1]))
    return agents or None
