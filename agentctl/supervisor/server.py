"""The server side of the control socket: one connection, one request, its items and its result."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from agentctl.control.wire import MOST_BYTES, PROTOCOL, Address, pack, pack_error, unpack
from agentctl.domain.errors import AgentctlError, Refused, UsageError
from agentctl.supervisor import crash
from agentctl.supervisor.caller import Caller, identify
from agentctl.supervisor.loop import first
from agentctl.supervisor.requests.request import Desk, Request
from agentctl.supervisor.requests.table import answer

_REQUEST_SECONDS = 10.0
_HEARD_OUT_SECONDS = 1.0
"""How long a caller may take to say what it wants."""

_LOOK_SECONDS = 2.0
"""Between two looks whether the socket is still there: without it nobody can ever end this supervisor."""


class Server:
    """Listens on the control socket and answers each caller on its own."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._mark: tuple[int, int] | None = None

    async def lost(self) -> None:
        """Return when the socket is no longer ours to be reached by: somebody deleted it, or took its place."""
        while self._is_ours():
            await self._desk.world.clock.sleep(_LOOK_SECONDS)

    def _is_ours(self) -> bool:
        return self._mark is not None and self._mark_now() == self._mark

    def _mark_now(self) -> tuple[int, int] | None:
        """Return what tells this socket file from another; numbers of deleted files are used again, hence the time."""
        try:
            found = self._desk.world.home.socket.lstat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen while the block runs; the caller holds the home's lock, so a socket file found here is stale."""
        path = self._desk.world.home.socket
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        with Address(self._desk.world.home.address) as address:
            channel = _bind(address)
        self._mark = self._mark_now()
        server = await asyncio.start_unix_server(self._serve, sock=channel, limit=MOST_BYTES)
        try:
            yield
        finally:
            server.close()
            if self._is_ours():
                path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def write(message: dict[str, Any]) -> None:
            writer.write(pack(message))
            await writer.drain()

        with contextlib.suppress(ConnectionError):
            try:
                await self._answer(reader, writer, write)
            finally:
                writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, write: Any) -> None:  # noqa: ANN401  the closure above
        try:
            caller = await self._identify(reader, writer)
            line = await asyncio.wait_for(reader.readline(), _REQUEST_SECONDS)
            if not line:
                return
            verb, args = _read(line)
            request = Request(self._desk, caller, args, lambda item: write({"item": item}))
            await _while_connected(reader, self._finish(verb, request, write))
        except AgentctlError as error:
            await write({"error": pack_error(error)})
        except (TimeoutError, ValueError):  # readline: the line is longer than the limit
            await write({"error": pack_error(UsageError("the request is too long or did not end"))})

    async def _identify(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Caller:
        """Return who calls; one who is refused has been heard out, or the refusal would be lost with what is unread."""
        try:
            return identify(writer.get_extra_info("socket"), self._desk.world)
        except Refused:
            with contextlib.suppress(TimeoutError, ValueError):
                await asyncio.wait_for(reader.readline(), _HEARD_OUT_SECONDS)
            raise

    async def _finish(self, verb: str, request: Request, write: Any) -> None:  # noqa: ANN401  as above
        try:
            await write({"result": await answer(verb, request)})
        except AgentctlError as error:
            await write({"error": pack_error(error)})
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001  one request must not end the supervisor
            crash.record(self._desk.world.ledger, f"request {verb}", error)
            fault = AgentctlError(
                f"the supervisor failed on '{verb}': {error}", hint="what happened: agentctl daemon logs"
            )
            await write({"error": pack_error(fault)})


def _read(line: bytes) -> tuple[str, dict[str, Any]]:
    message = unpack(line)
    if message.get("v") != PROTOCOL:
        raise UsageError(
            f"this supervisor speaks version {PROTOCOL} of the protocol, not {message.get('v')}",
            hint="agentctl daemon stop; agents run on, and the next deploy starts the new version",
        )
    verb, args = message.get("verb"), message.get("args")
    if not isinstance(verb, str) or not isinstance(args, dict):
        raise UsageError("the request names no verb")
    return verb, args


async def _while_connected(reader: asyncio.StreamReader, work: Any) -> None:  # noqa: ANN401  a coroutine
    """Run *work*, but no longer than somebody listens: a caller that hung up is not followed for."""
    await first(work, reader.read(1))


def _bind(address: str) -> socket.socket:
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    channel.bind(address)
    Path(address).chmod(0o600)
    channel.listen(128)
    return channel
