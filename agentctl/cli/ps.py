"""`ps`: agents, those that need a person first. A light command: no typer, and rich only on a terminal."""

from __future__ import annotations

import sys
import time

from agentctl.cli.asking import call_to_answer, question
from agentctl.cli.columns import Column
from agentctl.cli.doubt import lasting, no_supervisor, no_tmux
from agentctl.cli.flags import Flag, Place, Shape
from agentctl.cli.moments import seconds_since, so_long
from agentctl.cli.output import FORMATS, Output, to_json
from agentctl.cli.report_words import needs
from agentctl.cli.states import word_of
from agentctl.control.client import Client
from agentctl.control.home import find_home
from agentctl.domain.errors import SupervisorUnreachable
from agentctl.domain.units import format_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from agentctl.cli.call import Call
    from agentctl.cli.columns import Record

FORMAT_FLAGS = (
    Flag(("--output", "-o"), f"How to print: {', '.join(FORMATS)}.", "FORMAT"),
    Flag(("--json",), "The same as -o json."),
    Flag(("--quiet", "-q"), "Print names only."),
)
SHAPE = Shape(
    (Place("selectors", "Teams, agents or states: frontend, frontend/ui, '*/pm', @fatal.", many=True),),
    (Flag(("--watch", "-w"), "Keep showing; when piped, a JSON line for each change."), *FORMAT_FLAGS),
)
_REFRESH_SECONDS = 1.0


def run(values: dict[str, Any], call: Call) -> int:
    """Show agents with their state, how we know it, and what they use; those that need you first.

    An agent that waits for you shows what it asks; agentctl answer answers it, agentctl why tells more.
    """
    output = Output(call, format_of(values))
    if values["watch"]:
        return _watch(values["selectors"], output)
    rows, note = _rows(values["selectors"])
    if note:
        output.say(note, "yellow")
    output.records("AgentList", rows, COLUMNS, name="agent")
    if not rows and output.for_people and not values["selectors"]:
        output.say("no agents; start a team with: agentctl deploy")
    if output.for_people and (call_to_action := call_to_answer(rows)):
        output.say(call_to_action, "yellow")
    return 0


def format_of(values: dict[str, Any]) -> str:
    """Return the format that `-o`, `--json` and `-q` ask for together."""
    if values["quiet"]:
        return "name"
    return "json" if values["json"] else str(values["output"])


def _rows(selectors: list[str]) -> tuple[list[dict[str, Any]], str]:
    """Return the rows, and in words what is to be known about them."""
    home = find_home()
    try:
        answer = Client(home).call("ps", {"selectors": selectors})
    except SupervisorUnreachable:
        from agentctl.cli.last_known import last_known  # noqa: PLC0415  reads the store, which a light command must not

        rows, at = last_known(home, selectors)
        return rows, no_supervisor(at)
    return list(answer["agents"]), no_tmux(answer.get("silence") or "")


def _watch(selectors: list[str], output: Output) -> int:
    try:
        if sys.stdout.isatty() and output.for_people:
            from agentctl.cli.watching import redraw  # noqa: PLC0415  loads rich

            redraw(lambda: _rows(selectors), COLUMNS, output)
        else:
            _stream(selectors, output)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("agents run on") from None
    return 0


def _stream(selectors: list[str], output: Output) -> None:
    from agentctl.cli.pace import pause  # noqa: PLC0415  only where it repeats

    shown: dict[str, tuple[object, ...]] = {}
    said = ""
    while True:
        rows, note = _rows(selectors)
        if lasting(note) != said:
            said = lasting(note)
            output.say(note or "supervisor is running again", "yellow")
        for row in rows:
            asked = (row.get("asking") or {}).get("id")
            mark = (row["state"], row["activity"], row["generation"], row["evidence"], asked)
            if shown.get(row["agent"]) != mark:
                shown[row["agent"]] = mark
                output.raw(to_json(row, indent=None))
        sys.stdout.flush()
        pause(_REFRESH_SECONDS)


def _cpu(row: Record) -> str:
    return "" if row.get("cpu_percent") is None else f"{row['cpu_percent']:.0f}%"


def _memory(row: Record) -> str:
    return "" if row.get("memory_bytes") is None else format_bytes(row["memory_bytes"])


def _limits(row: Record) -> str:
    limits = row.get("limits") or {}
    cpu, memory = limits.get("cpu_percent"), limits.get("memory_bytes")
    parts = [f"{cpu:g}%" if cpu is not None else "", format_bytes(memory) if memory is not None else ""]
    held = " ".join(part for part in parts if part) or "none"
    return f"{held} ({row.get('level') or '?'})"


def _messages(row: Record) -> str:
    counts = row.get("messages") or {}
    return " ".join(f"{count} {state}" for state, count in counts.items() if count)


def _evidence(row: Record) -> str:
    if row.get("asking"):
        return question(row["asking"])
    if needed := needs(row):
        return f"it says it needs a person: {needed}"
    retry = row.get("retry_at")
    if row.get("state") == "backoff" and retry:
        wait = max(0.0, -seconds_since(retry, time.time()))
        return f"again in {wait:.0f}s; {row.get('evidence', '')}"
    return str(row.get("evidence") or "")


def _text(key: str) -> Any:  # noqa: ANN401  a reader of one key
    return lambda row: "" if row.get(key) is None else str(row[key])


COLUMNS = (
    Column("AGENT", _text("agent")),
    Column("STATE", word_of, state=True),
    Column("FOR", so_long),
    Column("CPU", _cpu),
    Column("MEM", _memory),
    Column("RUNNER", _text("runner")),
    Column("ROLE", _text("role"), wide=True),
    Column("LIMITS", _limits, wide=True),
    Column("MESSAGES", _messages, wide=True),
    Column("RESTARTS", _text("restarts"), wide=True),
    Column("GEN", _text("generation"), wide=True),
    Column("PID", _text("pid"), wide=True),
    Column("PANE", _text("pane"), wide=True),
    Column("SESSION", _text("session"), wide=True),
    Column("WINDOW", _text("window"), wide=True),
    Column("HOST", _text("host"), wide=True),
    Column("HOW WE KNOW", _evidence, folds=True),
)
