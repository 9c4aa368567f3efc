"""The port `Governor`: a process of its own that is there before the first agent is, and ends with us."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Collection
from pathlib import Path

from agentctl.domain.agent import Identity
from agentctl.domain.errors import Unreachable
from agentctl.domain.resources import Leash, Level, Round
from agentctl.drivers.governor.wire import pack_order, unpack_round

_MOST_LINE = 16 * 2**20
_ENDS_WITHIN = 2.0

_SILENT_AFTER = 15.0
"""Seconds without a round, of which one is due each second: so long the busiest machine does not keep it waiting."""


class SystemGovernor:
    """Holds trees through a process of its own."""

    def __init__(self, home_id: str, frozen: Path, level: Level = Level.QUOTA) -> None:
        """Hold for the home with *home_id*; *frozen* is where its table lies, *level* the surest that may be used."""
        self._words = (home_id, str(frozen), level.value)
        self._order = b""
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._closed = False
        self._owed_since: float | None = None
        """Since when rounds are due; None while nothing is held."""

    def hold(self, leashes: Collection[Leash], *, spared: Collection[Identity] = ()) -> None:
        """Hold exactly *leashes* from now on; *spared* processes are never any agent's."""
        self._order = pack_order(leashes, spared)
        self._owed_since = (self._owed_since or time.monotonic()) if leashes else None
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(self._order)

    async def rounds(self) -> AsyncIterator[Round]:
        """Yield what was seen, once a second while something is held.

        Raises `Unreachable` where the governor ends, or is silent and was ended for it.
        """
        while not self._closed:
            self._reader = self._reader or await self._start()
            while line := await self._line(self._reader):
                yield unpack_round(line)
            silent = line is None
            await self._reap()
            if not self._closed:
                what = "said nothing any more and was ended" if silent else "has ended"
                raise Unreachable(f"the governor {what}: agents run free until there is a new one")

    async def close(self) -> None:
        """End the governor, which lets everything run."""
        self._closed = True
        await self._reap()

    @property
    def pid(self) -> int | None:
        """Return its pid, None while there is none."""
        return self._process.pid if self._process is not None else None

    async def _start(self) -> asyncio.StreamReader:
        ours, theirs = socket.socketpair()
        try:
            os.set_inheritable(theirs.fileno(), True)
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "agentctl.drivers.governor", str(theirs.fileno()), *self._words,
                pass_fds=(theirs.fileno(),), stdin=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:
            ours.close()
            raise Unreachable(f"the governor cannot be started: {error.strerror}") from None
        finally:
            theirs.close()
        reader, self._writer = await asyncio.open_unix_connection(sock=ours, limit=_MOST_LINE)
        if self._order:
            self._writer.write(self._order)
        return reader

    async def _line(self, reader: asyncio.StreamReader) -> bytes | None:
        """Return the next line, nothing at the end, None where none comes although there is something to tell of."""
        asked = time.monotonic()
        while True:
            try:
                async with asyncio.timeout(_SILENT_AFTER):
                    return await _read_line(reader)
            except TimeoutError:
                owed = self._owed_since
                if owed is not None and time.monotonic() - max(owed, asked) >= _SILENT_AFTER:
                    return None

    async def _reap(self) -> None:
        """Hang up and wait for its end; one that does not end is killed, and its guardian does the rest."""
        writer, process = self._writer, self._process
        self._reader = self._writer = self._process = None
        if writer is not None:
            writer.close()
        if process is None:
            return
        try:
            await asyncio.wait_for(process.wait(), _ENDS_WITHIN)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _read_line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except (ConnectionError, ValueError):
        return b""
