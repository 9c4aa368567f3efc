"""`messages`: every message, how far it came, and what to do with those that did not arrive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from agentctl.cli.columns import Column
from agentctl.cli.moments import age
from agentctl.cli.options import Format, Json, Selectors, output_of
from agentctl.cli.output import Output
from agentctl.control.client import Client
from agentctl.control.home import find_home
from agentctl.domain.errors import UsageError
from agentctl.domain.message import MessageState
from agentctl.domain.text import safe_line, safe_text

_STATES = tuple(state.value for state in MessageState)

Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Messages, by the id that agentctl messages shows.")]


def _text(key: str) -> Any:  # noqa: ANN401  a reader of one key
    return lambda row: "" if row.get(key) is None else str(row[key])


def _why(row: Mapping[str, Any]) -> str:
    return str(row.get("reason") or row.get("evidence") or "")


COLUMNS = (
    Column("ID", _text("id")),
    Column("STATE", _text("state"), state=True),
    Column("FOR", lambda row: age(row.get("since"))),
    Column("FROM", _text("sender")),
    Column("TO", _text("agent")),
    Column("KIND", _text("kind"), wide=True),
    Column("HOPS", _text("hops"), wide=True),
    Column("GEN", _text("generation"), wide=True),
    Column("WHY", _why, folds=True),
    Column("TEXT", _text("text"), folds=True),
)


def ls(
    context: typer.Context,
    selectors: Selectors = None,
    *,
    state: Annotated[
        str, typer.Option("--state", metavar="STATE,STATE", help=f"Only these: {', '.join(_STATES)}.")
    ] = "",
    lines: Annotated[int, typer.Option("--lines", "-n", metavar="N", min=1, help="The newest so many.")] = 50,
    form: Format = "",
    json: Json = False,
) -> int:
    """List messages, the newest last: to whom, from whom, how far each came, and why it is not further.

    queued and held messages wait; typed ones stand in the agent's terminal; unseen ones do, too, but the agent gave no
    sign of them in time; seen ones it has; answered ones it is done with; dead ones cannot be delivered.

    agentctl messages show ID shows one whole, messages retry ID queues one again, messages drop ID gives one up.
    """
    output = output_of(context, form, json=json)
    args = {"selectors": selectors or [], "states": _states(state), "limit": lines}
    _show_all(Client(find_home()).call("messages", args)["messages"], output)
    return 0


def show(
    context: typer.Context,
    id: Annotated[str, typer.Argument(metavar="ID", help="The message, by its id.")],  # noqa: A002  the word's name
    *,
    form: Format = "",
    json: Json = False,
) -> int:
    """Show one message with its whole text, and each step of its way."""
    output = output_of(context, form, json=json)
    answer = Client(find_home()).call("message", {"id": id})
    message = answer["message"]
    if not output.for_people:
        output.records("MessageList", [{**message, "history": answer.get("history") or []}], COLUMNS, name="id")
        return 0
    state, why = safe_line(str(message["state"])), safe_line(_why(message))
    output.line(f"{safe_line(str(message['id']))}  {message['sender']} → {message['agent']}  {message['kind']}")
    output.line(f"{state} for {age(message.get('since'))}{f': {why}' if why else ''}")
    _show_text("text", message.get("text"), output)
    _show_text("answer", message.get("answer"), output)
    for step in answer.get("history") or ():
        output.line(history_line(step))
    return 0


def retry(context: typer.Context, ids: Ids, *, form: Format = "", json: Json = False) -> int:
    """Queue messages again, behind those that wait: dead ones, and unseen ones whose text did not arrive.

    Look at the agent before an unseen one: the text may stand in its terminal, and would be there twice.
    """
    return _change(context, "retry", ids, form, json=json)


def drop(context: typer.Context, ids: Ids, *, form: Format = "", json: Json = False) -> int:
    """Give messages up that wait, or that were not seen: nothing more is done about them. The log keeps them."""
    return _change(context, "drop", ids, form, json=json)


def history_line(step: Mapping[str, Any]) -> str:
    """Return one step of a history as a line: when, what, and how it is known."""
    when, what = age(step["at"]) or "0s", safe_line(str(step["type"]))
    return f"{when:>8} ago  {what:<16} {safe_line(str(step['evidence']))}".rstrip()


def _change(context: typer.Context, verb: str, ids: Sequence[str], form: str, *, json: bool) -> int:
    output = output_of(context, form, json=json)
    _show_all(Client(find_home()).call(verb, {"ids": list(ids)})["messages"], output)
    return 0


def _show_all(messages: Sequence[Mapping[str, Any]], output: Output) -> None:
    output.records("MessageList", messages, COLUMNS, name="id")
    if not messages and output.for_people:
        output.say("no messages")


def _show_text(title: str, text: object, output: Output) -> None:
    """Print *text*, set in, so that nothing in it can look like a line of ours."""
    if text:
        output.line(f"{title}:")
        for line in safe_text(str(text)).splitlines():
            output.line(f"    {line}")


def _states(text: str) -> list[str]:
    wanted = [state for state in text.split(",") if state]
    for state in wanted:
        if state not in _STATES:
            raise UsageError(f"--state takes {', '.join(_STATES)}, not '{safe_line(state)}'")
    return wanted
