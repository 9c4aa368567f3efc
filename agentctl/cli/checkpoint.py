"""`checkpoint`: what was kept of agents' folders, shown, compared, and given back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from agentctl.cli.columns import Column
from agentctl.cli.commit import change_line
from agentctl.cli.confirm import confirm
from agentctl.cli.moments import age
from agentctl.cli.options import Format, Json, Selectors, Yes, call_of, output_of
from agentctl.control.client import Client
from agentctl.control.home import find_home
from agentctl.domain.text import safe_line, safe_text

_ANSWER_SECONDS = 120.0

COLUMNS = (
    Column("COMMIT", lambda row: str(row["commit"])[:10]),
    Column("AGENT", lambda row: str(row["agent"])),
    Column("AGE", lambda row: age(row["at"])),
    Column("FILES", lambda row: str(row["files"]), right=True),
    Column("LINES", lambda row: f"+{row['added']} -{row['removed']}", right=True),
    Column("SLOT", lambda row: str(row["slot"]), wide=True),
    Column("WHAT", lambda row: str(row["subject"]), folds=True),
)

Agent = Annotated[str, typer.Argument(metavar="AGENT", help="The agent: frontend/dev.")]
Commit = Annotated[
    str, typer.Argument(metavar="COMMIT", help="The checkpoint, by the beginning of its commit; none: the newest.")
]


def ls(
    context: typer.Context,
    selectors: Selectors = None,
    *,
    lines: Annotated[int, typer.Option("--lines", "-n", metavar="N", min=1, help="The newest so many.")] = 20,
    form: Format = "",
    json: Json = False,
) -> int:
    """List checkpoints of agents, the newest first."""
    output = output_of(context, form, json=json)
    args = {"selectors": selectors or [], "limit": lines}
    rows = Client(find_home()).call("checkpoints", args, timeout=_ANSWER_SECONDS)["checkpoints"]
    output.records("CheckpointList", rows, COLUMNS, name="commit")
    if not rows and output.for_people:
        output.say("no checkpoints yet; make some with: agentctl commit --now")
    return 0


def show(context: typer.Context, agent: Agent, commit: Commit = "", *, form: Format = "", json: Json = False) -> int:
    """Show one checkpoint: its message, and each file that it changed."""
    output = output_of(context, form, json=json)
    answer = Client(find_home()).call("checkpoint", {"agent": agent, "commit": commit}, timeout=_ANSWER_SECONDS)
    row, changes = answer["checkpoint"], answer["changes"]
    if not output.for_people:
        output.records("CheckpointList", [{**row, "message": answer["message"], "changes": changes}], COLUMNS, "commit")
        return 0
    output.line(f"{row['commit']}  {safe_line(row['agent'])}  {age(row['at'])} ago")
    for line in safe_text(answer["message"]).splitlines():
        output.line(f"    {line}".rstrip())
    for change in changes:
        output.line(change_line(change))
    return 0


def diff(
    context: typer.Context,
    agent: Agent,
    commit: Commit = "",
    other: Annotated[
        str, typer.Argument(metavar="OTHER", help="Another checkpoint; none: the folder as it is now.")
    ] = "",
) -> int:
    """Show what has changed since a checkpoint, or from one to another, as a patch.

    It is cleaned of what a terminal would obey; one to be applied, byte for byte, comes from git diff COMMIT.
    """
    output, begun = output_of(context), ""
    colors = {"+": "green", "-": "red", "@": "cyan"}

    def show_lines(item: Any) -> None:  # noqa: ANN401  JSON's own
        nonlocal begun
        *lines, begun = f"{begun}{item['text']}".split("\n")
        for line in lines:
            output.raw(output.painted(line, colors.get(line[:1], "")))

    args = {"agent": agent, "commit": commit, "other": other}
    answer = Client(find_home()).call("checkpoint-diff", args, on_item=show_lines, timeout=_ANSWER_SECONDS)
    if not answer["bytes"]:
        output.say("no difference")
    return 0


def restore(
    context: typer.Context,
    agent: Agent,
    commit: Commit = "",
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="PATH...", help="Only these files or folders; none: all of it.")
    ] = None,
    *,
    into: Annotated[
        str, typer.Option("--into", metavar="FOLDER", help="Write into this new folder, and leave the agent's alone.")
    ] = "",
    yes: Yes = False,
    form: Format = "",
    json: Json = False,
) -> int:
    """Give files of a checkpoint back, in their place or into another folder.

    Before anything is written in its place, what is there now is kept as a checkpoint. Files that the checkpoint does
    not hold stay where they are: nothing is deleted.
    """
    output = output_of(context, form, json=json)
    if not into:
        what = ", ".join(paths) if paths else "all files"
        confirm(f"Write {what} of the checkpoint over those of {agent}?", call_of(context), yes=yes)
    args = {
        "agent": agent,
        "commit": commit,
        "paths": paths or [],
        "into": str(Path(into).expanduser().absolute()) if into else "",
    }
    answer = Client(find_home()).call("restore", args, timeout=_ANSWER_SECONDS)
    if not output.for_people:
        output.records("RestoreList", [answer], RESTORED, name="into")
        return 0
    files = "1 file" if answer["files"] == 1 else f"{answer['files']} files"
    output.say(f"{files} written into {answer['into']}")
    if answer["saved"]:
        output.say(f"what was there is kept: agentctl checkpoint show {safe_line(agent)} {answer['saved'][:10]}")
    return 0


RESTORED = (
    Column("COMMIT", lambda row: str(row["checkpoint"]["commit"])[:10]),
    Column("FILES", lambda row: str(row["files"]), right=True),
    Column("INTO", lambda row: str(row["into"])),
    Column("SAVED", lambda row: str(row["saved"] or "")[:10]),
)
