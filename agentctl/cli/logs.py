"""`logs`: what agents wrote."""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from agentctl.cli.options import Selectors, output_of
from agentctl.cli.output import Output, to_json
from agentctl.control.client import ANSWER_SECONDS, Client
from agentctl.control.home import find_home
from agentctl.domain.errors import UsageError
from agentctl.domain.text import safe_text

_COLORS = ("cyan", "magenta", "yellow", "green", "blue")


def logs(
    context: typer.Context,
    selectors: Selectors = None,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    lines: Annotated[
        int, typer.Option("--lines", "-n", metavar="N", min=1, help="How many lines of each agent to begin with.")
    ] = 100,
    grep: Annotated[
        str, typer.Option("--grep", metavar="REGEX", help="Only lines that fit this regular expression.")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> int:
    """Show what agents wrote; without a selector, all of them. Each line is headed by its agent."""
    output = output_of(context, json=json)
    wanted = _pattern(grep)
    width = 0

    def show(item: Mapping[str, Any]) -> None:
        nonlocal width
        line = safe_text(str(item["line"]))
        if wanted is not None and not wanted.search(line):
            return
        width = max(width, len(str(item["agent"])))
        output.raw(_shown(str(item["agent"]), line, width, output))
        if follow:
            sys.stdout.flush()

    args = {"selectors": selectors or [], "lines": lines, "follow": follow}
    try:
        Client(find_home()).call("logs", args, on_item=show, timeout=None if follow else ANSWER_SECONDS)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("agents run on") from None
    return 0


def _shown(agent: str, line: str, width: int, output: Output) -> str:
    if not output.for_people:
        return to_json({"agent": agent, "line": line}, indent=None)
    if not sys.stdout.isatty():
        return f"{agent}\t{line}"
    color = _COLORS[zlib.crc32(agent.encode()) % len(_COLORS)]
    return f"{output.painted(agent, color)}{' ' * (width - len(agent))} | {line}"


def _pattern(text: str) -> re.Pattern[str] | None:
    if not text:
        return None
    try:
        return re.compile(text)
    except re.error as error:
        raise UsageError(f"--grep is no regular expression: {error}") from None
