"""`runner check`: is the program here, which version, has somebody logged in, and what of it agentctl can use."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from agentctl.cli.columns import Column
from agentctl.cli.options import Format, Json, output_of
from agentctl.cli.runner import in_order, load_runners, search_path
from agentctl.domain.text import safe_line
from agentctl.drivers.processes.family import Family
from agentctl.runners.installed import login_evidence
from agentctl.runners.registry import Runner

_VERSION_SECONDS = 10.0
"""Asked for its version the slowest program took 2 s, on a machine that had other things to do."""
_LONGEST_VERSION = 100


def _text(key: str) -> Any:  # noqa: ANN401  a reader of one key
    return lambda row: str(row[key])


_COLUMNS = (
    Column("RUNNER", _text("name")),
    Column("HERE", lambda row: "yes" if row["installed"] else "no"),
    Column("VERSION", _text("version"), folds=True),
    Column("LOGGED IN", _text("login"), folds=True),
    Column("STATE FROM", lambda row: ", ".join(row["state_from"]) or "nothing"),
    Column("RESUMES", lambda row: "yes" if row["resumes"] else "no"),
    Column("APPROVE", lambda row: ", ".join(row["approve"]) or "none", folds=True),
    Column("WHY", _text("why"), wide=True, folds=True),
)


def check(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[RUNNER]", help="One runner; none: all.", show_default=False)] = "",
    *,
    form: Format = "",
    json: Json = False,
) -> int:
    """Check runners: is the program here, which version, is somebody logged in, what can be used of it.

    Runs each program with its version option and nothing else. Whether somebody is logged in is a guess from variables
    and files; the program's own provider is never asked.
    """
    output = output_of(context, form, json=json)
    runners = load_runners()
    rows = [_row(runner) for runner in ([runners.get(name)] if name else in_order(runners))]
    output.records("RunnerCheckList", rows, _COLUMNS)
    missing = [row for row in rows if not row["installed"]]
    if name and missing:
        output.say(f"{name}: {missing[0]['why']}")
    return int(bool(name and missing))


def _row(runner: Runner) -> dict[str, Any]:
    found = runner.find(search_path())
    sources = [word for word, there in (("signals", runner.reports), ("screen", runner.rules)) if there]
    if runner.submit.channel == "inbox":
        sources.append("worker")
    return {
        "name": runner.name,
        "installed": found.ok,
        "why": found.why,
        "version": _version([found.program, *runner.version]) if found.program and runner.version else "",
        "login": _login(runner),
        "state_from": sources,
        "proof": runner.submit.seen if runner.submit.channel == "typing" else runner.submit.channel,
        "resumes": bool(runner.session.resume),
        "approve": list(runner.approve),
    }


def _login(runner: Runner) -> str:
    if not (runner.login.env or runner.login.files):
        return "needs none" if not runner.coding else "not known"
    evidence = login_evidence(runner, os.environ, Path.home())
    return f"probably: {evidence}" if evidence else "probably not"


def _version(argv: Sequence[str]) -> str:
    """Run *argv* and return the first line it says; what takes too long is ended with all it has started."""
    mark = f"AGENTCTL_PROBE={os.urandom(8).hex()}"
    with tempfile.TemporaryFile() as said:  # a pipe would stay open with whatever it leaves behind
        try:
            process = subprocess.Popen(
                argv,
                env={**os.environ, **dict([mark.split("=")])},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return f"cannot be run: {error.strerror}"
        family = Family(process.pid, mark)
        try:
            code = process.wait(_VERSION_SECONDS)
        except subprocess.TimeoutExpired:
            return f"no answer within {_VERSION_SECONDS:.0f} s"
        finally:
            family.kill()
            process.wait()
        said.seek(0)
        lines = said.read(64 * 1024).decode(errors="replace").strip().splitlines()
    line = safe_line(lines[0])[:_LONGEST_VERSION] if lines else ""
    return line if code == 0 else f"exit code {code}: {line}"
