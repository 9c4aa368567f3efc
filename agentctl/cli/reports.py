"""`reports`: what agents have answered to check-ins, over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from agentctl.cli.columns import Column
from agentctl.cli.moments import age
from agentctl.cli.options import Format, Json, Selectors, output_of
from agentctl.cli.report_words import PARTS, lines_of
from agentctl.control.client import Client
from agentctl.control.home import find_home


def _part(part: str) -> Any:  # noqa: ANN401  a reader of one part
    return lambda row: "; ".join(lines_of(row, part))


def _age(row: Mapping[str, Any]) -> str:
    return f"{age(row['at'])} ago"


COLUMNS = (
    Column("AGENT", lambda row: str(row["agent"])),
    Column("REPORTED", _age),
    Column("CHECK-IN", lambda row: str(row["message"]), wide=True),
    *(Column(title.upper(), _part(part), folds=True) for part, title in PARTS),
)


def ls(
    context: typer.Context,
    selectors: Selectors = None,
    *,
    lines: Annotated[int, typer.Option("--lines", "-n", metavar="N", min=1, help="The newest so many.")] = 20,
    form: Format = "",
    json: Json = False,
) -> int:
    """List what agents answered to check-ins, the newest last, in their own words.

    The whole answer stands with its check-in: agentctl messages show ID, with the id that -o wide shows.
    """
    output = output_of(context, form, json=json)
    args = {"selectors": selectors or [], "limit": lines}
    reports = Client(find_home()).call("reports", args)["reports"]
    output.records("ReportList", reports, COLUMNS, name="message")
    if not reports and output.for_people:
        output.say("no reports yet; agents are asked for one at check_in of the team file")
    return 0
