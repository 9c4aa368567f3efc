"""Emergency cleanup: find and end all that is ours, with no supervisor, no database and no event loop.

Only what carries our marks is touched: the supervisor proven by its files and its own mark, agents by pane, mark and
descent. The terminal comes in as two calls, and one that does not answer hides its panes but saves no process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentctl.domain.agent import Identity
from agentctl.domain.errors import TerminalError, Unreachable
from agentctl.domain.names import AgentId, PaneId
from agentctl.domain.ports import Pane
from agentctl.domain.text import safe_line
from agentctl.drivers.ending import end_all, end_these
from agentctl.drivers.governor import cgroups
from agentctl.drivers.governor.frozen import left_behind
from agentctl.drivers.governor.guardian import release
from agentctl.drivers.processes import SystemProcesses

_SUPERVISOR_GRACE_SECONDS = 2.0  # it lets go of everything in milliseconds, or it hangs
_ATTENDANTS_SECONDS = 1.0
"""What the supervisor had run for it ends by itself, once it sees that its supervisor is gone."""

_LONGEST_COMMAND = 200

ListPanes = Callable[[], Sequence[Pane]]
ClosePanes = Callable[[Sequence[PaneId]], None]


@dataclass(frozen=True, slots=True)
class Found:
    """What there is of one home, and exactly what `act` will end."""

    socket: str
    supervisor: Identity | None
    processes: Mapping[AgentId, list[Identity]]
    commands: Mapping[Identity, str]
    """Command lines for a person, cleaned and cut."""
    panes: tuple[Pane, ...]
    terminal_fault: str = ""
    """Why the panes are not known, where they are not."""
    attendants: tuple[Identity, ...] = ()
    """What the supervisor has run for it: its governor, and the governor's guardian."""
    frozen: Path = Path()
    """The governor's table of what stands still."""

    @property
    def empty(self) -> bool:
        """Tell whether there is nothing to end; False where the terminal did not say."""
        return not (self.supervisor or self.attendants or self.processes or self.panes or self.terminal_fault)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was ended and closed, and what was not."""

    ended: tuple[Identity, ...]
    survivors: tuple[Identity, ...]
    closed: tuple[PaneId, ...]
    terminal_fault: str = ""

    @property
    def complete(self) -> bool:
        """Tell whether nothing of ours is left, as far as can be known."""
        return not self.survivors and not self.terminal_fault


def find(home: Path, socket: str, processes: SystemProcesses, list_panes: ListPanes) -> Found:
    """Return what is there of the state folder *home*; *processes* must have been made for its id.

    *socket* only names the terminal's server in what is shown. Raises `Unreachable` where the process table cannot be
    read.
    """
    panes, fault = _ask_terminal(list_panes)
    supervisor = _find_supervisor(home / "run", processes)
    trees = _find_trees(processes, panes)
    attendants = tuple(one for one in processes.attendants() if one != supervisor)
    everyone = [*(one for tree in trees.values() for one in tree), *attendants, *([supervisor] if supervisor else [])]
    commands = {one: safe_line(processes.command(one))[:_LONGEST_COMMAND] for one in everyone}
    return Found(socket, supervisor, trees, commands, tuple(panes), fault, attendants, home / "run" / "frozen")


def act(
    found: Found,
    processes: SystemProcesses,
    *,
    list_panes: ListPanes,
    close_panes: ClosePanes,
    grace_seconds: float,
    wait: Callable[[float], None],
) -> Outcome:
    """End what was found: the supervisor first, so that it restarts nothing; then agents; then close their windows.

    What stands still is let go first: a frozen process does not hear that it is to end.

    What came into being since `find` and carries our marks is ended too, and stands in the outcome. Safe to repeat.
    """
    survivors = []
    groups = list(cgroups.bases(processes.home_id))
    if found.supervisor is not None:
        survivors += end_these(processes, [found.supervisor], grace_seconds=_SUPERVISOR_GRACE_SECONDS, wait=wait)
    release(processes.source, left_behind(found.frozen, processes.source.boot), groups)
    panes, fault = _ask_terminal(list_panes)
    trees = _merge(found.processes, _find_trees(processes, panes))
    survivors += end_all(processes, trees, grace_seconds=grace_seconds, wait=wait)
    targets = {one for tree in trees.values() for one in tree} | {*found.attendants}
    targets |= {found.supervisor} if found.supervisor else set()
    survivors += end_these(processes, processes.attendants(), grace_seconds=_ATTENDANTS_SECONDS, wait=wait)
    for base in groups:
        cgroups.clear(base)
    closed, fault = _close(list_panes, close_panes, fault)
    return Outcome(
        ended=tuple(sorted(targets - set(survivors), key=lambda one: one.pid)),
        survivors=tuple(one for one in survivors if processes.alive(one)),
        closed=closed,
        terminal_fault=fault,
    )


def _ask_terminal(list_panes: ListPanes) -> tuple[Sequence[Pane], str]:
    try:
        return list_panes(), ""
    except (Unreachable, TerminalError) as error:
        return (), error.message


def _close(list_panes: ListPanes, close_panes: ClosePanes, fault: str) -> tuple[tuple[PaneId, ...], str]:
    if fault:
        return (), fault
    panes, fault = _ask_terminal(list_panes)
    closed = tuple(pane.id for pane in panes)
    if not closed:
        return (), fault
    try:
        close_panes(closed)
    except (Unreachable, TerminalError) as error:
        return (), error.message
    return closed, ""


def _find_trees(processes: SystemProcesses, panes: Sequence[Pane]) -> dict[AgentId, list[Identity]]:
    for pane in panes:
        root = None if pane.dead else processes.identify(pane.pid)
        if root is not None:
            processes.remember(pane.agent, [root])
    agents = [*processes.marked(processes.home_id), *(pane.agent for pane in panes)]
    return {agent: tree for agent, tree in processes.trees(dict.fromkeys(agents)).items() if tree}


def _merge(
    before: Mapping[AgentId, list[Identity]], now: Mapping[AgentId, list[Identity]]
) -> dict[AgentId, list[Identity]]:
    agents = [*before, *(agent for agent in now if agent not in before)]
    return {agent: list(dict.fromkeys([*before.get(agent, []), *now.get(agent, [])])) for agent in agents}


def _find_supervisor(run: Path, processes: SystemProcesses) -> Identity | None:
    """Return the home's supervisor: named by its pid file or holding its lock, and carrying its mark."""
    for process in (_read_pid_file(run / "supervisor.pid"), *_lock_holders(run / "supervisor.lock", processes)):
        if process is not None and process.pid != os.getpid() and processes.is_supervisor(process):
            return process
    return None


def _read_pid_file(path: Path) -> Identity | None:
    """Return the process that the file names as `pid start_ticks boot_id`; None where it names none."""
    try:
        pid, start, boot = path.read_text(encoding="ascii").split()
        return Identity(boot, int(pid), int(start))
    except (OSError, ValueError):
        return None


def _lock_holders(lock: Path, processes: SystemProcesses) -> list[Identity]:
    """Return who holds the lock file, by the kernel's own list; none where it has no such list."""
    try:
        inode = str(lock.stat().st_ino)
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return []
    # 1: FLOCK  ADVISORY  WRITE 708 00:13:11490 0 EOF; devices are not compared, they differ on layered file systems
    fields = [line.split() for line in lines if "->" not in line]
    pids = [int(field[4]) for field in fields if len(field) > 5 and field[5].rpartition(":")[2] == inode]  # noqa: PLR2004
    return [process for process in map(processes.identify, pids) if process is not None]
