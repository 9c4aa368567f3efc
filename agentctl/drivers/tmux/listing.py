"""All panes of a server in one listing, and which of them are ours.

A pane is ours by its marks: user options of the *pane*, which go with it wherever a person moves it. Its start command
holds the launch file, so a pane whose marks are not yet or no longer there is known by that; and where the two disagree
about the generation, the start command is right, because it changes together with the process.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from agentctl.domain.names import AgentId, PaneId, agent_id
from agentctl.domain.ports import Pane

HOME = "@agentctl_home"
AGENT = "@agentctl_agent"
GENERATION = "@agentctl_generation"
TYPED = "@agentctl_seq"
SESSION = "@agentctl_session"
"""Option of a session that we made: its home and the name we gave it."""

_FIELDS = (
    "pane_id", HOME, AGENT, GENERATION, TYPED, "pane_dead", "pane_dead_status", "pane_dead_signal", "pane_pid",
    "pane_in_mode", "window_id", "window_panes", "window_index", "session_id", "window_active", "pane_active",
    "session_attached", "session_last_attached", "session_activity", "n:" + SESSION, "n:session_name", "n:window_name",
)  # fmt: skip
FORMAT = "|".join(f"#{{{name}}}" for name in (*_FIELDS, SESSION, "session_name", "window_name", "pane_start_command"))
"""Free texts come last, and their lengths before them, so that nothing a person writes can shift a field."""

LIST = f'list-panes -a -F "{FORMAT}"'

_LAUNCH = re.compile(r"/agents/([a-z][a-z0-9_-]{0,30})/([a-z][a-z0-9_-]{0,30})/launch\.(\d{1,9})")
_ESCAPED = re.compile(r"\\([0-7]{3}|.)", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "s": " ", "a": "\a", "b": "\b", "v": "\v", "f": "\f", "0": "\0"}


@dataclass(frozen=True, slots=True)
class Row:
    """One pane of the server, ours or not, as tmux tells it."""

    pane: PaneId
    home: str
    agent: str
    generation: int
    typed: int
    dead: bool
    exit_code: int | None
    pid: int
    mode: bool
    window_id: str
    panes: int
    index: int
    session_id: str
    made: str
    """`SESSION` of its session."""
    session: str
    window: str
    start: str
    watched: bool = False
    """A client shows it now, in this session, and gives it the keys."""
    keyed: int = 0
    """When a client of this session last got a key or was attached, 0 for never; what we type ourselves is no key."""


@dataclass(frozen=True, slots=True)
class Owned:
    """A pane of ours: the row, and which generation of which agent it runs."""

    row: Row
    agent: AgentId
    generation: int
    marked: bool

    @property
    def typed(self) -> int:
        """Return how many texts this generation was given, 0 where its marks do not say."""
        return self.row.typed if self.row.generation == self.generation else 0


def parse(lines: tuple[str, ...]) -> list[Row]:
    """Return the rows of a listing; raise ValueError where a line that looks like one cannot be read.

    A start command of a person's may go over several lines; the further ones are passed over.
    """
    return [_row(text) for text in lines if text.startswith("%") and text.count("|") >= len(_FIELDS)]


def _row(text: str) -> Row:
    *fixed, free = text.split("|", len(_FIELDS))
    (pane, home, agent, generation, typed, dead, status, death, pid, mode, window_id, panes, index, session_id,
     in_front, active, clients, ever, activity, *lengths) = fixed  # fmt: skip
    texts = []
    rest = free.encode()
    for length in map(int, lengths):
        texts.append(rest[:length].decode(errors="replace"))
        rest = rest[length + 1 :]
    made, session, window = texts
    return Row(
        PaneId(pane), home, agent, _number(generation), _number(typed), dead == "1", _exit_code(status, death),
        int(pid), mode not in ("", "0"), window_id, int(panes), int(index), session_id, made, session, window,
        rest.decode(errors="replace"), in_front == active == "1" and clients not in ("", "0"),
        _number(activity) if _number(ever) else 0,
    )  # fmt: skip


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _exit_code(status: str, death: str) -> int | None:
    """Return the status, or 128 + the signal, which tmux gives as a number or a name; None where it knows neither."""
    if status.isdigit():
        return int(status)
    if death:
        return 128 + (int(death) if death.isdigit() else signal.Signals[f"SIG{death}"].value)
    return None


def launched(start: str, run_dir: Path) -> tuple[AgentId, int] | None:
    """Return the agent and generation whose launch file under *run_dir* ends a start command."""
    if "/launch." not in start:
        return None
    text = _ESCAPED.sub(_unescape, start)
    text = text[:-1] if text.endswith(('"', "'")) else text
    before, found, after = text.rpartition(f"{run_dir}/agents/")
    match = _LAUNCH.fullmatch(f"/agents/{after}") if found and before.endswith((" ", '"', "'")) else None
    return (agent_id(match[1], match[2]), int(match[3])) if match else None


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    return chr(int(code, 8)) if len(code) == len("000") else _LETTERS.get(code, code)


def owned(rows: list[Row], home: str, run_dir: Path) -> list[Owned]:
    """Return the panes of state folder *home* among *rows*."""
    found = []
    for row in rows:
        started = launched(row.start, run_dir)
        marked = row.home == home and bool(row.agent) and row.generation > 0
        if row.home not in ("", home) or not (started or marked):
            continue
        agent, generation = started or (AgentId(row.agent), row.generation)
        found.append(Owned(row, agent, generation, marked and (row.agent, row.generation) == (agent, generation)))
    return found


def panes(ours: list[Owned], home: str, exit_code: Callable[[AgentId, int], int | None]) -> list[Pane]:
    """Return what the port tells of our panes, once each.

    A window that a person linked into several sessions is listed for each: it stands where we made it, and whoever
    watches it in any of them counts. *exit_code* is asked where tmux missed the death of a process.
    """
    found: dict[PaneId, Pane] = {}
    for own in sorted(ours, key=lambda own: own.row.made != f"{home}/{own.row.session}"):
        new = _pane(own, exit_code)
        old = found.get(new.id, new)
        found[new.id] = replace(old, watched=old.watched or new.watched, keyed=max(old.keyed, new.keyed))
    return list(found.values())


def _pane(own: Owned, exit_code: Callable[[AgentId, int], int | None]) -> Pane:
    row = own.row
    code = row.exit_code if row.dead else None
    if row.dead and code is None:
        code = exit_code(own.agent, own.generation)
    return Pane(
        row.pane, own.agent, own.generation, own.typed, row.session, row.window, row.window_id, row.index, row.pid,
        row.dead, code, row.mode, own.marked, row.watched, row.keyed,
    )  # fmt: skip
