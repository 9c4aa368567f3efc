"""What stop, stop-all and reset share: a line an agent as it ends, and what is left afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentctl.cli.columns import Column
from agentctl.cli.output import Output
from agentctl.cli.progress import Progress
from agentctl.control.client import Client
from agentctl.control.home import Home
from agentctl.domain.errors import PartlyDone, TimedOut

ANSWER_SECONDS = 120.0
"""One agent's grace and kill are within this; the supervisor keeps its own deadlines."""

_COLUMNS = (Column("AGENT", lambda row: str(row["agent"])), Column("STATE", lambda row: str(row["state"])))


def _rows(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one row an agent: stopped, left (late, or to run again), or with the processes that survived."""
    pids: dict[str, list[int]] = {}
    for survivor in result.get("survivors") or ():
        pids.setdefault(survivor["agent"], []).append(survivor["pid"])
    states = {"stopped": "stopped", "already": "stopped", "left": "left"}
    return [
        {"agent": agent, "state": "survived" if agent in pids else state, "survivors": pids.get(agent, [])}
        for key, state in states.items()
        for agent in result.get(key) or ()
    ]


def end(home: Home, verb: str, args: Mapping[str, Any], output: Output, *, undo: str) -> int:
    """Ask *verb*, show each agent as it ends, and return the exit code: 1 where something survived."""
    seconds = (args.get("grace") or 0.0) + ANSWER_SECONDS
    try:
        with Progress(output, "waiting for agents to end", ending=True) as progress:
            result = Client(home).call(verb, dict(args), on_item=progress.item, timeout=seconds)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the stop goes on; watch it with: agentctl ps -w") from None
    survivors = result.get("survivors") or ()
    for survivor in survivors:
        output.say(f"error: {survivor['agent']}: process {survivor['pid']} is still there", "red")
    if survivors:
        output.say("hint: agentctl emergency-cleanup --dry-run", "cyan")
    if not output.for_people:
        output.records("StopList", _rows(result), _COLUMNS, name="agent")
    left = result.get("left") or ()
    late = result.get("timed_out")
    if left:
        why = "not ended in time" if late else "started again meanwhile, by another order"
        output.say(f"{why}: {', '.join(left)}", "yellow")
    elif output.for_people and not survivors:
        stopped = len(result.get("stopped") or ())
        output.say(f"{stopped} stopped; {undo}" if stopped else "nothing was running")
    if survivors:
        return 1
    if left:
        return TimedOut.exit_code if late else PartlyDone.exit_code
    return 0
