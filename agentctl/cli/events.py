"""`events`: what happened, as the log keeps it."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from agentctl.cli.moments import seconds_since
from agentctl.cli.options import duration, output_of
from agentctl.cli.output import Output, to_json
from agentctl.control.client import ANSWER_SECONDS, Client
from agentctl.control.home import Home, find_home
from agentctl.domain.codec import encode
from agentctl.domain.errors import SupervisorUnreachable
from agentctl.domain.text import safe_line

Event = Mapping[str, Any]


def events(
    context: typer.Context,
    about: Annotated[
        str, typer.Argument(metavar="[ABOUT]", help="A team, an agent (frontend/pm), or supervisor; none: all.")
    ] = "",
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    since: Annotated[
        str, typer.Option("--since", metavar="DURATION", help="As far back as this, for example 10m.")
    ] = "",
    lines: Annotated[
        int, typer.Option("--lines", "-n", metavar="N", min=0, help="How many to begin with, without --since.")
    ] = 50,
    stream: Annotated[
        str, typer.Option("--stream", metavar="STREAM", help="The same as ABOUT, or a stream by its full name.")
    ] = "",
    type: Annotated[str, typer.Option("--type", metavar="TYPE", help="Only this type, for example AgentExited.")] = "",  # noqa: A002  the flag's name
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> int:
    """Show what happened: the log from which everything else is worked out. Without a supervisor, too."""
    output = output_of(context, json=json)
    span = duration(since, "--since")
    earliest = time.time() - span.total_seconds() if span else None
    home = find_home()

    def fits(event: Event) -> bool:
        return (not type or event["type"] == type) and (earliest is None or seconds_since(event["at"], earliest) <= 0)

    past = _past(home, stream_of(stream or about), fits, None if span else lines, output)
    for event in past:
        output.raw(_shown(event, output))
    if follow:
        _follow(home, stream_of(stream or about), past.head, fits, output)
    return 0


class _Past(deque[Event]):
    """The events so far, and how far the log went."""

    head = 0


def _past(home: Home, stream: str, fits: Callable[[Event], bool], most: int | None, output: Output) -> _Past:
    found = _Past(maxlen=most)

    def take(event: Event) -> None:
        found.head = max(found.head, int(event["seq"]))
        if fits(event):
            found.append(event)

    try:
        answer = Client(home).call("events", {"after": 0, "stream": stream}, on_item=take, timeout=ANSWER_SECONDS)
        found.head = max(found.head, int(answer.get("head", 0)))
    except SupervisorUnreachable:
        output.say("supervisor is not running; this is what the log holds", "yellow")
        _read_log(home, stream, take)
    return found


def _read_log(home: Home, stream: str, take: Callable[[Event], None]) -> None:
    from agentctl.cli.log_file import open_log  # noqa: PLC0415  loads SQLite

    log, _ = open_log(home)
    if log is None:
        return
    try:
        for event in log.read(0, stream=stream or None):
            take(encode(event))
    finally:
        log.close()


def _follow(home: Home, stream: str, after: int, fits: Callable[[Event], bool], output: Output) -> None:
    def show(event: Event) -> None:
        if fits(event):
            output.raw(_shown(event, output))
            sys.stdout.flush()

    sys.stdout.flush()
    args = {"after": after, "stream": stream, "follow": True}
    try:
        Client(home).call("events", args, on_item=show, timeout=None)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("agents run on") from None


def stream_of(text: str) -> str:
    """Return the stream that a person means: `frontend/pm` is an agent's, `frontend` a team's."""
    if not text or ":" in text or text == "supervisor":
        return text
    return f"agent:{text}" if "/" in text else f"team:{text}"


def _shown(event: Event, output: Output) -> str:
    if not output.for_people:
        return to_json(event, indent=None)
    facts = "  ".join(f"{key}={_fact(value)}" for key, value in event["data"].items())
    when = datetime.fromisoformat(event["at"]).astimezone()
    parts = [str(event["seq"]), when.isoformat(sep=" ", timespec="milliseconds"), *_names(event), facts]
    if not sys.stdout.isatty():
        return "\t".join(safe_line(part) for part in parts)
    head = f"{when:%H:%M:%S}  {safe_line(event['stream']):<24} "
    return f"{output.painted(head, 'dim')}{output.painted(safe_line(event['type']), 'bold')}  {_short(facts)}"


def _names(event: Event) -> tuple[str, str, str]:
    return str(event["stream"]), str(event["type"]), str(event["actor"])


def _fact(value: object) -> str:
    return value if isinstance(value, str) else to_json(value, indent=None)


def _short(facts: str) -> str:
    """Return *facts* on one line of a terminal; `--json` has all of it."""
    import shutil  # noqa: PLC0415  only on a terminal

    room = max(40, shutil.get_terminal_size().columns * 2 - 50)
    line = safe_line(facts)
    return line if len(line) <= room else line[: room - 1] + "…"
