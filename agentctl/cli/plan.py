"""`plan`: what deploy would do."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from agentctl.cli.environment import environment_for
from agentctl.cli.folder import here
from agentctl.cli.options import Format, Json, Teams, output_of
from agentctl.cli.plans import COLUMNS, changes_anything, flat, show_plans
from agentctl.cli.team_files import chosen_files, load_teams
from agentctl.control.client import Client
from agentctl.control.home import Home, find_home
from agentctl.domain.codec import encode
from agentctl.domain.errors import SupervisorUnreachable
from agentctl.domain.team import TeamSpec

CHANGES = 10
"""The exit code that says: there are changes."""


def plan(
    context: typer.Context,
    teams: Teams = None,
    *,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 10 when there are changes.")
    ] = False,
    form: Format = "",
    json: Json = False,
) -> int:
    """Show what deploy would do, and do nothing: + create, ~ change, - remove, = keep.

    Works without a supervisor, too: then against what the log last knew.
    """
    output = output_of(context, form, json=json)
    home = find_home()
    specs = load_teams(chosen_files(teams or [], here()), here())
    plans = [_plan(spec, home) for spec in specs]
    if output.form == "csv" or (output.for_people and not sys.stdout.isatty()):
        output.records("PlanList", flat(plans), COLUMNS, name="agent")
    elif output.for_people:
        show_plans(plans, output)
    else:
        output.records("PlanList", plans, (), name="team")
    return CHANGES if detailed_exitcode and changes_anything(plans) else 0


def _plan(spec: TeamSpec, home: Home) -> dict[str, Any]:
    try:
        environment = environment_for(spec, os.environ)
        return dict(Client(home).call("plan", {"team": encode(spec), "environment": environment}))
    except SupervisorUnreachable:
        from agentctl.cli.offline_plan import offline_plan  # noqa: PLC0415  loads the engine and the store

        return offline_plan(spec, home)
