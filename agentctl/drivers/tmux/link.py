"""Our line to one tmux server: made, lost, made again; and the news that comes over it.

The server may be started only by `connect`. Anything else attaches again to a server that runs, because our client may
be killed while the agents live on.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from agentctl.domain.agent import Identity
from agentctl.domain.errors import TerminalError, TerminalUnreachable
from agentctl.domain.names import PaneId
from agentctl.drivers.tmux import drawing, server, version
from agentctl.drivers.tmux.batch import BatchEngine
from agentctl.drivers.tmux.control import ControlEngine
from agentctl.drivers.tmux.engine import Engine, Reply
from agentctl.drivers.tmux.invoke import ServerGone, ServerVanished, hub_name, silent
from agentctl.drivers.tmux.options import server_options
from agentctl.drivers.tmux.quote import line

EngineName = Literal["auto", "control", "batch"]

_SAFE_TO_SHARE = version.Version(3, 7)
_TICK = 1.0  # without notifications, look this often
_DOUBT = 15.0  # with them, look this often whether they still come
_MOST_NEWS = 256  # words that a slow listener may leave unread; the oldest go, being hints


@dataclass(frozen=True, slots=True)
class Settings:
    """Which server, and how to speak to it."""

    socket: str
    home: str
    deadline: float
    """Seconds for each call."""
    own: bool
    """The server is ours alone, so its options are ours to set."""
    history_limit: int
    engine: EngineName
    identify: Callable[[int], Identity | None]
    send_signal: Callable[[int, int], None]

    @property
    def hub(self) -> str:
        """Return the name of the session our client sits in."""
        return hub_name(self.home)

    @property
    def buffers(self) -> str:
        """Return how the names of our paste buffers begin."""
        return f"agentctl-{self.home}-"


class Link:
    """A connection that heals itself."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine: Engine | None = None
        self._server: Identity | None = None
        self._lock = asyncio.Lock()
        self._listeners: set[asyncio.Queue[str | None]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._drawing = drawing.Drawing()
        self._drawn_value = drawing.value(settings.home)
        self._observer: asyncio.Task[None] | None = None
        self._look_again = asyncio.Event()

    @property
    def server(self) -> Identity | None:
        """Return the server's process, None while none is known."""
        return self._server

    async def connect(self) -> None:
        """Start the server where there is none, set our own up, and attach; safe to repeat."""
        wish = self._settings
        async with self._lock:
            if self._engine is not None and not self._engine.lost() and self._server is not None:
                return
            if self._lives():
                await server.ensure_socket(wish.socket, lambda: self.signal(signal.SIGUSR1))
            await server.ensure(wish.socket, wish.hub, own=wish.own, deadline=wish.deadline)
            engine = await self._attach()
            if wish.own:
                await engine.run(server_options(wish.history_limit))
            await self._drop_buffers(engine)

    async def disconnect(self) -> None:
        """Let go of the server and end the news."""
        if self._observer is not None:
            self._observer.cancel()
            await asyncio.wait([self._observer])
            self._observer = None
        async with self._lock:
            await self._let_go()
            self._server = None
        self._tell(None)
        self._drawing.end()

    async def run(self, commands: Sequence[str]) -> list[Reply]:
        """Carry out *commands* (see `Engine.run`), attaching anew first where the client was lost."""
        wish = self._settings
        try:
            async with asyncio.timeout(wish.deadline):
                return await (await self._attached()).run(commands)
        except TimeoutError:  # attaching anew has several steps, each within the deadline
            raise silent(wish.socket, wish.deadline) from None

    async def ask(self, command: str) -> Reply:
        """Carry out one *command* that changes nothing, again where the connection ended under it."""
        try:
            (reply,) = await self.run([command])
        except ServerVanished:
            (reply,) = await self.run([command])
        return reply

    def signal(self, number: int) -> None:
        """Send the server a signal, if it is still the process we know."""
        if self._server is not None and self._lives():
            with contextlib.suppress(ProcessLookupError):
                self._settings.send_signal(self._server.pid, number)

    def _lives(self) -> bool:
        return self._server is not None and self._settings.identify(self._server.pid) == self._server

    def news(self) -> AsyncIterator[str]:
        """Yield words from now on (see `TmuxTerminal.changes`)."""
        queue: asyncio.Queue[str | None] = asyncio.Queue(_MOST_NEWS)
        self._listeners.add(queue)
        return self._follow(queue)

    def drawn(self) -> AsyncIterator[frozenset[PaneId]]:
        """Yield the panes that have drawn (see `TmuxTerminal.drawn`)."""
        return self._drawing.follow(self._drawing.watch(), self._observe)

    def _observe(self) -> None:
        if self._observer is None or self._observer.done():
            self._observer = asyncio.create_task(self._look_on())

    async def _look_on(self) -> None:
        """See to it that the drawing is told what changes, for as long as somebody listens."""
        while self._drawing.watched:
            self._look_again.clear()
            patience: float | None = _TICK
            try:
                patience = _DOUBT if await self._look() else _TICK
            except ServerGone:
                patience = None
            except (TerminalError, TerminalUnreachable):
                pass  # a frozen server, or one that just went: asked again
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._look_again.wait()

    async def _look(self) -> bool:
        """Ask for the drawing's value now; tell whether the server will tell of the next by itself."""
        engine = await self._attached()
        told = await engine.watch(self._drawn_value)
        (reply,) = await engine.run([line("display-message", "-p", self._drawn_value)])
        if reply.ok:
            self._drawing.take(reply.text)
        return told

    async def _attached(self) -> Engine:
        wish = self._settings
        async with self._lock:
            if self._engine is not None and not self._engine.lost():
                return self._engine
            await server.ensure_hub(wish.socket, wish.hub, deadline=wish.deadline)
            return await self._attach()

    async def _attach(self) -> Engine:
        """Attach to a running server and learn which process it is."""
        wish = self._settings
        await self._let_go()
        self._engine = engine = await self._choose()
        (reply,) = await engine.run([line("display-message", "-p", "#{pid}")])
        self._server = wish.identify(int(reply.text)) if reply.ok and reply.text.isdigit() else None
        if self._server is None:
            raise ServerVanished(f"the tmux server on socket {wish.socket} went away")
        self._drawing.forget()
        self._look_again.set()
        self._tasks = [asyncio.create_task(self._watch(self._server))]
        if isinstance(engine, BatchEngine):
            self._tasks.append(asyncio.create_task(self._tick()))
        return engine

    async def _choose(self) -> Engine:
        """Return a started engine: the fall-back where a control client ends at once, as it does on some systems.

        On a person's server older than 3.7 there is no control client either: with one attached, what the person does
        with their own sessions can crash it (see `version`).
        """
        wish = self._settings
        shared = wish.engine == "auto" and not wish.own
        risky = shared and await asyncio.to_thread(version.probe) < _SAFE_TO_SHARE
        if wish.engine != "batch" and not risky:
            control = ControlEngine(
                wish.socket, wish.hub, deadline=wish.deadline, notice=self._heard, subscribed=self._drawing.take
            )
            try:
                await control.start()
            except ServerVanished:
                if wish.engine == "control":
                    raise
            else:
                return control
        batch = BatchEngine(wish.socket, deadline=wish.deadline)
        await batch.start()
        return batch

    async def _let_go(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._engine is not None:
            await self._engine.stop()
            self._engine = None

    async def _drop_buffers(self, engine: Engine) -> None:
        """Delete texts that a killed predecessor loaded and did not get to paste."""
        (reply,) = await engine.run(['list-buffers -F "#{buffer_name}"'])
        stale = [name for name in reply.lines if name.startswith(self._settings.buffers)]
        if stale:
            await engine.run([line("delete-buffer", "-b", name) for name in stale])

    def _heard(self, word: str) -> None:
        if word == "lost":
            self._look_again.set()  # whoever looks on attaches anew
        self._tell(word)

    def _tell(self, word: str | None) -> None:
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(word)

    async def _follow(self, queue: asyncio.Queue[str | None]) -> AsyncIterator[str]:
        try:
            while (word := await queue.get()) is not None:
                yield word
        finally:
            self._listeners.discard(queue)

    async def _watch(self, known: Identity) -> None:
        await server.ended(known, self._settings.identify)
        if self._engine is not None:
            await self._engine.stop()
        if self._server == known:
            self._server = None
        self._tell("gone")

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            self._tell("tick")
