"""`daemon`: the supervisor, by hand."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from agentctl.cli.columns import Column
from agentctl.cli.confirm import confirm
from agentctl.cli.moments import age
from agentctl.cli.options import Format, Json, Yes, call_of, output_of
from agentctl.cli.pace import pause
from agentctl.cli.supervisor_process import ensure_supervisor
from agentctl.control.client import Client
from agentctl.control.home import Home, find_home
from agentctl.domain.errors import NotFound, SupervisorUnreachable, TimedOut
from agentctl.domain.text import safe_text

_STOP_SECONDS = 10.0
_LOOK_EVERY_SECONDS = 0.05
_FOLLOW_EVERY_SECONDS = 0.3

_COLUMNS = (
    Column("PID", lambda row: str(row["pid"])),
    Column("VERSION", lambda row: str(row["version"])),
    Column("FOR", lambda row: age(row.get("since"))),
    Column("TEAMS", lambda row: str(row["teams"])),
    Column("AGENTS", lambda row: str(row["agents"])),
    Column("TMUX", lambda row: str((row.get("tmux") or {}).get("socket", ""))),
    Column("HOME", lambda row: str(row["home"]), folds=True),
)


def start(context: typer.Context) -> int:
    """Start the supervisor where none runs. Deploy does this by itself."""
    hello = ensure_supervisor(find_home())
    output_of(context).say(f"the supervisor runs, pid {hello['pid']}")
    return 0


def stop(context: typer.Context) -> int:
    """End the supervisor. Agents run on, unwatched, and are found again by the next one, which no tick starts."""
    output = output_of(context)
    home = find_home()
    client = Client(home)
    try:
        client.call("shutdown")
    except SupervisorUnreachable:
        home.keep_down()
        output.say("no supervisor is running")
        return 0
    deadline = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < deadline:
        if not home.pid_file.exists() and not _answers(client):
            output.say("the supervisor has ended; agents run on, and agentctl daemon start finds them again")
            return 0
        pause(_LOOK_EVERY_SECONDS)
    raise TimedOut(f"the supervisor still runs after {_STOP_SECONDS:g}s", hint="agentctl daemon logs")


def _answers(client: Client) -> bool:
    try:
        client.call("hello")
    except SupervisorUnreachable:
        return False
    return True


def status(context: typer.Context, *, form: Format = "", json: Json = False) -> int:
    """Tell whether the supervisor runs; exit code 5 when it does not."""
    output = output_of(context, form, json=json)
    home = find_home()
    hello = {"since": _started(home), **Client(home).call("hello")}
    output.records("SupervisorList", [hello], _COLUMNS, name="pid")
    if hello.get("silence"):
        output.say(f"tmux does not answer: {hello['silence']}", "yellow")
    return 0


def logs(
    context: typer.Context,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", metavar="N", min=0, help="How many lines to begin with.")] = 50,
) -> int:
    """Show the supervisor's own log, for finding faults; what happened to agents is in agentctl events."""
    output = output_of(context)
    path = find_home().logs / "supervisor.log"
    try:
        with path.open(errors="replace") as file:
            for line in file.readlines()[-lines:] if lines else []:
                output.line(line.rstrip("\n"))
            while follow:
                sys.stdout.write(safe_text(file.read()))
                sys.stdout.flush()
                pause(_FOLLOW_EVERY_SECONDS)
    except FileNotFoundError:
        raise NotFound(f"there is no log in {path.parent}", hint="agentctl daemon start") from None
    return 0


def install(
    context: typer.Context,
    *,
    show: Annotated[bool, typer.Option("--print", help="Only print what would be written.")] = False,
    yes: Yes = False,
) -> int:
    """Write a unit for systemd (or launchd) that starts the supervisor when you log in, and starts it again.

    Shows what it writes and asks first. Agents survive a stop of the unit.
    """
    from agentctl.cli.units import unit_for  # noqa: PLC0415  only this command

    output = output_of(context)
    unit = unit_for(find_home(), sys.platform)
    output.say(f"{unit.path}:")
    output.raw(unit.text.rstrip("\n"))
    if show:
        return 0
    confirm(f"Write {unit.path}?", call_of(context), yes=yes)
    _write(unit.path, unit.text)
    output.say(f"written. To switch it on: {unit.enable}")
    return 0


def _started(home: Home) -> str | None:
    """Return when the supervisor took its lock: that is when it wrote its pid file."""
    try:
        return datetime.fromtimestamp(home.pid_file.stat().st_mtime, UTC).isoformat(timespec="seconds")
    except OSError:
        return None


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text)
    fresh.replace(path)
