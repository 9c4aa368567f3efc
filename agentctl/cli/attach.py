"""`attach`: go to an agent's window."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from agentctl.cli.options import output_of
from agentctl.cli.shell import shell_line
from agentctl.control.client import Client
from agentctl.control.home import find_home
from agentctl.domain.errors import Ambiguous, NotFound, UsageError


def attach(
    context: typer.Context,
    selector: Annotated[
        str | None, typer.Argument(metavar="SELECTOR", help="An agent or a team; none: the only team there is.")
    ] = None,
    *,
    read_only: Annotated[bool, typer.Option("--read-only", "-r", help="Only look; no key reaches the agent.")] = False,
    show: Annotated[bool, typer.Option("--print", help="Print the tmux command instead of running it.")] = False,
) -> int:
    """Go to an agent's window in tmux; prefix-d brings you back, and nothing ends when you leave.

    Outside tmux it attaches, inside the same server it switches to the window, inside another it opens a popup.
    """
    client = Client(find_home())
    place = client.call("attach", {"selector": selector or _only_team(client)})
    if show:
        output_of(context).line(shell_line(_argv(place, read_only=read_only)))
        return 0
    return go_to(place, read_only=read_only)


def go_to(place: Mapping[str, Any], *, read_only: bool) -> int:
    """Become the tmux that shows *place*, an answer to `attach`; raises `UsageError` where there is no terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("this is no terminal", hint=f"agentctl attach {place['agent']} --print shows the command")
    return _become(_argv(place, read_only=read_only))


def _argv(place: Mapping[str, Any], *, read_only: bool) -> list[str]:
    from agentctl.drivers.tmux.attach import attach_argv  # noqa: PLC0415  only once it is known where to go

    pane = place.get("pane") or ""
    return attach_argv(place["socket"], place["session"], pane=pane, environ=os.environ, read_only=read_only)


def _only_team(client: Client) -> str:
    teams = [row["team"] for row in client.call("ps", {"selectors": []})["teams"]]
    if len(teams) == 1:
        return str(teams[0])
    if not teams:
        raise NotFound("nothing is deployed", hint="agentctl deploy")
    raise Ambiguous(f"there are {len(teams)} teams", hint=f"say which: {', '.join(teams)}")


def _become(argv: list[str]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvp(argv[0], argv)  # noqa: S606  no shell is wanted: this process becomes tmux
    except OSError as error:
        raise NotFound(f"{argv[0]} cannot be started: {error.strerror}", hint="agentctl doctor") from None
