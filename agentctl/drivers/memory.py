"""A terminal in memory that behaves as tmux does: for tests, and for whoever wants to see a story in milliseconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from agentctl.domain.agent import Identity
from agentctl.domain.errors import TerminalError, TerminalUnreachable
from agentctl.domain.names import AgentId, PaneId
from agentctl.domain.ports import Opened, Opening, Pane, Shown, Viewer
from agentctl.drivers.tmux.drawing import Watcher
from agentctl.drivers.tmux.guard import clean

_LINES = 50  # of a screen


@dataclass(slots=True)
class _Window:
    """A fake window with one pane; `pane` is None in one that is a person's own."""

    session: str
    index: int
    pane: Pane | None = None
    above: list[str] = field(default_factory=list)
    """What the processes before this one have shown."""
    shown: list[str] = field(default_factory=list)
    title: str = ""
    alternate: bool = False
    cursor: tuple[int, int] = (0, 0)
    texts: list[str] = field(default_factory=list)
    pressed: list[str] = field(default_factory=list)


class MemoryTerminal:
    """The port `Terminal` without a machine; what follows `disconnect` is what the world does, for tests."""

    def __init__(self, *, first_pid: int = 10_000) -> None:
        self._pids = count(first_pid)
        self._ids = count(1)
        self._windows: list[_Window] = []
        self._strangers: set[str] = set()
        self._server: Identity | None = None
        self._frozen = False
        self._listeners: set[asyncio.Queue[str | None]] = set()
        self._watchers: set[Watcher] = set()
        self.rung: list[PaneId] = []
        """Every pane whose bell was raised, in order."""
        self.attached: list[Viewer] = []
        """The terminals of people."""
        self.waiting: tuple[tuple[AgentId, PaneId], ...] = ()
        """Who is shown to wait."""
        self.opened: list[Opening] = []
        """Every opening that made a process, in order."""
        self.program: Callable[[Pane, str, tuple[str, ...]], None] | None = None
        """What runs in the panes: called with each text and the keys pressed after it, it draws what it likes.

        Without one a text shows as typed.
        """

    async def connect(self) -> None:
        """Start the server where there is none."""
        self._answer()
        self._server = self._server or Identity("memory", next(self._pids), 1)

    def server(self) -> Identity | None:
        """Return the server's process, None while none is known."""
        return self._server

    def poke(self) -> None:
        """Do nothing: no death is missed here."""

    async def panes(self) -> list[Pane]:
        """Return every pane of ours, dead ones included."""
        self._answer()
        return [window.pane for window in self._windows if window.pane is not None]

    async def open(self, openings: Sequence[Opening]) -> list[Opened]:
        """Make all windows; a dead pane of the same agent is used again."""
        self._need_server()
        wished = {(opening.session, opening.index) for opening in openings}
        seen: set[AgentId] = set()
        outcome = []
        for opening in openings:
            twice = opening.agent in seen
            seen.add(opening.agent)
            outcome.append(_refused(opening, "it is asked for twice") if twice else self._open(opening, wished))
        self._tell("window-add")
        return outcome

    async def close(self, panes: Collection[PaneId]) -> None:
        """Close the windows of *panes*; those already gone are no error."""
        self._need_server()
        self._windows = [w for w in self._windows if w.pane is None or w.pane.id not in panes]
        self._tell("window-close")

    async def arrange(self, pane: PaneId, opening: Opening, *, typed: int = 0) -> None:
        """Give *pane* the marks, window name, session and index of *opening*."""
        self._need_server()
        window, shown = self._find(pane)
        if shown.agent != opening.agent:
            raise TerminalError(f"pane {pane} is not there or not {opening.agent}'s")
        holder = next((w for w in self._windows if (w.session, w.index) == (opening.session, opening.index)), None)
        if holder is None:
            window.index = opening.index
        elif holder is not window and holder.pane is not None and window.session == opening.session:
            holder.index, window.index = window.index, holder.index
            holder.pane = replace(holder.pane, index=holder.index)
        elif window.session != opening.session:
            window.index = self._free(opening.session, 0, set())
        window.session = opening.session
        kept = shown.typed if shown.generation == opening.generation and shown.marked else typed
        window.pane = replace(
            shown, generation=opening.generation, session=window.session, window=opening.window, index=window.index,
            typed=kept, marked=True,
        )  # fmt: skip
        self._drew(window)

    async def screen(self, pane: PaneId, *, history: int = 0, escapes: bool = False) -> str:
        """Return the last texts that were typed or printed; with *history*, those of processes before as well."""
        self._need_server()
        window, _ = self._find(pane)
        lines = [*window.above, *window.shown] if history else window.shown
        return "\n".join(lines[-_LINES - history :])

    async def shown(self, panes: Collection[PaneId]) -> dict[PaneId, Shown]:
        """Return what each of *panes* shows; those that are gone are left out."""
        self._need_server()
        return {
            window.pane.id: Shown("\n".join(window.shown[-_LINES:]), window.title, window.alternate, window.cursor)
            for window in self._windows
            if window.pane is not None and window.pane.id in panes
        }

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
        """Give the program *text* and the keys after it, once."""
        del enter_delay
        window = self._guarded(pane, agent, generation, keyed)
        if window is None or window.pane is None or window.pane.typed != number - 1:
            return False
        window.texts.append(clean(text))
        window.pressed += enter
        window.pane = replace(window.pane, typed=number)
        if self.program is None:
            window.shown += clean(text).split("\n")
        self._act(window, clean(text), enter)
        return True

    async def keys(
        self, pane: PaneId, agent: AgentId, generation: int, keys: Sequence[str], *, keyed: int | None = None
    ) -> bool:
        """Note the keys, and give them to the program."""
        window = self._guarded(pane, agent, generation, keyed)
        if window is None:
            return False
        window.pressed += keys
        self._act(window, "", keys)
        return True

    async def ring(self, pane: PaneId) -> bool:
        """Note the bell of a pane whose process lives."""
        self._need_server()
        living = any(window.pane is not None and window.pane.id == pane and not window.pane.dead
                     for window in self._windows)  # fmt: skip
        self.rung += [pane] if living else []
        return living

    async def viewers(self) -> list[Viewer]:
        """Return the terminals that people have attached."""
        self._answer()
        return list(self.attached)

    async def show_waiting(self, waiting: Sequence[tuple[AgentId, PaneId]]) -> None:
        """Note who waits."""
        self._need_server()
        self.waiting = tuple(waiting)

    def drawn(self) -> AsyncIterator[frozenset[PaneId]]:
        """Yield the panes whose screens have changed, at once: so the last change needs no further word."""
        watcher = Watcher(0)
        there = self._there()
        watcher.tell(there, there)
        self._watchers.add(watcher)
        return self._words(watcher)

    def changes(self) -> AsyncIterator[str]:
        """Yield a word whenever something may have changed, from the call on, until `disconnect`."""
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._listeners.add(queue)
        return self._follow(queue)

    async def disconnect(self) -> None:
        """Let go of the server; agents run on."""
        self._tell(None)
        for watcher in self._watchers:
            watcher.end()

    # --- what the world does ---

    def die(self, pane: PaneId, code: int | None = 0) -> None:
        """End the pane's process with *code*; the pane stays, dead."""
        window, shown = self._find(pane)
        window.pane = replace(shown, dead=True, exit_code=code)
        self._drew(window)
        self._tell("window-pane-changed")

    def person_closes(self, pane: PaneId) -> None:
        """Have a person close the pane's window."""
        window, _ = self._find(pane)
        self._windows.remove(window)
        self._tell("window-close")

    def person_renames(self, pane: PaneId, name: str) -> None:
        """Have a person rename the pane's window."""
        window, shown = self._find(pane)
        window.pane = replace(shown, window=name)
        self._tell("window-renamed")

    def person_moves(self, pane: PaneId, session: str, index: int) -> None:
        """Have a person move the pane's window."""
        window, shown = self._find(pane)
        window.session, window.index = session, index
        window.pane = replace(shown, session=session, index=index)
        self._tell("window-add")

    def person_scrolls(self, pane: PaneId, *, scrolling: bool = True) -> None:
        """Have a person enter or leave copy mode."""
        window, shown = self._find(pane)
        window.pane = replace(shown, mode=scrolling)
        self._tell("pane-mode-changed")

    def person_watches(self, pane: PaneId, *, at: int, watching: bool = True) -> None:
        """Have a person attach to the pane's session at second *at* and look at the pane, or go away."""
        _, shown = self._find(pane)
        for window in self._windows:
            if window.pane is not None and window.session == shown.session:
                seen = watching and window.pane.id == pane
                window.pane = replace(window.pane, watched=seen, keyed=at if watching else window.pane.keyed)

    def person_presses(self, pane: PaneId, *keys: str, at: int) -> None:
        """Have a person who watches the pane press *keys* there at second *at*."""
        window, _ = self._find(pane)
        self.person_watches(pane, at=at)
        self._act(window, "", keys)

    def person_opens(self, session: str, index: int) -> None:
        """Have a person make a window; in a session we did not make, the session is the person's."""
        if all(window.session != session for window in self._windows):
            self._strangers.add(session)
        self._windows.append(_Window(session, index))
        self._tell("window-add")

    def marks_are_lost(self, pane: PaneId) -> None:
        """Take the marks off a pane; it is known by its start command still."""
        window, shown = self._find(pane)
        window.pane = replace(shown, marked=False, typed=0)

    def server_dies(self) -> None:
        """Kill the server, and with it all panes."""
        self._server = None
        self._windows = []
        self._strangers = set()
        self._tell("gone")

    def freeze(self, *, frozen: bool = True) -> None:
        """Have the server answer nothing, or again."""
        self._frozen = frozen

    def prints(self, pane: PaneId, *lines: str) -> None:
        """Show *lines* on the pane."""
        window, _ = self._find(pane)
        window.shown += lines
        self._drew(window)

    def draws(
        self, pane: PaneId, text: str, *, title: str = "", alternate: bool = False, cursor: tuple[int, int] = (0, 0)
    ) -> None:
        """Make *text* all that the pane shows."""
        window, _ = self._find(pane)
        window.shown = text.split("\n")
        window.title, window.alternate, window.cursor = title, alternate, cursor
        self._drew(window)

    def typed_into(self, pane: PaneId) -> list[str]:
        """Return all lines shown on the pane."""
        return list(self._find(pane)[0].shown)

    def texts_in(self, pane: PaneId) -> list[str]:
        """Return the texts that were typed into the pane, in order."""
        return list(self._find(pane)[0].texts)

    def pressed_in(self, pane: PaneId) -> list[str]:
        """Return the keys that we pressed in the pane, those after texts among them."""
        return list(self._find(pane)[0].pressed)

    # --- inside ---

    def _open(self, opening: Opening, wished: set[tuple[str, int]]) -> Opened:
        ours = [w for w in self._windows if w.pane is not None and w.pane.agent == opening.agent]
        for window in ours:
            if window.pane is not None and window.pane.generation == opening.generation:
                return Opened(opening.agent, opening.generation, window.pane.id, window.pane.pid)
        for window in ours:
            if window.pane is not None and not window.pane.dead:
                return _refused(opening, f"{opening.agent} still runs as generation {window.pane.generation}")
        if opening.session in self._strangers and not ours:
            return _refused(opening, f"a tmux session {opening.session} is there that is not ours")
        if not ours:
            index = self._free(opening.session, opening.index, {i for s, i in wished if s == opening.session})
            ours = [_Window(opening.session, index)]
            self._windows += ours
        return self._start(ours[0], opening)

    def _start(self, window: _Window, opening: Opening) -> Opened:
        pane_id = window.pane.id if window.pane is not None else PaneId(f"%{next(self._ids)}")
        pid = next(self._pids)
        window.pane = Pane(
            pane_id, opening.agent, opening.generation, 0, window.session, opening.window, f"@{pane_id[1:]}",
            window.index, pid, dead=False, exit_code=None, mode=False, marked=True,
        )  # fmt: skip
        window.above += window.shown
        window.shown, window.title, window.alternate, window.cursor = [], "", False, (0, 0)
        window.texts, window.pressed = [], []
        self._drew(window)
        self.opened.append(opening)
        return Opened(opening.agent, opening.generation, pane_id, pid)

    def _free(self, session: str, index: int, wished: set[int]) -> int:
        taken = {window.index for window in self._windows if window.session == session}
        if index not in taken:
            return index
        return next(i for i in count(index) if i not in taken | wished)

    def _guarded(self, pane: PaneId, agent: AgentId, generation: int, keyed: int | None) -> _Window | None:
        self._need_server()
        for window in self._windows:
            shown = window.pane
            if shown is not None and (shown.id, shown.agent, shown.generation) == (pane, agent, generation):
                disturbed = keyed is not None and shown.watched and shown.keyed > keyed
                return window if shown.marked and not shown.dead and not shown.mode and not disturbed else None
        return None

    def _act(self, window: _Window, text: str, keys: Sequence[str]) -> None:
        """Let the program see a text and keys; without one what was typed shows already."""
        if self.program is not None and window.pane is not None:
            self.program(window.pane, text, tuple(keys))
        self._drew(window)

    def _drew(self, window: _Window) -> None:
        there = self._there()
        moved = {window.pane.id} & there if window.pane is not None else set()
        for watcher in self._watchers:
            watcher.tell(moved, there)

    def _there(self) -> set[PaneId]:
        return {w.pane.id for w in self._windows if w.pane is not None and w.pane.marked}

    def _find(self, pane: PaneId) -> tuple[_Window, Pane]:
        for window in self._windows:
            if window.pane is not None and window.pane.id == pane:
                return window, window.pane
        raise TerminalError(f"can't find pane: {pane}")

    def _answer(self) -> None:
        if self._frozen:
            raise TerminalUnreachable("the terminal in memory is frozen")

    def _need_server(self) -> None:
        self._answer()
        if self._server is None:
            raise TerminalError("no server runs in memory")

    def _tell(self, word: str | None) -> None:
        for queue in self._listeners:
            queue.put_nowait(word)

    async def _follow(self, queue: asyncio.Queue[str | None]) -> AsyncIterator[str]:
        try:
            while (word := await queue.get()) is not None:
                yield word
        finally:
            self._listeners.discard(queue)

    async def _words(self, watcher: Watcher) -> AsyncIterator[frozenset[PaneId]]:
        try:
            async for panes in watcher.words():
                yield panes
        finally:
            self._watchers.discard(watcher)


def _refused(opening: Opening, error: str) -> Opened:
    return Opened(opening.agent, opening.generation, None, error=error)
