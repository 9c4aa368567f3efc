"""`runner explain`: what a runner's rules make of a screen, one by one."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from agentctl.cli.columns import Column
from agentctl.cli.options import Format, Json, output_of
from agentctl.cli.output import Output
from agentctl.cli.runner import load_runners
from agentctl.domain.codec import encode
from agentctl.domain.errors import NotFound, UsageError
from agentctl.domain.ports import Shown
from agentctl.runners.reading import Read, explain_screen

_MOST_BYTES = 1024 * 1024

_COLUMNS = (
    Column("FITS", lambda row: "yes" if row["fits"] else "no"),
    Column("PRIORITY", lambda row: str(row["priority"])),
    Column("RULE", lambda row: str(row["rule"])),
    Column("SAYS", lambda row: str(row["says"])),
    Column("REGION", lambda row: str(row["region"])),
    Column("WHY", lambda row: str(row["why"]), folds=True),
)


def explain(
    context: typer.Context,
    screen: Annotated[str, typer.Argument(metavar="SCREENFILE", help="A captured screen; - reads it from stdin.")],
    *,
    runner: Annotated[str, typer.Option("--runner", "-r", metavar="RUNNER", help="Whose rules are asked.")],
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="The pane's title.", show_default=False)] = "",
    cursor: Annotated[
        str, typer.Option("--cursor", metavar="COLUMN,ROW", help="Where its cursor stands, from 0.", show_default=False)
    ] = "0,0",
    form: Format = "",
    json: Json = False,
) -> int:
    """Explain what a runner reads from a screen: every rule and why it fits or not, the composer, and the verdict.

    A screen is what `tmux capture-pane -p -e` prints, colours included: dim text in a composer is no draft. Some
    rules ask where the cursor stands, which tmux prints for '#{cursor_x},#{cursor_y}'.
    """
    output = output_of(context, form, json=json)
    asked = load_runners().get(runner)
    shown = Shown(_read(screen), title, alternate=False, cursor=_place(cursor))
    read = explain_screen(asked, shown, now=datetime.now(UTC))  # noqa: TID251  a person asks now
    if output.for_people:
        output.records("RuleList", _rules(read), _COLUMNS)
        _tell(output, read)
    else:
        record = {"name": asked.name, "rules": _rules(read), "sight": encode(read.sight), "place": encode(read.place)}
        output.records("ScreenReading", [record], (Column("RUNNER", lambda row: str(row["name"])),))
    return 0


def _place(cursor: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,4}),(\d{1,4})", cursor, re.ASCII)
    if match is None:
        raise UsageError(f"'{cursor}' is no place of a cursor", hint="column and row, from 0: --cursor 3,31")
    return int(match[1]), int(match[2])


def _read(screen: str) -> str:
    try:
        if screen == "-":
            return sys.stdin.buffer.read(_MOST_BYTES).decode(errors="surrogateescape")
        with Path(screen).open("rb") as file:
            return file.read(_MOST_BYTES).decode(errors="surrogateescape")
    except OSError as error:
        raise NotFound(f"cannot read {screen}: {error.strerror}") from None


def _rules(read: Read) -> list[dict[str, Any]]:
    return [
        {
            "fits": one.fits,
            "priority": one.rule.priority,
            "rule": one.rule.name,
            "says": f"{one.rule.state} {one.rule.kind}".strip(),
            "region": one.rule.region,
            "why": one.why,
        }
        for one in read.judged
    ]


def _tell(output: Output, read: Read) -> None:
    sight, place = read.sight, read.place
    rows = f"rows {place.first + 1} to {place.end}" if place is not None else "none that takes text"
    output.line(f"composer  {rows}")
    if sight.composer:
        output.line(f"draft     {sight.draft!r}" if sight.draft else "draft     none")
    if sight.ask is not None:
        output.line(f"asks      {sight.ask.kind}: {sight.ask.title}")
        for option, keys in zip(sight.ask.options, sight.choices or [()] * len(sight.ask.options), strict=True):
            output.line(f"          {option}  [{' '.join(keys)}]")
        if sight.ask.until:
            moment = f" ({sight.ask.until_at:%Y-%m-%d %H:%M} UTC)" if sight.ask.until_at else ""
            output.line(f"until     {sight.ask.until}{moment}")
    by = f", by rule {sight.rule}: {sight.line}" if sight.rule else ": no rule fits, so it says nothing"
    output.line(f"verdict   {sight.activity or 'nothing'}{by}")
