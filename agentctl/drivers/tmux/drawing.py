"""Which panes have drawn something, told once for each time: no screen is read to find out.

tmux has no word for "this pane drew" that reaches one client for all sessions. But it can make one value of them all
in which something moves with every output, and compare that once a second by itself (a subscription). What moves is
the cursor, the height of the history, and the second of the last output. Output later in a second that was told already
may move none of these, so each word is followed by one more when that second is surely over.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from agentctl.domain.names import PaneId
from agentctl.drivers.tmux.listing import HOME

AFTERWARDS = 1.1  # seconds from a word to the one more that follows it

_MOVES = ("window_activity", "cursor_x", "cursor_y", "history_size", "pane_width", "pane_height")


def value(home: str) -> str:
    """Return the format that tmux makes the value of: all panes of *home*, each with what moves when it draws."""
    pane = " ".join(f"#{{{name}}}" for name in ("pane_id", *_MOVES))
    return f"#{{S:#{{W:#{{P:#{{?#{{==:#{{{HOME}}},{home}}},{pane};,}}}}}}}}"


def parse(text: str) -> dict[PaneId, str]:
    """Return what the value says of each pane; a pane that several sessions show is there once."""
    parts = (part.partition(" ") for part in text.split(";"))
    return {PaneId(pane): moves for pane, _, moves in parts if pane.startswith("%")}


class Watcher:
    """One who wants to be told; what is not fetched in time is told together."""

    def __init__(self, afterwards: float) -> None:
        self._afterwards = afterwards
        self._fresh: set[PaneId] = set()
        self._again: dict[PaneId, float] = {}
        self._woken = asyncio.Event()
        self._over = False

    def tell(self, moved: set[PaneId], there: set[PaneId]) -> None:
        """Note that the panes *moved* have drawn, of those that are *there*."""
        now = asyncio.get_running_loop().time()
        self._fresh = (self._fresh | moved) & there
        kept = {pane: when for pane, when in self._again.items() if pane in there}
        self._again = kept | (dict.fromkeys(moved, now + self._afterwards) if self._afterwards else {})
        self._woken.set()

    def end(self) -> None:
        """Say that nothing more comes."""
        self._over = True
        self._woken.set()

    async def words(self) -> AsyncIterator[frozenset[PaneId]]:
        """Yield the panes that have drawn, until the end."""
        while not self._over:
            if due := self._due():
                yield due
                continue
            self._woken.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(min(self._again.values(), default=None)):
                    await self._woken.wait()

    def _due(self) -> frozenset[PaneId]:
        now = asyncio.get_running_loop().time()
        late = {pane for pane, when in self._again.items() if when <= now}
        due = frozenset(self._fresh | late)
        self._fresh = set()
        self._again = {pane: when for pane, when in self._again.items() if pane not in late}
        return due


class Drawing:
    """What the value was last, and all who want to be told of a difference."""

    def __init__(self) -> None:
        self._known: dict[PaneId, str] = {}
        self._watchers: set[Watcher] = set()

    @property
    def watched(self) -> bool:
        """Tell whether anybody wants to be told."""
        return bool(self._watchers)

    def watch(self) -> Watcher:
        """Return a watcher that is told of all panes first."""
        watcher = Watcher(AFTERWARDS)
        watcher.tell(set(self._known), set(self._known))
        self._watchers.add(watcher)
        return watcher

    async def follow(self, watcher: Watcher, begin: Callable[[], None]) -> AsyncIterator[frozenset[PaneId]]:
        """Yield the words of *watcher*; *begin* is called when somebody really listens."""
        try:
            begin()
            async for panes in watcher.words():
                yield panes
        finally:
            self._watchers.discard(watcher)

    def take(self, text: str) -> None:
        """Compare the value with the last one, and tell of the panes that moved."""
        before, self._known = self._known, parse(text)
        moved = {pane for pane, moves in self._known.items() if before.get(pane) != moves}
        if moved or before.keys() - self._known.keys():
            for watcher in self._watchers:
                watcher.tell(moved, set(self._known))

    def forget(self) -> None:
        """Take nothing as known: after a gap all panes are told of again."""
        self._known = {}

    def end(self) -> None:
        """Say goodbye to all who listen."""
        for watcher in self._watchers:
            watcher.end()
