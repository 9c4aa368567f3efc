"""`answer`, `approve` and `deny`: what an agent asks a person, and what the person says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from agentctl.cli.asking import LIMIT, options, question, waiting
from agentctl.cli.call import Call
from agentctl.cli.columns import Column
from agentctl.cli.confirm import ask, asks, confirm
from agentctl.cli.moments import age
from agentctl.cli.options import Format, Json, Yes, call_of, output_of
from agentctl.cli.output import Output
from agentctl.control.client import Client
from agentctl.control.home import find_home
from agentctl.domain.errors import AgentctlError, Ambiguous, NotFound, PartlyDone, PersonNeeded, Refused, UsageError
from agentctl.domain.text import safe_line

_PERMISSION = "permission"
_PATTERN = frozenset("@*?[")

AgentName = Annotated[str, typer.Argument(metavar="AGENT", help="The agent, for example frontend/pm.")]

_COLUMNS = (
    Column("AGENT", lambda row: str(row["agent"])),
    Column("CHOICE", lambda row: str(row.get("choice") or "")),
    Column("STATE", lambda row: str(row.get("state") or "")),
    Column("QUESTION", lambda row: str(row.get("question") or ""), folds=True),
)


def answer(
    context: typer.Context,
    agent: AgentName,
    choice: Annotated[
        str | None, typer.Argument(metavar="CHOICE", help="An option's number or its words; none: show them.")
    ] = None,
    *,
    only: Annotated[
        str, typer.Option("--ask", metavar="ID", help="Only while it asks this very question (ps --json has its id).")
    ] = "",
    form: Format = "",
    json: Json = False,
) -> int:
    """Answer what an agent asks: a permission, a question, a dialog of its start.

    Without CHOICE the question and its options are shown, and on a terminal you are asked for one; elsewhere that is
    exit code 8. If the agent asks something else by the time the answer comes, nothing is pressed (exit code 9).
    """
    output, client = output_of(context, form, json=json), Client(find_home())
    row = _one(client, agent)
    asked = _question_of(row)
    if choice is None:
        _show_question(row, output)
        choice = _chosen(asked, agent, call_of(context))
    _show([_say(client, row, choice, only)], output)
    return 0


def approve(
    context: typer.Context,
    selector: Annotated[
        str, typer.Argument(metavar="AGENT", help="The agent; with --all a team, a pattern, @waiting.")
    ],
    *,
    all: Annotated[bool, typer.Option("--all", help="Allow what all of several agents ask for.")] = False,  # noqa: A002  the flag's name
    yes: Yes = False,
    form: Format = "",
    json: Json = False,
) -> int:
    """Say yes to what an agent asks, once: its "Yes", not its "Yes, always".

    Several agents at once need --all: then every permission that they ask for is shown and, after you said so, given;
    questions and dialogs are left alone. Exit code 7 when some could not be given.
    """
    output, client = output_of(context, form, json=json), Client(find_home())
    if not all:
        _require_one(selector)
        _show([_say(client, _one(client, selector), "approve")], output)
        return 0
    rows = [row for row in waiting(_rows(client, selector)) if row["asking"].get("kind") == _PERMISSION]
    if not rows:
        raise NotFound(f"no agent of {selector} asks for a permission", hint="agentctl inbox")
    for row in rows:
        output.say(f"{row['agent']}  {question(row['asking'])}")
    confirm(f"Allow {'this' if len(rows) == 1 else f'all {len(rows)}'}?", call_of(context), yes=yes)
    return _approve_all(client, rows, output)


def deny(
    context: typer.Context,
    agent: AgentName,
    *,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Sent to it afterwards, as a message.")] = "",
    form: Format = "",
    json: Json = False,
) -> int:
    """Say no to what an agent asks; with --reason it is told why, and what to do instead."""
    output, client = output_of(context, form, json=json), Client(find_home())
    _require_one(agent)
    row = _one(client, agent)
    _show([_say(client, row, "deny")], output)
    if reason.strip():
        args = {"agent": row["agent"], "text": reason, "keys": [], "wait": None, "when": "", "raw": False}
        sent = client.call("send", args)
        output.say(f"reason: {sent.get('message')} {sent.get('state')}")
    return 0


def _require_one(selector: str) -> None:
    """Refuse what may name several agents, even where it names one now: a yes must not hit another by accident."""
    if _PATTERN & set(selector) or "/" not in selector:
        raise Refused(
            f"'{safe_line(selector)}' may be several agents, and each asks something of its own",
            hint="name one, for example frontend/dev; for all of them: agentctl approve --all",
        )


def _rows(client: Client, selector: str) -> list[dict[str, Any]]:
    return list(client.call("ps", {"selectors": [selector]})["agents"])


def _one(client: Client, selector: str) -> dict[str, Any]:
    rows = _rows(client, selector)
    if not rows:
        raise NotFound(f"no agent is {selector}", hint="agentctl ps")
    if len(rows) > 1:
        names = ", ".join(str(row["agent"]) for row in rows)
        raise Ambiguous(f"'{selector}' fits {len(rows)} agents", hint=f"say which: {names}")
    return rows[0]


def _question_of(row: Mapping[str, Any]) -> Mapping[str, Any]:
    asked = row.get("asking")
    if not asked:
        raise NotFound(f"{row['agent']} asks nothing now", hint=f"what it does: agentctl why {row['agent']}")
    if asked.get("kind") == LIMIT:
        raise Refused(f"{row['agent']}: {question(asked)}: it goes on when that ends", hint="nobody can answer it")
    return dict(asked)


def _say(client: Client, row: Mapping[str, Any], choice: str, only: str = "") -> dict[str, Any]:
    """Answer what *row* shows, and nothing that the agent may ask by now."""
    asked = _question_of(row)
    args = {"agent": row["agent"], "choice": choice, "ask": only or asked.get("id")}
    return {**client.call("answer", args), "question": question(asked)}


def _approve_all(client: Client, rows: Sequence[Mapping[str, Any]], output: Output) -> int:
    given: list[dict[str, Any]] = []
    for row in rows:
        try:
            given.append(_say(client, row, "approve"))
        except AgentctlError as error:
            output.say(f"{row['agent']}: {error.message}", "red")
    _show(given, output)
    if len(given) == len(rows):
        return 0
    return PartlyDone.exit_code if given else 1


def _show_question(row: Mapping[str, Any], output: Output) -> None:
    if not output.for_people:
        return
    asked = row["asking"]
    output.line(f"{row['agent']} asks {question(asked)}  ({age(asked.get('since'))})")
    for option in options(asked):
        output.line(f"    {option}")


def _chosen(asked: Mapping[str, Any], agent: str, call: Call) -> str:
    if not asks(call):
        raise PersonNeeded(
            "it waits for an answer",
            hint=f"agentctl answer {agent} NUMBER; or: agentctl approve {agent}, agentctl deny {agent}",
        )
    listed = options(asked)
    range_ = f"1-{len(listed)}, " if listed else ""
    given = ask(f"Which? [{range_}approve, deny; none: leave it] ")
    if not given:
        raise PersonNeeded("left as it is")
    if given.isdecimal() and listed and not 1 <= int(given) <= len(listed):
        raise UsageError(f"there is no option {given}", hint=f"there are: {'; '.join(listed)}")
    return given


def _show(answers: Sequence[Mapping[str, Any]], output: Output) -> None:
    if not output.for_people:
        output.records("AnswerList", answers, _COLUMNS, name="agent")
        return
    for given in answers:
        output.line(f"{given['agent']}  {safe_line(str(given['question']))} → {safe_line(str(given.get('choice')))}")
