"""Our panes found and closed by their marks alone: for when there is no supervisor, no database and no time.

Synchronous, one tmux process a call, and nothing is touched that does not carry a mark.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from agentctl.domain.errors import TerminalError
from agentctl.domain.names import AgentId, PaneId
from agentctl.drivers.tmux.closing import closing
from agentctl.drivers.tmux.invoke import Outcome, absent, call, hub_name, vanished
from agentctl.drivers.tmux.listing import FORMAT, launched, parse

_DEADLINE = 4.0  # seconds


@dataclass(frozen=True, slots=True)
class MarkedPane:
    """One pane that carries the mark of a state folder, or was started from its launch files."""

    id: PaneId
    home: str
    agent: AgentId
    generation: int
    pid: int
    dead: bool
    session: str
    window: str


def marked_panes(
    socket: str, *, home: str | None = None, run_dir: Path | None = None, deadline: float = _DEADLINE
) -> list[MarkedPane]:
    """Return the marked panes of *home*, or of every home where none is given; empty where no server runs.

    With *home* and *run_dir* panes are found too whose marks are lost but whose launch file was there. Raises
    `TerminalUnreachable` where the server does not answer.
    """
    outcome = call(socket, "list-panes", "-a", "-F", FORMAT, deadline=deadline)
    if absent(outcome) or vanished(outcome):
        return []
    found = []
    for row in parse(tuple(_checked(outcome).out.split("\n"))):
        started = launched(row.start, run_dir) if run_dir is not None and home and row.home in ("", home) else None
        agent, generation = started or (AgentId(row.agent), row.generation)
        if started or (row.home and row.home == (home or row.home)):
            whose = row.home or home or ""
            found.append(
                MarkedPane(row.pane, whose, agent, generation, row.pid, row.dead, row.session, row.window),
            )
    return found


def close(socket: str, panes: Collection[MarkedPane], *, deadline: float = _DEADLINE) -> int:
    """Close *panes* and return how many were still there; a pane id that now means another process is left alone."""
    outcome = call(socket, "list-panes", "-a", "-F", FORMAT, deadline=deadline)
    if absent(outcome) or vanished(outcome):
        return 0
    rows = parse(tuple(_checked(outcome).out.split("\n")))
    listed = {(one.id, one.pid) for one in panes}
    doomed = {row.pane for row in rows if (row.pane, row.pid) in listed}
    script = "".join(f"{text}\n" for text in closing(rows, doomed))
    if doomed:
        call(socket, "source-file", "-", deadline=deadline, stdin=script)
    return len(doomed)


def close_hub(socket: str, home: str, *, deadline: float = _DEADLINE) -> None:
    """End the session of our own client; a server of ours with nothing else in it ends with it."""
    _end_clients(socket, hub_name(home), deadline)
    outcome = call(socket, "kill-session", "-t", f"={hub_name(home)}", deadline=deadline)
    if not absent(outcome) and not vanished(outcome) and "can't find session" not in outcome.err:
        _checked(outcome)


def _end_clients(socket: str, hub: str, deadline: float) -> None:
    """End the control clients that sit in our hub.

    One whose supervisor was killed may never get rid of what it still has to say, and tmux 3.3a then waits for it in
    the middle of its own ending, for ever and deaf to everybody.
    """
    listed = call(
        socket, "list-clients", "-t", f"={hub}", "-F", "#{client_control_mode} #{client_pid}", deadline=deadline
    )
    for client in listed.out.splitlines() if not listed.code else ():
        control, _, pid = client.partition(" ")
        if control == "1" and pid.isdigit():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def server_pid(socket: str, *, deadline: float = _DEADLINE) -> int | None:
    """Return the pid of the server, None where none runs."""
    outcome = call(socket, "display-message", "-p", "#{pid}", deadline=deadline)
    if absent(outcome) or vanished(outcome):
        return None
    return int(_checked(outcome).out)


def _checked(outcome: Outcome) -> Outcome:
    if outcome.code:
        raise TerminalError(f"tmux says: {outcome.err.strip()}")
    return outcome
