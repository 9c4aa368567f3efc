"""`schedules`: what is done by time, and when next."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import typer

from agentctl.cli.columns import Column
from agentctl.cli.moments import age, seconds_since
from agentctl.cli.options import Format, Json, Selectors, output_of
from agentctl.control.client import Client
from agentctl.control.home import find_home
from agentctl.domain.units import format_duration


def _next(row: Mapping[str, Any]) -> str:
    if not row["next"]:
        return ""
    left = -seconds_since(row["next"], time.time())
    return f"in {format_duration(timedelta(seconds=int(left)))}" if left >= 1 else "now"


COLUMNS = (
    Column("AGENT", lambda row: str(row["agent"])),
    Column("SCHEDULE", lambda row: str(row["schedule"])),
    Column("DOES", lambda row: str(row["kind"])),
    Column("WHEN", lambda row: str(row["timing"]), folds=True),
    Column("NEXT", _next),
    Column("LAST", lambda row: f"{age(row['last'])} ago" if row["last"] else ""),
    Column("WHY", lambda row: str(row["evidence"]), folds=True),
)


def ls(context: typer.Context, selectors: Selectors = None, *, form: Format = "", json: Json = False) -> int:
    """List what is done by time for each agent: checkpoints and messages; what comes next stands first.

    Schedules stand in the team file, at schedules and at commit. What was missed, because the machine slept or the
    supervisor was away, is done once afterwards.
    """
    output = output_of(context, form, json=json)
    rows = Client(find_home()).call("schedules", {"selectors": selectors or []})["schedules"]
    output.records("ScheduleList", rows, COLUMNS, name="schedule")
    if not rows and output.for_people:
        output.say("no schedules; a team file says them at schedules and at commit")
    return 0
