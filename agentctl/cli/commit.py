"""`commit`: what agents' folders hold, kept now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from agentctl.cli.columns import Column
from agentctl.cli.options import Format, Json, Selectors, output_of
from agentctl.cli.output import Output
from agentctl.control.client import Client
from agentctl.control.home import find_home
from agentctl.domain.checkpoint import Skipped
from agentctl.domain.errors import PartlyDone
from agentctl.domain.text import safe_line

_ANSWER_SECONDS = 120.0
"""One repository may be large, and its disk slow."""

_SHOWN = 10
"""Files that are named one by one."""

_NO_FAULT = frozenset({Skipped.UNCHANGED.value, Skipped.NO_REPOSITORY.value})

COLUMNS = (
    Column("AGENT", lambda row: str(row["agent"])),
    Column("COMMIT", lambda row: str(row["commit"] or "")[:10]),
    Column("FILES", lambda row: str(len(row["changes"])), right=True),
    Column("LEFT OUT", lambda row: str(len(row["left_out"])), right=True),
    Column("WHAT", lambda row: str(row["subject"] or row["why"] or ""), folds=True),
)


def commit(
    context: typer.Context,
    selectors: Selectors = None,
    *,
    now: Annotated[bool, typer.Option("--now", help="Make them; without it, only tell what they would hold.")] = False,
    form: Format = "",
    json: Json = False,
) -> int:
    """Keep what agents' folders hold, as checkpoints in their git repositories.

    A checkpoint is a commit under refs/agentctl/TEAM/AGENT. Your branch, your index, your hooks and your files stay as
    they are. What seems to hold a secret, is very large or half-merged stays out, and is named.
    """
    output = output_of(context, form, json=json)
    shows = output.for_people
    answer = Client(find_home()).call(
        "commit",
        {"selectors": selectors or [], "now": now},
        on_item=(lambda row: _show(row, output, now=now)) if shows else None,
        timeout=_ANSWER_SECONDS,
    )
    rows = answer["rows"]
    if not shows:
        output.records("CommitList", rows, COLUMNS, name="agent")
    elif not rows:
        output.say("no agents; start a team with: agentctl deploy")
    elif not now and any(row["changes"] for row in rows):
        output.say("nothing was made yet: agentctl commit --now")
    failed = [row for row in rows if row["why"] and row["why"] not in _NO_FAULT]
    return 0 if not failed else PartlyDone.exit_code


def _show(row: Mapping[str, Any], output: Output, *, now: bool) -> None:
    agent, why = safe_line(str(row["agent"])), row["why"]
    if row["commit"]:
        output.raw(f"{output.painted('✔', 'green')} {agent}  {row['commit'][:10]}  {safe_line(row['subject'])}")
    elif why:
        color = "" if why in _NO_FAULT else "yellow"
        output.raw(f"{output.painted('·', color)} {agent}  {output.painted(f'nothing made: {why}', color)}")
    elif not now:
        output.raw(f"{output.painted('+', 'green')} {agent}  would keep {_count(row['changes'])}")
        for change in row["changes"][:_SHOWN]:
            output.line(f"    {change_line(change)}")
        if len(row["changes"]) > _SHOWN:
            output.line(f"    and {len(row['changes']) - _SHOWN} more")
    for one in row["left_out"]:
        output.line(f"    left out: {left_out_line(one)}")


def change_line(change: Mapping[str, Any]) -> str:
    """Return one changed file as a line: how, which, how many lines, and in which functions."""
    lines = "binary" if change["binary"] else f"+{change['added']} -{change['removed']}"
    functions = ", ".join(change["functions"][:_SHOWN])
    return f"{change['how']}  {safe_line(change['path'])}  {lines}  {safe_line(functions)}".rstrip()


def left_out_line(one: Mapping[str, Any]) -> str:
    """Return one path that is not in a checkpoint, and why."""
    detail = f" ({safe_line(str(one['detail']))})" if one.get("detail") else ""
    return f"{safe_line(str(one['path']))}: {safe_line(str(one['why']))}{detail}"


def _count(changes: list[Mapping[str, Any]]) -> str:
    added, removed = (sum(int(change[key]) for change in changes) for key in ("added", "removed"))
    files = "1 file" if len(changes) == 1 else f"{len(changes)} files"
    return f"{files} (+{added} -{removed})"
