"""`runner ls` and `runner show`: the programs that agents can be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from agentctl.cli.columns import Column
from agentctl.cli.options import Format, Json, output_of
from agentctl.cli.pulse import what_it_holds
from agentctl.domain.codec import encode
from agentctl.runners.installed import packaged_version
from agentctl.runners.registry import Runner, Runners


def _text(key: str) -> Any:  # noqa: ANN401  a reader of one key
    return lambda row: str(row[key])


_COLUMNS = (
    Column("RUNNER", _text("name")),
    Column("WHAT", _text("title")),
    Column("KIND", lambda row: "coding agent" if row["coding"] else "program"),
    Column("HERE", lambda row: "yes" if row["installed"] else "no"),
    Column("VERSION", _text("version_here")),
    Column("WHY", _text("why"), folds=True),
)


def ls(context: typer.Context, *, form: Format = "", json: Json = False) -> int:
    """List the runners, in the order in which auto looks for a coding agent, and whether they are installed."""
    output = output_of(context, form, json=json)
    runners = load_runners()
    output.records("RunnerList", [_row(runner) for runner in in_order(runners)], _COLUMNS)
    if output.for_people:
        choice = runners.choose("auto", search_path())
        output.say(f"runner: auto is {choice.runner.name} here: {choice.reason}")
    return 0


def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="RUNNER", help="The runner, for example shell.")],
    *,
    form: Format = "",
    json: Json = False,
) -> int:
    """Show how one runner starts, how it is known to be ready, and how a message gets in."""
    output = output_of(context, form, json=json)
    runner = load_runners().get(name)
    row: dict[str, Any] = {**encode(runner), **_row(runner)}
    if not output.for_people:
        output.records("RunnerList", [row], _COLUMNS)
        return 0
    for key, value in _flat(row):
        output.line(f"{key:<22} {value}")
    return 0


def load_runners() -> Runners:
    """Return the runners that are shipped, changed and extended by the user's."""
    from agentctl.spec.settings import config_folder  # noqa: PLC0415  loads YAML

    return Runners.load(config_folder() / "runners")


def in_order(runners: Runners) -> list[Runner]:
    """Return all runners, coding agents first, as auto looks for them."""
    coding = list(runners.coding())
    return coding + [runner for name in runners.names() if not (runner := runners.get(name)).coding]


def search_path() -> str:
    """Return where programs are looked for."""
    return os.environ.get("PATH", "")


def _row(runner: Runner) -> dict[str, Any]:
    found = runner.find(search_path())
    return {
        "name": runner.name,
        "title": runner.title,
        "coding": runner.coding,
        "installed": found.ok,
        "program": found.program,
        "version_here": packaged_version(found.program) if found.program else "",
        "why": found.why,
        "pulse": what_it_holds(runner.pulse_holds),
        "source": runner.source,
    }


def _flat(row: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for key, value in row.items():
        if isinstance(value, dict):
            lines += _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for item in value:
                lines += _flat(item, f"{prefix}{key}.{item.get('name', '')}.")
        else:
            lines.append((prefix + key, _plain(value)))
    return lines


def _plain(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(_plain, value))
    return "" if value is None else str(value)
