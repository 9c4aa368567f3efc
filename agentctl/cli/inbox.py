"""`inbox`: what waits for whoever asks. A light command: standard library and the control client only."""

from __future__ import annotations

import os
import sys

from agentctl.cli.asking import options, question, waiting
from agentctl.cli.flags import Flag, Shape
from agentctl.control.client import Client
from agentctl.control.home import find_home
from agentctl.domain.text import safe_line, safe_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from agentctl.cli.call import Call

SHAPE = Shape(
    (),
    (
        Flag(("--keep",), "Only look: what is shown waits on."),
        Flag(("--json",), "Print the messages as JSON."),
    ),
)
_PERSON = "person"
_INDENT = "    "


def run(values: dict[str, Any], call: Call) -> int:
    """Show the messages that wait for you, and take them: they count as read then.

    In an agent's window these are the agent's own. For a person they are those sent to `person`, and before them stands
    which agents wait for an answer. `agentctl messages` shows all messages, those that were read too.
    """
    _ = call
    client = Client(find_home())
    asking = _asking(client) if _is_person() else []
    messages = client.call("inbox", {"take": not values["keep"]})["messages"]
    if values["json"]:
        _print_json(asking, messages)
        return 0
    for line in (*_asked(asking), *_told(messages)):
        sys.stdout.write(line + "\n")
    if not asking and not messages:
        sys.stderr.write("nothing waits for you\n")
    return 0


def _is_person() -> bool:
    """Tell whose inbox is looked at; whose messages come is the supervisor's to say, who asks the kernel."""
    return not os.environ.get("AGENTCTL_AGENT")


def _asking(client: Client) -> list[Mapping[str, Any]]:
    return waiting(client.call("ps", {"selectors": []})["agents"])


def _asked(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        name = safe_line(str(row["agent"]))
        yield f"{name} asks {question(row['asking'])}"
        for option in options(row["asking"]):
            yield _INDENT + option
        yield f"{_INDENT}agentctl answer {name}"


def _told(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield each message with its text set in, so that no text can look like the head of another message."""
    for message in messages:
        sender, kind = safe_line(str(message["sender"])), safe_line(str(message.get("kind") or "message"))
        yield f"{safe_line(str(message['id']))} from {sender}{'' if kind == 'message' else f' ({kind})'}"
        for line in safe_text(str(message["text"])).splitlines():
            yield _INDENT + line


def _print_json(asking: Sequence[Mapping[str, Any]], messages: Sequence[Mapping[str, Any]]) -> None:
    from agentctl.cli.output import envelope, to_json  # noqa: PLC0415  only with --json

    asks = [{"agent": row["agent"], **row["asking"]} for row in asking]
    sys.stdout.write(to_json({**envelope("MessageList", messages), "asking": asks}) + "\n")
