"""What the program needs of the world, and no more. Each port has a conformance suite that every driver passes.

All three answers are told apart everywhere: present, absent (an empty answer) and unknown (`Unreachable` is raised).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from agentctl.domain.agent import Identity
from agentctl.domain.events import Draft, Event
from agentctl.domain.names import AgentId, PaneId
from agentctl.domain.notice import Notification
from agentctl.domain.resources import Leash, Round
from agentctl.domain.samples import Figures, Resolution


class Clock(Protocol):
    """Time, so that tests own it."""

    def now(self) -> datetime:
        """Return the wall clock's moment, aware and in UTC: for the log and for people."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back: for durations."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


# --- the log ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A view as it was after the event with number `seq`."""

    view: str
    seq: int
    state: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Damage:
    """One place where the log is not what was written."""

    seq: int
    what: str


class EventLog(Protocol):
    """The append-only log: the only truth that outlives the process."""

    def append(self, drafts: Sequence[Draft], *, request: str | None = None) -> list[Event]:
        """Append *drafts* in one durable transaction and return them as events.

        With *request* (an id the caller made) the call may be repeated: the second time nothing is appended and the
        events of the first are returned. Raises `Conflict` when an expected version is not the stream's, and then
        appends none; `StoreError` when nothing could be written.
        """
        ...

    def read(self, after: int = 0, *, stream: str | None = None, limit: int | None = None) -> Iterator[Event]:
        """Yield events with a number greater than *after*, in order."""
        ...

    def head(self) -> int:
        """Return the number of the last event, 0 for an empty log."""
        ...

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep *snapshot* in the place of the view's former one."""
        ...

    def load_snapshot(self, view: str) -> Snapshot | None:
        """Return the view's snapshot, if there is one that the log still reaches."""
        ...

    def verify(self) -> list[Damage]:
        """Check the whole chain and return what is wrong, oldest first; an empty list is a sound log."""
        ...

    def close(self) -> None:
        """Let go of files; safe to repeat."""
        ...


# --- the terminal ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opening:
    """A window that is to be made for one generation of an agent."""

    agent: AgentId
    generation: int
    session: str
    window: str
    index: int
    argv: tuple[str, ...]
    """The pane's command: the shim and its launch file; holds no text of a user."""
    cwd: str


@dataclass(frozen=True, slots=True)
class Pane:
    """One pane that carries our marks, as the terminal shows it now."""

    id: PaneId
    agent: AgentId
    generation: int
    typed: int
    """How many messages were typed into this generation (`@agentctl_seq`)."""
    session: str
    window: str
    window_id: str
    index: int
    pid: int
    dead: bool
    exit_code: int | None
    """Where it is dead and the terminal knows: the exit status, or 128 + signal."""
    mode: bool
    """A person scrolls or searches there (copy mode), so keys would be swallowed."""
    marked: bool
    """False where the marks are gone and the pane was recognised by its start command."""
    watched: bool = False
    """It is what a person's client shows now, so that keys pressed there come to it."""
    keyed: int = 0
    """When a person last pressed a key in its session, in seconds since the epoch; 0: never."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The outcome of one opening: a pane, or an error in words."""

    agent: AgentId
    generation: int
    pane: PaneId | None
    pid: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A pane's screen at one moment."""

    text: str
    """The visible lines with their colours (SGR sequences), nothing above them; raw, so clean before printing."""
    title: str
    alternate: bool
    """The program has taken the whole screen."""
    cursor: tuple[int, int]
    """Column and line, from 0."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """One terminal that a person has attached."""

    tty: str
    """Path of its device."""
    term: str
    """Its `TERM`."""
    kind: str
    """What it says of itself, `WezTerm 2024…`; empty where it says nothing."""


class Terminal(Protocol):
    """Somewhere agents live in windows that a person can watch: tmux.

    Every call answers within the driver's deadline or raises `TerminalUnreachable`; a server that is not there is an
    empty answer to `panes` and a `TerminalError` to anything that needs a pane.
    """

    async def connect(self) -> None:
        """Start the server where there is none and get ready to speak to it."""
        ...

    def server(self) -> Identity | None:
        """Return the server's process, None while none is known."""
        ...

    async def panes(self) -> list[Pane]:
        """Return every pane of ours, dead ones included."""
        ...

    async def open(self, openings: Sequence[Opening]) -> list[Opened]:
        """Make all windows in one batch; sessions come into being with their first window.

        A dead pane of the same agent is used again in its place (same pane id). Answers in the order asked.
        """
        ...

    async def close(self, panes: Collection[PaneId]) -> None:
        """Close the windows of *panes*; those already gone are no error."""
        ...

    async def arrange(self, pane: PaneId, opening: Opening, *, typed: int = 0) -> None:
        """Give *pane* the marks, window name, session and index of *opening*, wherever a person moved it.

        *typed* is how many texts this generation was given, for a pane that has lost its own count.
        """
        ...

    async def screen(self, pane: PaneId, *, history: int = 0, escapes: bool = False) -> str:
        """Return what the pane shows, and up to *history* lines above it; raw, so clean it before printing."""
        ...

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
        """Paste *text* and press *enter*, once: only if the pane is that agent's, alive, and saw *number* - 1 texts.

        The keys follow *enter_delay* seconds later as a call of its own; with None they are part of the same step. With
        *keyed* (a `Pane.keyed`) nothing is typed where a person watches the pane and has pressed a key since. Returns
        False, having typed nothing, where that does not hold. Control characters but newline and tab are dropped from
        *text*.
        """
        ...

    async def keys(
        self, pane: PaneId, agent: AgentId, generation: int, keys: Sequence[str], *, keyed: int | None = None
    ) -> bool:
        """Press named keys (`C-c`, `Escape`, `Enter`), under the same guard as `type` but for the number."""
        ...

    def drawn(self) -> AsyncIterator[frozenset[PaneId]]:
        """Yield the panes of ours whose screens may have changed: all of them first, then within 1.2 s of a change.

        A pane that keeps still costs nothing. The last change of a burst is always followed by one more word, so that
        who looks at the screen after each word has seen how it ended. Ends with `disconnect`.
        """
        ...

    async def shown(self, panes: Collection[PaneId]) -> dict[PaneId, Shown]:
        """Return what each of *panes* shows, from one call; those that are gone are left out."""
        ...

    async def ring(self, pane: PaneId) -> bool:
        """Raise the bell of the pane's window; False where it is not ours, dead or gone."""
        ...

    async def viewers(self) -> list[Viewer]:
        """Return the terminals that people have attached; empty where no server runs."""
        ...

    async def show_waiting(self, waiting: Sequence[tuple[AgentId, PaneId]]) -> None:
        """Show in status lines who waits for a person, the longest first, until the next call."""
        ...

    def changes(self) -> AsyncIterator[str]:
        """Yield a word whenever something may have changed, among them `gone` when the server went away.

        A hint only: whoever cares looks again with `panes`.
        """
        ...

    def poke(self) -> None:
        """Tell the server to look for children that ended: some lose the kernel's word of it."""
        ...

    async def disconnect(self) -> None:
        """Let go of the server; agents run on."""
        ...


# --- processes -------------------------------------------------------------------------------------------------------


class Processes(Protocol):
    """The machine's processes. A pid alone is never trusted: identity is (boot, pid, start)."""

    def identify(self, pid: int) -> Identity | None:
        """Return the identity of the process that has *pid* now, None where there is none."""
        ...

    def alive(self, process: Identity) -> bool:
        """Tell whether that very process still runs; a zombie does not."""
        ...

    def tree(self, agent: AgentId, root: Identity | None) -> list[Identity]:
        """Return every process of *agent*: descendants of *root* and *root* itself, and all that carry its mark."""
        ...

    def trees(self, roots: Mapping[AgentId, Identity | None]) -> dict[AgentId, list[Identity]]:
        """Return the `tree` of every agent in *roots*, from one pass over the process table."""
        ...

    def spare(self, process: Identity) -> None:
        """Never count *process*, nor what merely hangs below it, as any agent's: the terminal's server."""
        ...

    def marked(self, home: str) -> dict[AgentId, list[Identity]]:
        """Return every process on the machine that carries our mark for the state folder *home*, by agent."""
        ...

    def signal(self, processes: Collection[Identity], number: int) -> int:
        """Send signal *number* to those that are still the same process; return how many got it."""
        ...

    def ancestors(self, pid: int) -> list[int]:
        """Return *pid* and its parents up to 1; empty where the process is gone."""
        ...

    def listener(self, port: int) -> Identity | None:
        """Return the process that listens on the local TCP *port*, None where there is none or it cannot be told."""
        ...

    async def ended(self, process: Identity) -> None:
        """Return as soon as *process* has ended, without polling where the system can tell."""
        ...


# --- limits ----------------------------------------------------------------------------------------------------------


class Governor(Protocol):
    """Holds trees of processes to their limits, and tells what they take.

    Whatever happens to the governor or to its user, no process is left stopped.
    """

    def hold(self, leashes: Collection[Leash], *, spared: Collection[Identity] = ()) -> None:
        """Hold exactly *leashes* from now on; a tree that is in none of them runs free.

        *spared* processes are never part of any agent's tree: the terminal's server.
        """
        ...

    def rounds(self) -> AsyncIterator[Round]:
        """Yield what was seen, about once a second while there is anything to hold; ends with `close`.

        Raises `Unreachable` where the governor has ended; whoever asks again gets a new one.
        """
        ...

    async def close(self) -> None:
        """Let go of everything: what stands still runs on."""
        ...


# --- figures ---------------------------------------------------------------------------------------------------------


class SampleStore(Protocol):
    """Keeps what agents took of the machine, for a while. Figures are no events: a lost one changes nothing.

    Threads may share it. Every call raises `StoreError` where the store cannot be used; the next one tries again.
    """

    def append(self, rows: Sequence[Figures]) -> None:
        """Add *rows*, each to its second, its minute and its hour, in one step: all of them or none.

        What was written for the same agent and stretch before is added to, whatever order the clock gave them.
        """
        ...

    def read(
        self, agents: Collection[AgentId], since: int, until: int, resolution: Resolution, *, limit: int | None = None
    ) -> list[Figures]:
        """Return the rows of *agents* that begin at *since* or later and before *until*, by time, then by agent.

        At most *limit* of them, the oldest.
        """
        ...

    def trim(self, now: int) -> None:
        """Drop what is older than its resolution keeps, and what a clock that was wrong has put far ahead of *now*."""
        ...

    def close(self) -> None:
        """Let go of files; safe to repeat."""
        ...


# --- people ----------------------------------------------------------------------------------------------------------


class Notifier(Protocol):
    """One way to reach a person: a bell, the desktop, a webhook."""

    async def tell(self, note: Notification, to: str = "") -> str:
        """Tell *note*, and return in words what was done; *to* is what the way names behind its colon: a channel.

        Raises `Unreachable` where nobody could be told. Takes no longer than its own deadlines.
        """
        ...
