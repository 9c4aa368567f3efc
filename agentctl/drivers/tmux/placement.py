"""Where windows go: pure decisions over one listing, made into command lines.

The rules: never two windows of one agent, never a finger on what is not ours, and an occupied place is no error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from agentctl.domain.names import AgentId, PaneId, is_name
from agentctl.domain.ports import Opening
from agentctl.drivers.tmux.invoke import SIZE
from agentctl.drivers.tmux.listing import AGENT, GENERATION, HOME, SESSION, TYPED, Owned, Row
from agentctl.drivers.tmux.quote import line, literal

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,79}")
_MADE = "#{pane_id} #{pane_pid}"
_MOST_INDEX = 10_000


@dataclass(frozen=True, slots=True)
class Place:
    """What is to be done for one opening."""

    opening: Opening
    act: Literal["keep", "reuse", "session", "window", "refuse"]
    pane: PaneId | None = None
    pid: int = 0
    index: int = 0
    error: str = ""


def is_agent(text: str) -> bool:
    """Tell whether *text* is an agent's id, so that it can stand in a tmux format."""
    team, slash, agent = text.partition("/")
    return bool(slash) and is_name(team) and is_name(agent)


def is_ours(row: Row, home: str) -> bool:
    """Tell whether the row's session was made by this state folder."""
    return row.made.startswith(f"{home}/")


class Map:
    """The server as one listing showed it, with what is planned on top."""

    def __init__(self, rows: Sequence[Row], owned: Sequence[Owned], home: str) -> None:
        self.home = home
        self.by_agent: dict[AgentId, list[Owned]] = {}
        for own in owned:
            self.by_agent.setdefault(own.agent, []).append(own)
        self.taken: dict[str, set[int]] = {}
        for row in rows:
            self.taken.setdefault(row.session, set()).add(row.index)
        self.ours = {row.session for row in rows if is_ours(row, home)} | {own.row.session for own in owned}

    def plan(self, openings: Sequence[Opening]) -> list[Place]:
        """Return a place for each opening, in the order asked."""
        wished: dict[str, set[int]] = {}
        for opening in openings:
            wished.setdefault(opening.session, set()).add(opening.index)
        seen: set[AgentId] = set()
        places = []
        for opening in openings:
            error = _fault(opening) or ("it is asked for twice" if opening.agent in seen else "")
            seen.add(opening.agent)
            places.append(Place(opening, "refuse", error=error) if error else self._place(opening, wished))
        return places

    def _place(self, opening: Opening, wished: dict[str, set[int]]) -> Place:
        found = self.by_agent.get(opening.agent, [])
        for own in found:
            if own.generation == opening.generation:
                return Place(opening, "keep", own.row.pane, own.row.pid)
        for own in found:
            if not own.row.dead:
                error = f"{opening.agent} still runs as generation {own.generation} in pane {own.row.pane}"
                return Place(opening, "refuse", error=error)
        if found:
            return Place(opening, "reuse", found[0].row.pane)
        return self._new(opening, wished[opening.session])

    def _new(self, opening: Opening, wished: set[int]) -> Place:
        session = opening.session
        taken = self.taken.get(session)
        if taken is None:
            self.taken[session] = {opening.index}
            self.ours.add(session)
            return Place(opening, "session", index=opening.index)
        if session not in self.ours:
            error = f"a tmux session {session} is there that is not ours: rename it, or use another socket"
            return Place(opening, "refuse", error=error)
        index = opening.index if opening.index not in taken else free(opening.index, taken | wished)
        taken.add(index)
        return Place(opening, "window", index=index)


def free(index: int, taken: set[int]) -> int:
    """Return the first index from *index* on that is not taken."""
    while index in taken:
        index += 1
    return index


def _fault(opening: Opening) -> str:
    """Return what is wrong with an opening; names are checked because tmux runs `#(command)` in them."""
    if not is_agent(opening.agent) or opening.generation < 1:
        return "its id or generation is not valid"
    if not (_NAME.fullmatch(opening.session) and _NAME.fullmatch(opening.window)):
        return "its session or window name is not valid"
    if not 0 <= opening.index < _MOST_INDEX or not opening.argv:
        return "its index or command is not valid"
    return ""


def _program(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return *argv* in at least two words, because tmux hands a single word to a shell."""
    return argv if len(argv) > 1 else ("env", *argv)


def creation(place: Place, home: str) -> list[str]:
    """Return the commands that start the agent's process; the first one prints the pane and its pid."""
    opening = place.opening
    session = opening.session
    program = _program(opening.argv)
    if place.act == "reuse" and place.pane is not None:
        return [
            line("respawn-pane", "-t", place.pane, *program),
            line("display-message", "-p", "-t", place.pane, _MADE),
        ]
    if place.act == "window":
        target = f"={session}:{place.index}"
        return [line("new-window", "-d", "-t", target, "-n", opening.window, "-P", "-F", _MADE, *program)]
    size = ("-x", str(SIZE[0]), "-y", str(SIZE[1]), "-c", literal(opening.cwd))
    return [
        line("new-session", "-d", "-s", session, "-n", opening.window, *size, "-P", "-F", _MADE, *program),
        *adoption(session, home),
        line("move-window", "-d", "-s", f"={session}:^", "-t", f"={session}:{place.index}"),
    ]


def adoption(session: str, home: str) -> list[str]:
    """Return the commands that mark a session we made, and keep it while nobody is attached."""
    return [
        line("set-option", "-t", f"={session}:", "destroy-unattached", "off"),
        line("set-option", "-t", f"={session}:", SESSION, f"{home}/{session}"),
    ]


def marks(pane: PaneId, opening: Opening, home: str, typed: int = 0) -> list[str]:
    """Return the commands that mark a pane as the agent's and keep it as we need it.

    `synchronize-panes` off shields the agent from keys that a person types into several panes at once.
    """
    options = {
        HOME: home, AGENT: opening.agent, GENERATION: str(opening.generation), TYPED: str(typed),
        "remain-on-exit": "on", "allow-rename": "off", "synchronize-panes": "off",
    }  # fmt: skip
    return [line("set-option", "-p", "-t", pane, name, value) for name, value in options.items()]
