"""`schema`: the JSON Schema of team files."""

from __future__ import annotations

import typer

from agentctl.cli.options import output_of
from agentctl.cli.output import to_json


def schema(context: typer.Context) -> int:
    """Print the JSON Schema (draft-07) of team files, for editors and other programs."""
    from agentctl.spec.schema import team_schema  # noqa: PLC0415  loads pydantic

    output_of(context).raw(to_json(team_schema()))
    return 0
