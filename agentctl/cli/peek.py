"""`peek`: an agent's screen, without going there."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from agentctl.cli.ansi import only_colors
from agentctl.cli.options import Format, Json, output_of
from agentctl.control.client import Client
from agentctl.control.home import find_home
from agentctl.domain.text import safe_text


def peek(
    context: typer.Context,
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="The agent, for example frontend/pm.")],
    *,
    lines: Annotated[int, typer.Option("--lines", "-n", metavar="N", min=1, help="How many lines, from the end.")] = 40,
    ansi: Annotated[bool, typer.Option("--ansi", help="Keep colours, and nothing else; on a terminal only.")] = False,
    form: Format = "",
    json: Json = False,
) -> int:
    """Show the last lines of an agent's screen. Whatever a terminal would obey is taken out."""
    output = output_of(context, form, json=json)
    colored = ansi and output.for_people and sys.stdout.isatty()
    answer = Client(find_home()).call("peek", {"agent": agent, "lines": lines, "escapes": colored})
    if not output.for_people:
        output.records("ScreenList", [answer], (), name="agent")
    elif colored:
        output.raw(only_colors(str(answer["text"])))
    else:
        output.raw(safe_text(str(answer["text"])))
    return 0
