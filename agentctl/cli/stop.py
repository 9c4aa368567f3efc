"""`stop`: end agents or teams."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agentctl.cli.confirm import confirm
from agentctl.cli.ending import end
from agentctl.cli.options import Format, Grace, Json, Yes, call_of, duration, output_of
from agentctl.control.client import Client
from agentctl.control.home import Home, find_home


def stop(
    context: typer.Context,
    selectors: Annotated[
        list[str], typer.Argument(metavar="SELECTOR...", help="Teams, agents or states: frontend, frontend/ui, @idle.")
    ],
    *,
    grace: Grace = "",
    yes: Yes = False,
    form: Format = "",
    json: Json = False,
) -> int:
    """Stop agents: asked to end (TERM), and made to (KILL) when the grace is over, with all that they started.

    What is stopped stays stopped until the next deploy. Stopping whole teams at work asks first.
    """
    output = output_of(context, form, json=json)
    seconds = duration(grace, "--grace")
    home = find_home()
    at_work = [row["agent"] for row in _rows(home, selectors) if row.get("activity") == "working"]
    if at_work and any("/" not in selector for selector in selectors):
        confirm(f"{len(at_work)} at work: {', '.join(at_work)}. Stop them?", call_of(context), yes=yes)
    args = {"selectors": selectors, "grace": seconds.total_seconds() if seconds else None}
    return end(home, "stop", args, output, undo="agentctl deploy starts them again")


def _rows(home: Home, selectors: list[str]) -> list[dict[str, Any]]:
    return list(Client(home).call("ps", {"selectors": selectors})["agents"])
