"""`monitor`: agents and what they take of the machine, as it changes. A light command: rich only on a terminal."""

from __future__ import annotations

import os
import sys
import time

from agentctl.cli.asking import call_to_answer
from agentctl.cli.doubt import lasting, no_supervisor, no_tmux
from agentctl.cli.flags import Flag, Place, Shape
from agentctl.cli.monitor_columns import COLUMNS
from agentctl.cli.monitor_head import head, lines
from agentctl.cli.output import Output, envelope, to_json, to_yaml
from agentctl.cli.ps import FORMAT_FLAGS, format_of
from agentctl.control.client import Client
from agentctl.control.home import find_home
from agentctl.domain.errors import SupervisorUnreachable, UsageError
from agentctl.domain.units import parse_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from agentctl.cli.call import Call

SHAPE = Shape(
    (Place("selectors", "Teams, agents or states: frontend, frontend/ui, '*/pm', @working.", many=True),),
    (
        Flag(("--once",), "Show it once and end."),
        Flag(("--interval", "-i"), "How often to look.", "DURATION", "1s"),
        Flag(("--plain",), "A line for each change, and nothing redrawn."),
        *FORMAT_FLAGS,
    ),
)
_SHORTEST = 0.2
"""Seconds between two looks; figures are taken once a second."""


def run(values: dict[str, Any], call: Call) -> int:
    """Show agents and what they take of the machine, as it changes, until Ctrl-C or q.

    CPU is of one core, and memory, each beside its limit; THROTTLED is the share of the time in which an agent stood
    still for its limit. When piped, a JSON object for each look. Agents run on when it ends.
    """
    output, interval = Output(call, format_of(values)), _seconds(values["interval"])

    def look(*, recent: bool) -> dict[str, Any]:
        return _picture(values["selectors"], recent=recent)

    if values["once"]:
        _show_once(look(recent=True), output)
        return 0
    try:
        return _keep_showing(look, output, interval, plain=values["plain"])
    except KeyboardInterrupt:
        raise KeyboardInterrupt("agents run on") from None


def _seconds(text: str) -> float:
    try:
        seconds = parse_duration(text).total_seconds()
    except ValueError as error:
        raise UsageError(f"--interval: {error}") from None
    if seconds < _SHORTEST:
        raise UsageError(f"--interval is at least {1000 * _SHORTEST:.0f}ms")
    return seconds


def _picture(selectors: list[str], *, recent: bool) -> dict[str, Any]:
    """Return all that is shown at one moment; where no supervisor answers, what the log last knew."""
    home = find_home()
    try:
        answer = Client(home).call("monitor", {"selectors": selectors} | ({} if recent else {"recent": 0}))
    except SupervisorUnreachable:
        from agentctl.cli.last_known import last_known  # noqa: PLC0415  reads the store, which a light command must not

        rows, at = last_known(home, selectors)
        return {"at": _now(), "machine": None, "agents": rows, "note": no_supervisor(at)}
    facts = {key: answer[key] for key in ("at", "machine", "agents")}
    return facts | {"note": no_tmux(answer.get("silence") or "")}


def _now() -> str:
    from datetime import UTC, datetime  # noqa: PLC0415  only where no supervisor says what time it is

    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")


def _show_once(picture: dict[str, Any], output: Output) -> None:
    if output.form in ("json", "yaml"):
        document = envelope("MonitorList", picture["agents"]) | {"at": picture["at"], "machine": picture["machine"]}
        output.raw(to_json(document) if output.form == "json" else to_yaml(document))
    elif output.for_people:
        _show_people(picture, output)
    else:
        output.records("MonitorList", picture["agents"], COLUMNS, name="agent")
    if picture["note"]:
        output.say(picture["note"], "yellow")


def _show_people(picture: dict[str, Any], output: Output) -> None:
    width = os.get_terminal_size(sys.stderr.fileno()).columns if sys.stderr.isatty() else sys.maxsize
    for line in lines(head(picture), width):
        output.say("".join(words for words, _ in line))
    rows = picture["agents"]
    if rows or not sys.stdout.isatty():
        output.records("MonitorList", rows, COLUMNS, name="agent")
    if call := call_to_answer(rows):
        output.say(call, "yellow")


def _keep_showing(look: Callable[..., dict[str, Any]], output: Output, interval: float, *, plain: bool) -> int:
    screen = sys.stdout.isatty() and output.for_people
    if plain or (screen and os.environ.get("TERM") == "dumb"):
        from agentctl.cli.monitor_plain import tell_changes  # noqa: PLC0415  one of three ways

        tell_changes(lambda: look(recent=False), output, interval)
    elif screen:
        from agentctl.cli.monitor_live import redraw  # noqa: PLC0415  loads rich

        redraw(lambda: look(recent=True), output, interval)
    else:
        _stream(lambda: look(recent=False), output, interval)
    return 0


def _stream(look: Callable[[], dict[str, Any]], output: Output, interval: float) -> None:
    """Write one JSON object a look, without the last minute: the lines before are that."""
    from agentctl.cli.pace import pause  # noqa: PLC0415  only where it repeats

    said = ""
    while True:
        picture = look()
        for row in picture["agents"]:
            row.pop("recent", None)
        if lasting(picture["note"]) != said:
            said = lasting(picture["note"])
            output.say(picture["note"] or "supervisor is running again", "yellow")
        output.raw(to_json(picture, indent=None))
        sys.stdout.flush()
        pause(interval)
