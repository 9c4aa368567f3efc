"""One persistent control-mode client: commands go down its socket, replies come back in order.

A reply is a block `%begin TIME NUMBER FLAGS` … `%end|%error TIME NUMBER FLAGS`; its lines may start with `%` too, so a
block is closed only by its own numbers. tmux writes one block a *command*, and those inside `if-shell` get their own;
and what an agent shows on its screen could look like the end of a block. Such lines are followed by a marker with a
random word, and all up to the marker is theirs.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from agentctl.drivers.tmux.engine import Reply
from agentctl.drivers.tmux.invoke import ServerVanished, command, environment, no_tmux, silent
from agentctl.drivers.tmux.listing import AGENT
from agentctl.drivers.tmux.quote import line

NOTICES = frozenset({
    "window-add", "window-close", "window-renamed", "unlinked-window-add", "unlinked-window-close",
    "unlinked-window-renamed", "session-renamed", "session-window-changed", "sessions-changed", "pane-mode-changed",
    "window-pane-changed",
})  # fmt: skip
"""Notifications after which panes may look different."""

_OPEN_ENDED = ("if-shell", "capture-pane")
_HUB_PANE = f"#{{&&:#{{==:#{{window_name}},hub}},#{{==:#{{{AGENT}}},}}}}"  # a person may link an agent's window there
_CHUNK = 1 << 16
_FLAGS = ("-f", "ignore-size,no-output")


@dataclass(slots=True)
class _Batch:
    """Commands sent together, and the replies so far."""

    size: int
    done: asyncio.Future[list[Reply]]
    replies: list[Reply] = field(default_factory=list)


@dataclass(slots=True)
class _Expected:
    """The next reply: one block, or with a marker all blocks up to it."""

    batch: _Batch
    marker: str = ""
    ok: bool = True
    lines: list[str] = field(default_factory=list)


class ControlEngine:
    """A control-mode client attached to the hub session."""

    def __init__(
        self,
        socket_name: str,
        hub: str,
        *,
        deadline: float,
        notice: Callable[[str], None],
        subscribed: Callable[[str], None],
    ) -> None:
        """Prepare; *notice* gets tmux's words, and *subscribed* the new value of what `watch` asked for."""
        self._socket = socket_name
        self._hub = hub
        self._deadline = deadline
        self._notice = notice
        self._subscribed = subscribed
        self._process: subprocess.Popen[bytes] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reader: asyncio.Task[None] | None = None
        self._expected: deque[_Expected] = deque()
        self._caught_up = asyncio.Event()
        self._over = False
        self._stopping = False
        self._closing: tuple[bytes, ...] = ()
        self._body: list[str] = []

    async def start(self) -> None:
        """Attach to the hub; raise `ServerVanished` where the client ends at once."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                # asyncio's own would wait for pipes to close that a frozen server keeps open
                self._process = subprocess.Popen(  # noqa: ASYNC220  see above
                    [*command(self._socket), "-C", "attach-session", "-t", f"={self._hub}", *_FLAGS],
                    stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.DEVNULL, env=environment(),
                    cwd="/", start_new_session=True,
                )  # fmt: skip
            except FileNotFoundError as missing:
                ours.close()
                raise no_tmux() from missing
        reader, self._writer = await asyncio.open_connection(sock=ours)
        self._reader = asyncio.create_task(self._read(reader))
        try:
            await self.run([])
        except BaseException:
            await self.stop()
            raise

    def lost(self) -> bool:
        """Tell whether the client has ended."""
        return self._over

    async def run(self, commands: Sequence[str]) -> list[Reply]:
        """Send all commands at once and wait for their replies (see `Engine.run`).

        While answers to an earlier call that gave up are outstanding nothing more is sent, so that a server that wakes
        up finds no heap of stale commands.
        """
        try:
            async with asyncio.timeout(self._deadline):
                await self._catch_up()
                return await self._send(commands)
        except TimeoutError:
            self._caught_up.clear()
            raise silent(self._socket, self._deadline) from None

    async def watch(self, value: str) -> bool:
        """Have the server make *value* (a format) once a second and tell when it is another; False where it cannot.

        It hangs on a pane of the hub's. On the session it would crash tmux 3.3a when the hub ends while this client
        does not react. A dead pane tells nothing, so one that died is started again.
        """
        (found,) = await self.run(
            [line("list-panes", "-s", "-t", f"={self._hub}:", "-f", _HUB_PANE, "-F", "#{pane_id}")]
        )
        if not found.ok or not found.lines:
            return False
        pane = found.lines[0]
        revive = line("if-shell", "-F", "-t", pane, "#{pane_dead}", f"respawn-pane -t {pane} cat -")
        replies = await self.run([revive, line("refresh-client", "-B", f"drawn:{pane}:{value}")])
        return replies[-1].ok

    async def stop(self) -> None:
        """End the client; the server and its panes run on."""
        self._over = self._stopping = True
        if self._writer is not None:
            self._writer.close()
        if self._reader is not None:
            await asyncio.wait([self._reader])

    async def _catch_up(self) -> None:
        if self._expected and not self._caught_up.is_set():
            await self._caught_up.wait()

    async def _send(self, commands: Sequence[str]) -> list[Reply]:
        if self._over or self._writer is None:
            raise self._ended()
        batch = _Batch(len(commands) or 1, asyncio.get_running_loop().create_future())
        lines = []
        for text in commands or ("",):  # an empty batch is one marker: a sign of life
            opened = text.startswith(_OPEN_ENDED) or not text
            marker = secrets.token_hex(8) if opened else ""
            self._expected.append(_Expected(batch, marker))
            lines += [part for part in (text, f"display-message -p {marker}" if marker else "") if part]
        self._caught_up.set()
        self._writer.write("".join(f"{text}\n" for text in lines).encode())
        return await batch.done

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Read until the client ends; then fail all who wait."""
        rest = b""
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                *lines, rest = (rest + data).split(b"\n")
                for raw in lines:
                    self._take(raw)
        self._over = True
        await self._reap()
        self._caught_up.set()
        for expected in self._expected:
            if not expected.batch.done.done():
                expected.batch.done.set_exception(self._ended())
                expected.batch.done.exception()  # a caller that was cancelled does not fetch it
        self._expected.clear()
        if not self._stopping:
            self._notice("lost")

    async def _reap(self) -> None:
        """Let go of the socket and the process, which may still hang on a server that is frozen."""
        if self._writer is not None:
            self._writer.close()
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)

    def _take(self, raw: bytes) -> None:
        words = tuple(raw.split(b" ")) if raw.startswith(b"%") else ()
        if self._closing:
            if words[1:] == self._closing and words[0] in (b"%end", b"%error"):
                self._close(ok=words[0] == b"%end")
            else:
                self._body.append(raw.decode(errors="replace"))
        elif words[:1] == (b"%begin",):
            self._closing = words[1:]
        elif words[:1] == (b"%subscription-changed",):
            self._subscribed(raw.partition(b" : ")[2].decode(errors="replace"))
        elif words and (name := words[0][1:].decode(errors="replace")) in NOTICES:
            self._notice(name)
        elif not words and self._expected and self._expected[0].marker:
            self._expected[0].lines.append(raw.decode(errors="replace"))

    def _close(self, *, ok: bool) -> None:
        """Give the finished block to the command it belongs to."""
        body, self._body = self._body, []
        asked_by_us, self._closing = self._closing[-1] != b"0", ()
        if not asked_by_us or not self._expected:
            return
        expected = self._expected[0]
        if expected.marker and body != [expected.marker]:
            expected.lines += body
            expected.ok = expected.ok and ok
            return
        self._expected.popleft()
        batch = expected.batch
        batch.replies.append(
            Reply(expected.ok, tuple(expected.lines)) if expected.marker else Reply(ok, tuple(body)),
        )
        if len(batch.replies) == batch.size and not batch.done.done():
            batch.done.set_result(batch.replies)
        if not self._expected:
            self._caught_up.set()

    def _ended(self) -> ServerVanished:
        return ServerVanished(f"the connection to the tmux server on socket {self._socket} ended")
