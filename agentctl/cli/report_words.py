"""Reports of agents in words: one wording for every command that shows them. Light: standard library only."""

from __future__ import annotations

from agentctl.cli.moments import age
from agentctl.domain.text import safe_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

PARTS = (("needs", "needs a person"), ("blocked", "blocked"), ("doing", "doing"), ("done", "done"))
"""In the order in which a person should read them."""

_SILENT_AFTER = 2
_ALIVE = ("starting", "running")


def lines_of(report: Mapping[str, Any], part: str) -> list[str]:
    """Return the lines of one part of *report*, cleaned."""
    return [safe_line(str(line)) for line in report.get(part) or ()]


def needs(row: Mapping[str, Any]) -> str:
    """Return what the agent of *row*, which runs, said last that it needs a person for; empty where it is nothing."""
    report = row.get("report") if row.get("state") in _ALIVE else None
    return "; ".join(lines_of(report, "needs")) if report else ""


def silence(row: Mapping[str, Any]) -> str:
    """Return what is to be said of check-ins that the agent of *row* leaves unanswered; empty where it is nothing."""
    missed = row.get("missed_check_ins") or 0
    return f"has not answered {missed} check-ins" if missed >= _SILENT_AFTER else ""


def when_reported(row: Mapping[str, Any]) -> str:
    """Return how old the last report of the agent of *row* is, in words."""
    report = row.get("report")
    if not report:
        return "no report yet"
    since = f"{age(row['reported_at'])} ago"
    if not report["worded"]:
        return f"answered {since}; its program does not tell what it said"
    return f"reported {since}" if any(report[part] for part, _ in PARTS) else f"answered {since}: nothing to tell"


def reported(row: Mapping[str, Any]) -> str:
    """Return the last report of the agent of *row* on one line."""
    report = row.get("report") or {}
    said = [f"{title}: {'; '.join(lines)}" for part, title in PARTS if (lines := lines_of(report, part))]
    return "; ".join([*filter(None, [silence(row)]), when_reported(row), *said])
