"""`restart`: stop agents and start them again."""

from __future__ import annotations

from typing import Annotated

import typer

from agentctl.cli.options import Format, Json, Timeout, duration, output_of
from agentctl.cli.progress import (
    RESULT_COLUMNS,
    Progress,
    exit_code,
    tell_failures,
    tell_kept_back,
    tell_questions,
)
from agentctl.control.client import Client
from agentctl.control.home import find_home

_DEFAULT_SECONDS = 120.0


def restart(
    context: typer.Context,
    selectors: Annotated[
        list[str], typer.Argument(metavar="SELECTOR...", help="Teams, agents or states: frontend, frontend/ui, @fatal.")
    ],
    *,
    new: Annotated[
        bool, typer.Option("--new", help="Begin new conversations; the old ones are not gone on with.")
    ] = False,
    timeout: Timeout = "",
    form: Format = "",
    json: Json = False,
) -> int:
    """Stop agents and start them again, each with a line when it is ready; past failures are forgotten.

    A coding agent goes on with its own conversation where its program can, and is told why it was started again.
    """
    output = output_of(context, form, json=json)
    limit = duration(timeout, "--timeout")
    seconds = limit.total_seconds() if limit else _DEFAULT_SECONDS
    try:
        with Progress(output, "Ctrl-C leaves, the restart goes on") as progress:
            result = Client(find_home()).call(
                "restart",
                {"selectors": selectors, "timeout": seconds, "new": new},
                on_item=progress.item,
                timeout=seconds + _DEFAULT_SECONDS,
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the restart goes on; watch it with: agentctl ps -w") from None
    tell_failures(result.get("failed") or (), output)
    tell_questions(result.get("asking") or (), output)
    tell_kept_back(result.get("kept_back") or (), output)
    if not output.for_people:
        output.records("DeployList", [result], RESULT_COLUMNS, name="team")
    return exit_code([result])
