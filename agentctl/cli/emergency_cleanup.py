"""`emergency-cleanup`: end all that carries our marks, with no supervisor and no database."""

from __future__ import annotations

from typing import Annotated

import typer

from agentctl.cli.confirm import asks, confirm
from agentctl.cli.marked_windows import MarkedWindows
from agentctl.cli.options import Grace, Yes, call_of, duration, output_of
from agentctl.cli.output import Output
from agentctl.cli.pace import pause
from agentctl.control.home import find_home
from agentctl.drivers import emergency
from agentctl.drivers.processes import SystemProcesses

_GRACE_SECONDS = 2.0


def emergency_cleanup(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be ended.")] = False,
    grace: Grace = "",
    yes: Yes = False,
) -> int:
    """End everything of this state folder that carries our marks: supervisor, agents, all they started, their windows.

    For when nothing else works: asks neither the supervisor nor the database. Lists exactly what it will end; without
    --yes it asks, and where nobody can answer it only lists. Never goes by a process's name.

    Exit code 1 when something survived.
    """
    output = output_of(context)
    seconds = duration(grace, "--grace")
    home = find_home()
    processes, windows = SystemProcesses(home.id), MarkedWindows(home)
    found = emergency.find(home.path, home.tmux_socket, processes, windows.list)
    hub = "" if found.terminal_fault else windows.hub()
    _list(found, hub, output)
    if found.empty and not hub:
        output.say("nothing of ours is here")
        return 0
    if dry_run or not (yes or asks(call_of(context))):
        output.say("nothing was ended; agentctl emergency-cleanup -y ends it")
        return 0
    confirm("End all of this?", call_of(context), yes=yes)
    home.keep_down()
    outcome = emergency.act(
        found,
        processes,
        list_panes=windows.list,
        close_panes=windows.close,
        grace_seconds=_GRACE_SECONDS if seconds is None else seconds.total_seconds(),
        wait=pause,
    )
    if hub and not outcome.terminal_fault:
        windows.close_hub()
    return _tell(outcome, output)


def _list(found: emergency.Found, hub: str, output: Output) -> None:
    if found.supervisor is not None:
        output.line(f"supervisor\tpid {found.supervisor.pid}\t{found.commands.get(found.supervisor, '')}")
    for process in found.attendants:
        output.line(f"its governor\tpid {process.pid}\t{found.commands.get(process, '')}")
    for agent, tree in found.processes.items():
        for process in tree:
            output.line(f"{agent}\tpid {process.pid}\t{found.commands.get(process, '')}")
    for pane in found.panes:
        output.line(f"{pane.agent}\twindow {pane.session}:{pane.window}\tpane {pane.id} on tmux -L {found.socket}")
    if hub:
        output.line(f"our own client\tsession {hub}\ton tmux -L {found.socket}")
    if found.terminal_fault:
        output.say(f"windows are not known: {found.terminal_fault}", "yellow")


def _tell(outcome: emergency.Outcome, output: Output) -> int:
    output.say(f"{len(outcome.ended)} processes ended, {len(outcome.closed)} windows closed")
    for process in outcome.survivors:
        output.say(f"error: process {process.pid} is still there", "red")
    if outcome.terminal_fault:
        output.say(f"error: windows may be left: {outcome.terminal_fault}", "red")
    return 0 if outcome.complete else 1
