"""What is said of a picture that is not of now: nobody answers, or tmux does not. Light: standard library only."""

from __future__ import annotations

from agentctl.cli.moments import age

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime


def no_supervisor(at: datetime | None) -> str:
    """Return the words for a picture made of the log, which was last written *at* that moment; None: never."""
    return f"supervisor is not running; last known{f', {age(at)} ago' if at else ': nothing'}"


def no_tmux(why: str) -> str:
    """Return the words for a tmux that does not answer, empty where it does."""
    return f"tmux does not answer, states are as last seen: {why}" if why else ""


def lasting(note: str) -> str:
    """Return what of a note stays the same while time goes on."""
    return note.partition(";")[0]
