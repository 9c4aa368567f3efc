"""The pulse in words: what of a program it keeps apart, and how well that went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def what_it_holds(holds: Sequence[str]) -> str:
    """Return in words what the pulse keeps apart of a program."""
    if not holds:
        return "nothing: it takes no messages"
    if "tools" in holds:
        return "messages, and tool calls"
    return "messages only: its program asks nobody before a tool call"


def how_it_is_kept(pulse: Mapping[str, Any]) -> str:
    """Return one line on the pulse of an agent, as its row tells it."""
    if pulse.get("seconds") is None:
        return what_it_holds(())
    least = pulse.get("least_gap_seconds")
    parts = [
        f"{pulse['seconds']:g}s between {what_it_holds(pulse['holds'])}" if pulse["seconds"] else "none",
        f"{pulse['operations']} known",
        f"{pulse['waits']} waited, {pulse['waited_seconds']:g}s in all" if pulse["waits"] else "none waited",
        f"least gap {round(least, 2):g}s" if least is not None else "",
        f"{pulse['violations']} too soon" if pulse["violations"] else "",
    ]
    return "; ".join(part for part in parts if part)
