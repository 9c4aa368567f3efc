"""Plans as people read them: + ~ - = an agent, what changes, and how many of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentctl.cli.columns import Column
from agentctl.cli.output import Output
from agentctl.domain.text import safe_line

_LOOKS = {"+": "green", "~": "yellow", "-": "red", "=": "dim"}
_WORDS = (("create", "to create"), ("change", "to change"), ("remove", "to remove"), ("keep", "unchanged"))

COLUMNS = (
    Column("TEAM", lambda row: str(row["team"])),
    Column("SIGN", lambda row: str(row["sign"])),
    Column("AGENT", lambda row: str(row["agent"])),
    Column("WINDOW", lambda row: str(row["window"])),
    Column("RESTART", lambda row: "yes" if row["restart"] else "no"),
    Column("WHAT", lambda row: "; ".join(map(str, row["what"]))),
)


def show_plans(plans: Sequence[Mapping[str, Any]], output: Output) -> None:
    """Print *plans*, one block a team."""
    for plan in plans:
        output.line(f"{safe_line(str(plan['team']))}  {safe_line(str(plan.get('source') or ''))}")
        width = max((len(safe_line(str(change["agent"]))) for change in plan["changes"]), default=0)
        for change in plan["changes"]:
            _show_change(change, width, output)
        output.line("  " + _sum(plan["counts"]))
        for note in plan.get("notes") or ():
            output.say(f"note: {safe_line(str(note))}", "yellow")


def _show_change(change: Mapping[str, Any], width: int, output: Output) -> None:
    sign = str(change["sign"])
    name, window = safe_line(str(change["agent"])), safe_line(str(change["window"]))
    what = [safe_line(str(part)) for part in change["what"]]
    if change.get("restart"):
        what.insert(0, "restarts")
    head = f"{sign} {name:<{width}}  {window}"
    output.raw("  " + output.painted(head, _LOOKS.get(sign, "")))
    for part in what if sign != "=" else ():
        output.line(f"      {part}")


def _sum(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[key]} {word}" for key, word in _WORDS if counts.get(key)) or "nothing to do"


def removals(plans: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the agents that *plans* take away."""
    return [safe_line(str(change["agent"])) for plan in plans for change in plan["changes"] if change["sign"] == "-"]


def changes_anything(plans: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a deploy would do anything."""
    return any(change["sign"] != "=" for plan in plans for change in plan["changes"])


def flat(plans: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one row a change, for lines and CSV."""
    return [{"team": plan["team"], **change} for plan in plans for change in plan["changes"]]
