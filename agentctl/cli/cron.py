"""`cron`: lines in the user's crontab that call `agentctl tick`, where no supervisor can stay."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from agentctl.cli.columns import Column
from agentctl.cli.confirm import confirm
from agentctl.cli.moments import age
from agentctl.cli.options import Format, Json, Yes, call_of, duration, output_of
from agentctl.cli.output import Output
from agentctl.control.home import Home, find_home
from agentctl.domain.errors import HomeUnusable, UsageError
from agentctl.drivers import crontab
from agentctl.engine.crontab import job, marked, put_in, take_out, timing

_EACH = timedelta(minutes=1)
_CARRIED = ("PATH", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "TMUX_TMPDIR", "XDG_RUNTIME_DIR")
"""What finds programs, our folders and the tmux server; of these cron itself gives a bare PATH only."""

_UNSEEN = {
    crontab.Daemon.NONE: "but no cron daemon is seen, start one",
    crontab.Daemon.UNKNOWN: "whether a cron daemon runs is not known",
}

_COLUMNS = (
    Column("HOME", lambda row: str(row["home"]), folds=True),
    Column("INSTALLED", lambda row: "yes" if row["installed"] else "no"),
    Column("TICKED", lambda row: f"{age(row['ticked'])} ago" if row["ticked"] else ""),
    Column("DAEMON", lambda row: f"{row['daemon']}: {row['evidence']}", folds=True),
    Column("LINE", lambda row: str(row["line"]), folds=True),
)


def install(
    context: typer.Context,
    *,
    every: Annotated[str, typer.Option("--every", metavar="DURATION", help="How often (default 1m).")] = "",
    yes: Yes = False,
) -> int:
    """Write a line into your crontab that calls agentctl tick; nothing else in it changes.

    Shows what it writes and asks first. It stands between two marks, is written once however often you ask, and has
    your PATH of now: install anew when that changes.
    """
    output, home = output_of(context), find_home()
    before = crontab.read()
    after = put_in(before or b"", home.id, _job(home, duration(every, "--every") or _EACH))
    if after == before:
        output.say("it is installed like this already")
        return 0
    _change(context, output, before, after, yes=yes)
    output.say("written; agentctl cron show tells when it ran")
    sight = crontab.sight()
    if sight.daemon in _UNSEEN:
        output.say(f"{_UNSEEN[sight.daemon]}: {sight.evidence}", "yellow")
    return 0


def show(context: typer.Context, *, form: Format = "", json: Json = False) -> int:
    """Show what is in your crontab for this state folder, when tick ran last, and whether a cron daemon is seen."""
    home = find_home()
    line = marked(crontab.read() or b"", home.id)
    sight = crontab.sight()
    row = {
        "home": str(home.path),
        "installed": line is not None,
        "line": os.fsdecode(line or b""),
        "ticked": _ticked(home),
        "daemon": sight.daemon.value,
        "evidence": sight.evidence,
    }
    output_of(context, form, json=json).records("CronList", [row], _COLUMNS, name="home")
    return 0


def remove(context: typer.Context, *, yes: Yes = False) -> int:
    """Take what agentctl cron install wrote out of your crontab; nothing else in it changes."""
    output, home = output_of(context), find_home()
    before = crontab.read()
    after = take_out(before or b"", home.id)
    if before is None or after == before:
        output.say("nothing of this state folder is in your crontab")
        return 0
    _change(context, output, before, after, yes=yes)
    output.say("removed")
    return 0


def _change(context: typer.Context, output: Output, before: bytes | None, after: bytes, *, yes: bool) -> None:
    """Show the difference, ask, and write."""
    old, new = (os.fsdecode(text).splitlines() for text in (before or b"", after))
    for line in difflib.unified_diff(old, new, "crontab", "crontab", n=1, lineterm=""):
        output.line(line)
    confirm("Change your crontab like this?", call_of(context), yes=yes)
    crontab.replace(before, after)


def _job(home: Home, every: timedelta) -> bytes:
    try:
        fields = timing(every)
    except ValueError as error:
        raise UsageError(f"--every: {error}") from None
    try:
        return job(fields, _variables(home, os.environ), [sys.executable, "-P", "-m", "agentctl", "tick"])
    except ValueError as error:
        raise HomeUnusable(str(error), hint="use other folders: see AGENTCTL_HOME, PATH and where Python is") from None


def _variables(home: Home, environ: Mapping[str, str]) -> dict[str, str]:
    carried = {name: environ[name] for name in _CARRIED if environ.get(name)}
    if "PATH" in carried:
        carried["PATH"] = ":".join(dict.fromkeys(carried["PATH"].split(":")))  # a line of cron may not be long
    return carried | ({"AGENTCTL_HOME": str(home.path)} if home.chosen else {})


def _ticked(home: Home) -> str | None:
    try:
        return datetime.fromtimestamp(home.ticked.stat().st_mtime, UTC).isoformat(timespec="seconds")
    except OSError:
        return None
