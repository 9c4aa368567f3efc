"""`notify test`: whether the ways to tell you of your agents work."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agentctl.cli.columns import Column
from agentctl.cli.options import Format, Json, output_of
from agentctl.control.client import Client
from agentctl.control.home import find_home
from agentctl.domain.errors import PartlyDone

_ANSWER_SECONDS = 60.0
"""A webhook that does not answer is tried three times."""

_COLUMNS = (
    Column("WAY", lambda row: str(row["way"])),
    Column("TOLD", lambda row: "yes" if row["told"] else "no"),
    Column("HOW", lambda row: str(row["words"]), folds=True),
)


def try_out(
    context: typer.Context,
    ways: Annotated[
        list[str] | None,
        typer.Argument(metavar="WAY...", help="bell, desktop, webhook, slack, slack:#channel; none: all there are."),
    ] = None,
    *,
    form: Format = "",
    json: Json = False,
) -> int:
    """Tell you by each way that is configured that this is a test, and show what came of it.

    What it cannot know is whether you heard it: a terminal may ring no bell, and a desktop may show nothing.
    """
    output = output_of(context, form, json=json)
    answer: dict[str, Any] = Client(find_home()).call("notify", {"ways": ways or []}, timeout=_ANSWER_SECONDS)
    rows = answer["ways"]
    output.records("WayList", rows, _COLUMNS, name="way")
    if not rows:
        output.say("no way is configured: agentctl config show")
    told = sum(row["told"] for row in rows)
    return 0 if rows and told == len(rows) else PartlyDone.exit_code if told else 1
