"""The http and tcp probes, over plain sockets: a status line is all that is wanted of a server."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import socket
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

from agentctl.domain.text import safe_line
from agentctl.domain.units import format_duration
from agentctl.drivers.probes.answer import Answer, check_asked

_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})\b")
_LONGEST_LINE_BYTES = 8192
_MOST_BODY_BYTES = 64 * 1024
_BODY_SECONDS = 0.2
_LOOPBACK = ("127.0.0.1", "::1")
_LEGAL = "/%:@!$&'()*+,;=~-._"  # in a path; what is quoted already stays so
_PORTS = {"http": 80, "https": 443}


class _Refused(Exception):
    """The answer is no; the text is its evidence."""


class _Place(NamedTuple):
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


async def ask_tcp(target: str, within: timedelta) -> Answer:
    """Tell whether something accepts connections at *target*, a `host:port`."""
    started = asyncio.get_running_loop().time()
    try:
        place = _read_place(target)
        async with asyncio.timeout(within.total_seconds()):
            (await _connect(place)).close()
    except _Refused as refusal:
        return Answer(False, str(refusal))
    except TimeoutError:
        return Answer(False, f"no answer from {safe_line(target)} within {format_duration(within)}")
    return Answer(True, f"{place} accepts connections, in {_since(started)}")


async def ask_http(target: str, within: timedelta) -> Answer:
    """Tell whether the server at the URL *target* answers with 2xx or 3xx.

    A certificate is not checked, as no secret is told but the URL's own user; neither that nor the query is in the
    evidence.
    """
    started = asyncio.get_running_loop().time()
    shown = "the URL"
    try:
        url, place = _read_url(target)
        shown = safe_line(f"{url.scheme}://{place}{url.path or '/'}")
        async with asyncio.timeout(within.total_seconds()):
            status = await _ask_status(url, place, shown)
    except _Refused as refusal:
        return Answer(False, str(refusal))
    except TimeoutError:
        return Answer(False, f"no answer from {shown} within {format_duration(within)}")
    except OSError as error:
        check_asked(error, shown)
        return Answer(False, f"{shown} broke off: {safe_line(error.strerror or str(error))}")
    return Answer(200 <= status < 400, f"HTTP {status} from {shown} in {_since(started)}")  # noqa: PLR2004


async def _ask_status(url: SplitResult, place: _Place, shown: str) -> int:
    connection = await _connect(place)
    try:
        reader, writer = await _open_streams(connection, place.host if url.scheme == "https" else None)
    except BaseException:
        connection.close()
        raise
    try:
        writer.write(_request(url, place))
        status = await _read_status(reader, shown)
        await _read_some_body(reader)
    finally:
        writer.close()
    return status


async def _read_status(reader: asyncio.StreamReader, shown: str) -> int:
    while True:
        try:
            line = await reader.readline()
        except ValueError:  # longer than any status line
            line = b"?"
        if not line:
            raise _Refused(f"{shown} closed the connection without an answer")
        found = _STATUS_LINE.match(line)
        if found is None:
            raise _Refused(f"{shown} answered something that is not HTTP")
        status = int(found[1])
        if status >= 200:  # noqa: PLR2004  1xx only announce the answer
            return status
        with contextlib.suppress(ValueError):
            while (await reader.readline()).strip():
                pass


async def _read_some_body(reader: asyncio.StreamReader) -> None:
    """Take in a short answer whole: a connection closed with unread data is reset, and servers log that as an error."""
    left = _MOST_BODY_BYTES
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(_BODY_SECONDS):
            while left > 0 and (part := await reader.read(left)):
                left -= len(part)


async def _connect(place: _Place) -> socket.socket:
    """Return a connection to the first of the host's addresses that takes one; raise `_Refused` where none does."""
    fault = ""
    for address in await _addresses(place):
        fault = await _try_address(connection := _new_socket(place, address), address, place)
        if not fault:
            return connection
        connection.close()
    raise _Refused(fault)


async def _try_address(connection: socket.socket, address: str, place: _Place) -> str:
    """Connect; return what is wrong, or nothing."""
    try:
        await asyncio.get_running_loop().sock_connect(connection, (address, place.port))
        # A free port of the ephemeral range may be given to this very socket, which then reaches itself.
        if connection.getsockname()[:2] != connection.getpeername()[:2]:
            return ""
    except ConnectionRefusedError:
        pass
    except OSError as error:
        check_asked(error, str(place))
        return f"{place} cannot be reached: {error.strerror or error}"
    except BaseException:
        connection.close()
        raise
    return f"nothing listens on {place}"


def _new_socket(place: _Place, address: str) -> socket.socket:
    try:
        connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    except OSError as error:
        check_asked(error, str(place))
        raise _Refused(f"{place} cannot be reached: {error.strerror}") from None
    connection.setblocking(False)
    return connection


async def _addresses(place: _Place) -> list[str]:
    """Return the host's addresses; localhost and addresses themselves need no resolver, which may hang."""
    if place.host == "localhost":
        return list(_LOOPBACK)
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            socket.inet_pton(family, place.host)
            return [place.host]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _Refused(f"no address known for {safe_line(f'{place.host}: {error}')}") from None
    return list(dict.fromkeys(str(info[4][0]) for info in found))


def _read_place(target: str) -> _Place:
    host, _, port = target.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:  # noqa: PLR2004
        raise _Refused(f"{safe_line(target)!r} is not host:port")
    return _Place(host, int(port))


def _read_url(target: str) -> tuple[SplitResult, _Place]:
    try:
        url = urlsplit(target)
        port = url.port or _PORTS[url.scheme]
    except (ValueError, KeyError):
        raise _Refused("the target is not a URL such as http://127.0.0.1:3000/") from None
    if not url.hostname:
        raise _Refused("the URL names no host")
    return url, _Place(url.hostname, port)


def _request(url: SplitResult, place: _Place) -> bytes:
    path = quote(url.path or "/", safe=_LEGAL)
    if url.query:
        path += "?" + quote(url.query, safe=_LEGAL + "?")
    host = str(place) if url.port else str(place).rpartition(":")[0]
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "User-Agent: agentctl", "Accept: */*", "Connection: close"]
    if url.username is not None:
        user = f"{unquote(url.username)}:{unquote(url.password or '')}"
        lines.append(f"Authorization: Basic {base64.b64encode(user.encode()).decode()}")
    return "\r\n".join([*lines, "", ""]).encode("ascii", "replace")


async def _open_streams(
    connection: socket.socket, tls_host: str | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if tls_host is None:
        return await asyncio.open_connection(sock=connection, limit=_LONGEST_LINE_BYTES)
    import ssl  # noqa: PLC0415  slow to import, and rare

    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # a local server's certificate is its own
    return await asyncio.open_connection(
        sock=connection, limit=_LONGEST_LINE_BYTES, ssl=context, server_hostname=tls_host
    )


def _since(started: float) -> str:
    return f"{(asyncio.get_running_loop().time() - started) * 1000:.0f} ms"
