"""`pause` and `resume`: agents stand still, and go on where they stood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from agentctl.cli.columns import Column
from agentctl.cli.limits import Chosen
from agentctl.cli.options import Format, Json, output_of
from agentctl.cli.output import Output
from agentctl.control.client import Client
from agentctl.control.home import find_home
from agentctl.domain.errors import PartlyDone

_COLUMNS = (
    Column("AGENT", lambda row: str(row["agent"])),
    Column("OUTCOME", lambda row: str(row["outcome"])),
)


def pause(context: typer.Context, selectors: Chosen, *, form: Format = "", json: Json = False) -> int:
    """Have agents stand still: all their processes stop where they are, and messages for them wait.

    They stay so until agentctl resume; stopping or restarting one resumes it first. What waits on them outside, such as
    a server at the other end of a connection, may give up meanwhile.
    """
    output = output_of(context, form, json=json)
    result = Client(find_home()).call("pause", {"selectors": selectors})
    missed = result["not_running"]
    outcomes = {
        **dict.fromkeys(result["paused"], "paused"),
        **dict.fromkeys(result["already"], "was paused already"),
        **{row["agent"]: f"cannot be paused: it is {row['state']}" for row in missed},
    }
    _tell(outcomes, output, hint="agentctl resume lets them go on" if result["paused"] else "")
    done = len(outcomes) > len(missed)
    return 0 if not missed else (PartlyDone.exit_code if done else 1)


def resume(context: typer.Context, selectors: Chosen, *, form: Format = "", json: Json = False) -> int:
    """Let paused agents go on, whatever paused them.

    One whose budget is used up goes on until as much again is used up; agentctl limits set gives it another budget.
    """
    output = output_of(context, form, json=json)
    result = Client(find_home()).call("resume", {"selectors": selectors})
    outcomes = {
        **dict.fromkeys(result["resumed"], "resumed"),
        **dict.fromkeys(result["anew"], "resumed, until as much again is used up"),
        **dict.fromkeys(result["already"], "was not paused"),
    }
    _tell(outcomes, output)
    return 0


def _tell(outcomes: Mapping[str, str], output: Output, hint: str = "") -> None:
    rows: Sequence[dict[str, Any]] = [{"agent": name, "outcome": words} for name, words in outcomes.items()]
    if not output.for_people:
        output.records("PauseList", rows, _COLUMNS, name="agent")
        return
    for row in rows:
        output.say(f"{row['agent']} {row['outcome']}", "yellow" if "cannot" in row["outcome"] else "")
    if not rows:
        output.say("no agent is in that state")
    elif hint:
        output.say(hint)
