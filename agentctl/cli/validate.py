"""`validate`: check team files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from agentctl.cli.folder import here
from agentctl.cli.options import Teams, output_of
from agentctl.cli.team_files import chosen_files, load_teams, near_files
from agentctl.domain.text import safe_text


def validate(
    context: typer.Context,
    teams: Teams = None,
    *,
    resolved: Annotated[
        bool, typer.Option("--resolved", help="Print each file as it is after extends, defaults and variables.")
    ] = False,
) -> int:
    """Check team files and show every problem of every file at once; without names, all files that are near.

    Exit code 3 when something is wrong. Nothing is started or changed.
    """
    output = output_of(context)
    folder = here()
    paths = chosen_files(teams, folder) if teams else near_files(folder) or chosen_files([], folder)
    specs = load_teams(paths, folder)
    for path, spec in zip(paths, specs, strict=True):
        if resolved:
            output.raw(safe_text(_resolved(path)).rstrip("\n"))
        else:
            count = f"{len(spec.agents)} agent{'' if len(spec.agents) == 1 else 's'}"
            output.line(f"{path}: team {spec.name}, {count}, no problems")
        for note in spec.notes:
            output.say(f"note: {note}", "yellow")
    return 0


def _resolved(path: Path) -> str:
    from agentctl.spec.load import resolved_document  # noqa: PLC0415  only with this flag

    return str(resolved_document(path, variables=os.environ, folder=here()))
