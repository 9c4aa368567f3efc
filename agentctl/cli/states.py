"""How a state is shown: a glyph, a word and a colour, never colour alone."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_LOOKS = {
    "running": ("●", "green"),
    "working": ("●", "green"),
    "ready": ("●", "green"),
    "waiting": ("◐", "yellow"),
    "starting": ("◐", "yellow"),
    "stopping": ("◐", "yellow"),
    "backoff": ("◐", "yellow"),
    "late": ("◐", "yellow"),
    "paused": ("‖", "yellow"),
    "unhealthy": ("▲", "red"),
    "pending": ("○", "dim"),
    "idle": ("○", "cyan"),
    "queued": ("○", "dim"),
    "held": ("◐", "yellow"),
    "typed": ("◐", "cyan"),
    "unseen": ("▲", "red"),
    "seen": ("●", "green"),
    "answered": ("●", "dim"),
    "dead": ("✗", "red"),
    "stopped": ("○", "dim"),
    "exited": ("○", "dim"),
    "closed": ("▲", "yellow"),
    "fatal": ("✗", "red"),
    "failed": ("✗", "red"),
}
_UNKNOWN = ("?", "magenta")


def word_of(row: Mapping[str, Any]) -> str:
    """Return the one word that says how the agent of *row* is: its activity where it runs and that is known."""
    state, activity = str(row.get("state", "unknown")), str(row.get("activity", "unknown"))
    if row.get("unwell"):
        return "unhealthy"
    if row.get("asking") and state in ("starting", "running"):
        return "waiting"
    if row.get("paused") and state == "running":
        return "paused"
    if row.get("late") and state == "starting":
        return "late"
    if state == "running" and activity in ("idle", "working", "waiting"):
        return activity
    if state == "exited" and row.get("exit_code") is not None:
        return f"exited {row['exit_code']}"
    return state


def look(word: str) -> tuple[str, str]:
    """Return the glyph and the colour of a state's *word*."""
    kind, _, code = word.partition(" ")
    if kind == "exited" and code not in ("", "0"):
        return _LOOKS["failed"]
    return _LOOKS.get(kind, _UNKNOWN)
