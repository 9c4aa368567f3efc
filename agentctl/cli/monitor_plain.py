"""`monitor --plain`: a line of words for each change, for screen readers, dumb terminals and notes."""

from __future__ import annotations

import sys
from datetime import datetime

from agentctl.cli.doubt import lasting
from agentctl.cli.monitor_columns import doing
from agentctl.cli.pace import pause
from agentctl.cli.states import word_of
from agentctl.domain.text import safe_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from agentctl.cli.output import Output

_AT_EASE = (None, "", "ok")


def tell_changes(look: Callable[[], dict[str, Any]], output: Output, interval: float) -> None:
    """Write a line for each agent, then one for each change, until Ctrl-C."""
    said: dict[str, str] = {}
    while True:
        picture = look()
        when = datetime.fromisoformat(picture["at"]).astimezone().strftime("%H:%M:%S")
        for subject, words in changes(picture, said):
            output.line(safe_line(f"{when} {subject}: {words}"))
        sys.stdout.flush()
        pause(interval)


def changes(picture: Mapping[str, Any], said: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what is to be said of *picture* after what was *said*, which takes it in."""
    now = {str(row["agent"]): _told(row) for row in picture["agents"]}
    now["agentctl"] = lasting(picture["note"])
    for subject, words in now.items():
        if said.get(subject, "") != words:
            yield subject, words or "everything answers again"
    for subject in set(said) - set(now):
        yield subject, "is gone"
    said.clear()
    said.update(now)


def _told(row: Mapping[str, Any]) -> str:
    """Return an agent in words: its state, what it has in hand, and how far its memory has come."""
    in_hand, memory = doing(row), row.get("memory_step")
    return "; ".join(
        part for part in (word_of(row), in_hand, f"memory: {memory}" if memory not in _AT_EASE else "") if part
    )
