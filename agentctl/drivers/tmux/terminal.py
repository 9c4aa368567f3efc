"""The driver: agents live in tmux windows that a person can watch, rename and close."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import signal
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path

from agentctl.domain.agent import Identity
from agentctl.domain.errors import TerminalError, TerminalUnreachable, UsageError
from agentctl.domain.names import AgentId, PaneId
from agentctl.domain.ports import Opened, Opening, Pane, Shown, Viewer
from agentctl.drivers import launch, tty
from agentctl.drivers.tmux import arrangement, guard, people
from agentctl.drivers.tmux.closing import closing
from agentctl.drivers.tmux.engine import Reply
from agentctl.drivers.tmux.invoke import ServerGone, call, command
from agentctl.drivers.tmux.link import EngineName, Link, Settings
from agentctl.drivers.tmux.listing import LIST, Owned, Row, owned, panes, parse
from agentctl.drivers.tmux.placement import Map, Place, creation, marks
from agentctl.drivers.tmux.quote import line, literal, quote

_AFTER_ESCAPE = 0.3  # seconds; a program that is busy reads what came meanwhile as one
_BY_FILE = (
    10_000  # texts above this many bytes reach the server by file: it parses a line of 100 kB in 17 ms, a file in 6
)
_CHUNK = 4  # windows a batch: a person's keys wait for the server no longer than these take
_CLOSE_TRIES = 5  # a person may open a window in a session while it is being closed; then it is looked at again
_FACTS = "#{alternate_on} #{cursor_x} #{cursor_y} #{pane_title}"
_HOME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_PERSONS = "default"  # the socket of the server that plain `tmux` speaks to
_PERSONS_DEADLINE = 1.0
_RACES = ("in use", "duplicate session", "can't find", "no such", "not found")


class TmuxTerminal:
    """The port `Terminal` on one tmux server."""

    def __init__(
        self,
        socket: str,
        *,
        run_dir: Path,
        home: str,
        identify: Callable[[int], Identity | None],
        deadline: float = 4.0,
        own: bool = True,
        history_limit: int = 20_000,
        engine: EngineName = "auto",
        exit_code: Callable[[AgentId, int], int | None] | None = None,
        send_signal: Callable[[int, int], None] = os.kill,
    ) -> None:
        """Prepare to speak to the server on *socket* (`tmux -L`); nothing is started before `connect`.

        *home* is the short hash of the state folder that marks our panes; *own* says that the server is ours alone, so
        that its options are ours to set, among them *history_limit*, in lines a window. *deadline* is in seconds, for
        each call.
        """
        command(socket)
        if not _HOME.fullmatch(home):
            raise ValueError(f"{home!r} is no short hash")
        self._run_dir = run_dir
        self._home = home
        self._exit_code = exit_code or partial(launch.exit_code, run_dir)
        self._settings = Settings(socket, home, deadline, own, history_limit, engine, identify, send_signal)
        self._link = Link(self._settings)

    async def connect(self) -> None:
        """Start the server where there is none, set our own up, and attach; safe to repeat."""
        await self._link.connect()

    async def disconnect(self) -> None:
        """Let go of the server; agents run on. Ends `changes` and `drawn`."""
        await self._link.disconnect()

    def server(self) -> Identity | None:
        """Return the server's process, None while none is known."""
        return self._link.server

    def poke(self) -> None:
        """Have the server look after its dead children: tmux below 3.5 may miss their deaths, and so their status."""
        self._link.signal(signal.SIGCHLD)

    def changes(self) -> AsyncIterator[str]:
        """Yield a word whenever something may have changed, from the call on, until `disconnect`.

        tmux's own words, `lost` for our client, `gone` for the server; without a control client only `tick`, once a
        second, and `gone`.
        """
        return self._link.news()

    def drawn(self) -> AsyncIterator[frozenset[PaneId]]:
        """Yield the marked panes whose screens may have changed: all of them first, then as they draw.

        A change is told within about a second, and 1.1 s after each word there is one more for the same panes (see
        `drawing`). After a time without a connection all panes are told of again.
        """
        return self._link.drawn()

    # --- panes ---

    async def panes(self) -> list[Pane]:
        """Return every pane of ours, dead ones included; empty where no server runs."""
        try:
            _, ours = await self._look()
        except ServerGone:
            return []
        return panes(ours, self._home, self._exit_code)

    async def _look(self) -> tuple[list[Row], list[Owned]]:
        reply = await self._link.ask(LIST)
        if not reply.ok:
            raise TerminalError(f"tmux does not list its panes: {reply.text}")
        try:
            rows = parse(reply.lines)
        except ValueError as unread:
            raise TerminalError(f"tmux lists its panes in a way we do not know: {unread}") from unread
        return rows, owned(rows, self._home, self._run_dir)

    async def open(self, openings: Sequence[Opening]) -> list[Opened]:
        """Make all windows, a team's in one batch; sessions come into being with their first window.

        An agent that runs in this generation already keeps its pane, a dead one's pane is used again. What could not
        be made has its error in words. A window or session that comes in between is looked at once more.
        """
        opened = await self._open(openings)
        late = [i for i, one in enumerate(opened) if one.pane is None and any(word in one.error for word in _RACES)]
        if late:
            for i, again in zip(late, await self._open([openings[i] for i in late]), strict=True):
                opened[i] = again
        return opened

    async def _open(self, openings: Sequence[Opening]) -> list[Opened]:
        rows, ours = await self._look()
        places = Map(rows, ours, self._home).plan(openings)
        teams: dict[str, list[Place]] = {}
        for place in places:
            teams.setdefault(place.opening.session, []).append(place)
        two_at_once = asyncio.Semaphore(2)  # while one team is marked, the next one's windows are being made
        made: dict[AgentId, Opened] = {}

        async def team(todo: list[Place]) -> None:
            for start in range(0, len(todo), _CHUNK):
                async with two_at_once:
                    for one in await self._make(todo[start : start + _CHUNK], rows, ours):
                        made.setdefault(one.agent, one)

        todos = [[place for place in todo if place.act != "refuse"] for todo in teams.values()]
        for result in await asyncio.gather(*map(team, todos), return_exceptions=True):
            if result is not None:
                raise result
        return [
            Opened(p.opening.agent, p.opening.generation, None, error=p.error)
            if p.act == "refuse"
            else made[p.opening.agent]
            for p in places
        ]

    async def _make(self, places: Sequence[Place], rows: list[Row], ours: list[Owned]) -> list[Opened]:
        """Start the processes of *places* in one batch, and mark their panes in another, when the ids are known."""
        batches = [[] if place.act == "keep" else creation(place, self._home) for place in places]
        replies = iter(await self._link.run([text for batch in batches for text in batch]) if any(batches) else [])
        opened = [_opened(place, [next(replies) for _ in batch]) for place, batch in zip(places, batches, strict=True)]
        new: list[str] = []
        for place, one in zip(places, opened, strict=True):
            if one.pane is not None and place.act == "reuse":
                await self._rearrange(one.pane, place.opening, rows, ours)
            elif one.pane is not None and place.act != "keep":
                new += marks(one.pane, place.opening, self._home)
        if new:
            await self._link.run(new)
        return opened

    async def _rearrange(self, pane_id: PaneId, opening: Opening, rows: list[Row], ours: list[Owned]) -> None:
        """Bring a pane that is used again to its place; each on its own (see `closing`: sessions may end by it)."""
        own = next(own for own in ours if own.row.pane == pane_id)
        await self._link.run(arrangement.arrange(rows, ours, own, opening, home=self._home, typed=0))

    async def close(self, panes: Collection[PaneId]) -> None:
        """Close *panes*, and with them their windows where nobody else's pane is in them; only what is ours."""
        for _ in range(_CLOSE_TRIES):
            rows, ours = await self._look()
            doomed = {own.row.pane for own in ours if own.row.pane in panes}
            if not doomed:
                return
            await self._link.run(closing(rows, doomed))
        raise TerminalError("panes could not be closed: their sessions change all the time")

    async def arrange(self, pane: PaneId, opening: Opening, *, typed: int = 0) -> None:
        """Give *pane* the marks, window name, session and index of *opening*, wherever a person moved it.

        *typed* is how many texts this generation was given, for a pane that has lost its own count.
        """
        rows, ours = await self._look()
        own = next((own for own in ours if own.row.pane == pane), None)
        if own is None or own.agent != opening.agent:
            raise TerminalError(f"pane {pane} is not there or not {opening.agent}'s")
        await self._link.run(arrangement.arrange(rows, ours, own, opening, home=self._home, typed=typed))

    async def screen(self, pane: PaneId, *, history: int = 0, escapes: bool = False) -> str:
        """Return what the pane shows, and up to *history* lines above it; raw, so clean it before printing."""
        _check(pane)
        words = ["capture-pane", "-p", *(["-e"] if escapes else []), "-S", str(-history), "-t", pane]
        reply = await self._link.ask(line(*words))
        if not reply.ok:
            raise TerminalError(f"pane {pane}: {reply.text}")
        return reply.text

    async def shown(self, panes: Collection[PaneId]) -> dict[PaneId, Shown]:
        """Return what each of *panes* shows, dead ones too, from one call; those that are gone are left out."""
        wanted = list(dict.fromkeys(panes))
        for one in wanted:
            _check(one)
        commands = [
            text
            for one in wanted
            for text in (line("display-message", "-p", "-t", one, _FACTS), line("capture-pane", "-p", "-e", "-t", one))
        ]
        replies = await self._link.run(commands) if commands else []
        looks = zip(wanted, replies[::2], replies[1::2], strict=True)
        return {one: _shown(facts.text, screen.text) for one, facts, screen in looks if screen.ok}

    # --- people ---

    async def ring(self, pane: PaneId) -> bool:
        """Write a bell where the pane's program writes: tmux flags the window and rings who is attached."""
        reply = await self._link.ask(people.bell_place(pane))
        device = people.bell_tty(reply.text, self._home) if reply.ok else ""
        if not device:
            return False
        try:
            tty.write(device, b"\a")
        except OSError:
            return False
        return True

    async def viewers(self) -> list[Viewer]:
        """Return the terminals that people have attached; empty where no server runs."""
        try:
            reply = await self._link.ask(people.VIEWERS)
        except ServerGone:
            return []
        return people.viewers(reply.lines) if reply.ok else []

    async def show_waiting(self, waiting: Sequence[tuple[AgentId, PaneId]]) -> None:
        """Set the options that status lines show: on our own server, and on a person's that asks for it."""
        agents = [agent for agent, _ in waiting]
        words = people.if_followed(self._home, agents)
        if self._settings.own:
            await self._link.run([*people.told(agents), people.pointed(waiting[0][1] if waiting else None)])
            with contextlib.suppress(TerminalUnreachable):  # a person's server that stands still is the person's
                await asyncio.to_thread(call, _PERSONS, *words, deadline=_PERSONS_DEADLINE)
        else:
            await self._link.run([line(*words)])

    # --- typing ---

    async def type(
        self,
        pane: PaneId,
        agent: AgentId,
        generation: int,
        number: int,
        text: str,
        *,
        enter: Sequence[str] = ("Enter",),
        enter_delay: float | None = None,
        keyed: int | None = None,
    ) -> bool:
        """Paste *text* and press *enter*, once (see the port); True only where this very call did it.

        After `TerminalUnreachable` it may have been done or be done later: repeat the call with the same *number*;
        where it then says no, the count of the pane tells. With *enter_delay* seconds the keys are a step of their
        own, under the same guard; should that not hold any more, the text stands there without them.
        """
        when = guard.condition(pane, agent, generation, self._home, typed=number - 1, keyed=keyed)
        token, text = secrets.token_hex(8), guard.clean(text)
        buffer = self._settings.buffers + token
        press = [guard.apart(pane), guard.press(pane, enter)] if enter else []
        act = [guard.paste(pane, buffer)] if text else []
        act += press if enter_delay is None else []
        act += [guard.count(pane, number), f"display-message -p {token}"]
        with self._loading(buffer, text) as load:
            commands = [*load, guard.guarded(pane, when, *act), line("delete-buffer", "-b", buffer)]
            typed = token in (await self._link.run(commands))[len(load)].lines
        if typed and press and enter_delay is not None:
            await asyncio.sleep(enter_delay)
            when = guard.condition(pane, agent, generation, self._home, typed=number, keyed=keyed)
            await self._link.run([guard.guarded(pane, when, *press)])
        return typed

    async def keys(
        self, pane: PaneId, agent: AgentId, generation: int, keys: Sequence[str], *, keyed: int | None = None
    ) -> bool:
        """Press named keys (`C-c`, `Escape`, `Enter`), under the same guard as `type` but for the number.

        What follows an Escape comes a moment later, and stays out where the guard does not hold any more.
        """
        first, *later = [guard.press(pane, run) for run in guard.runs(keys)]
        when = guard.condition(pane, agent, generation, self._home, keyed=keyed)
        pressed = await self._press(pane, when, first)
        still = pressed
        for press in later:
            if still:
                await asyncio.sleep(_AFTER_ESCAPE)
                still = await self._press(pane, when, press)
        return pressed

    async def _press(self, pane: PaneId, when: str, press: str) -> bool:
        token = secrets.token_hex(8)
        act = (guard.apart(pane), press, f"display-message -p {token}")
        return token in (await self._link.run([guard.guarded(pane, when, *act)]))[0].lines

    @contextlib.contextmanager
    def _loading(self, buffer: str, text: str) -> Iterator[list[str]]:
        """Yield the command that loads *text* into a buffer; none for no text, which tmux makes no buffer of."""
        data = text.encode()
        if len(data) <= _BY_FILE:
            yield [line("set-buffer", "-b", buffer) + f" -- {quote(text)}"] if data else []
            return
        path = self._run_dir / f"{buffer}.text"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            yield [line("load-buffer", "-b", buffer, literal(str(path)))]
        finally:
            path.unlink(missing_ok=True)


def _check(pane: PaneId) -> None:
    if not guard.is_pane(pane):
        raise UsageError(f"{pane!r} is no pane")


def _shown(facts: str, text: str) -> Shown:
    alternate, column, row, title = facts.split(" ", 3)
    return Shown(text, title, alternate == "1", (int(column), int(row)))


def _opened(place: Place, replies: Sequence[Reply]) -> Opened:
    """Return the outcome of a place from the replies to its `creation`."""
    opening = place.opening
    if place.act == "keep":
        return Opened(opening.agent, opening.generation, place.pane, place.pid)
    told = replies[1] if place.act == "reuse" and replies[0].ok else replies[0]
    words = told.text.split()
    if not told.ok or len(words) != len(("pane", "pid")):
        return Opened(opening.agent, opening.generation, None, error=told.text or "tmux made no window")
    return Opened(opening.agent, opening.generation, PaneId(words[0]), int(words[1]))
