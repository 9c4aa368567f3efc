"""`next`: go to the agent that has waited for a person the longest."""

from __future__ import annotations

from typing import Annotated

import typer

from agentctl.cli.attach import go_to
from agentctl.cli.options import Selectors, output_of
from agentctl.control.client import Client
from agentctl.control.home import find_home


def next_(
    context: typer.Context,
    selectors: Selectors = None,
    *,
    read_only: Annotated[bool, typer.Option("--read-only", "-r", help="Only look; no key reaches the agent.")] = False,
    show: Annotated[bool, typer.Option("--print", help="Print its name and go nowhere.")] = False,
) -> int:
    """Go to the window of the agent that has waited for you the longest; prefix-d brings you back.

    One whose budget is used up waits too. Where nobody waits it says so, and the exit code is 0. In a window of ours
    prefix-N does the same.
    """
    output = output_of(context)
    client = Client(find_home())
    waiting = client.call("next", {"selectors": selectors or []})["waiting"]
    if not waiting:
        output.say("nobody waits for you")
        return 0
    if show:
        output.line(waiting[0]["agent"])
        return 0
    return go_to(client.call("attach", {"selector": waiting[0]["agent"]}), read_only=read_only)
