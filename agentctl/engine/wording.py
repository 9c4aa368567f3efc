"""What a person is told, in words: one line of ours, and one of the agent's, cleaned and cut."""

from __future__ import annotations

from collections.abc import Sequence

from agentctl.domain.names import PaneId
from agentctl.domain.notice import Notification, Why
from agentctl.domain.text import safe_line
from agentctl.engine.attention import Occasion

_LONGEST = 200
_MOST_NAMED = 10

_SAYS = {
    Why.APPROVAL: "needs an approval",
    Why.QUESTION: "asks you something",
    Why.MESSAGE: "wrote to you",
    Why.ERROR: "has failed",
    Why.BUDGET: "has used up its budget",
    Why.LIMIT: "has reached a limit of its provider",
    Why.DONE: "is done",
}


def notification(occasions: Sequence[Occasion], panes: Sequence[PaneId], host: str) -> Notification:
    """Return what is told of *occasions*, of which there is at least one, the oldest first."""
    first, *more = occasions
    return Notification(
        title=_headline(occasions) if more else f"{first.agent} {_SAYS[first.why]}",
        text=_list(occasions) if more else _cut(first.words),
        agents=tuple(dict.fromkeys(occasion.agent for occasion in occasions)),
        panes=tuple(panes),
        why="digest" if more else first.why.value,
        since=first.since,
        host=host,
    )


def _headline(occasions: Sequence[Occasion]) -> str:
    done = all(occasion.why is Why.DONE for occasion in occasions)
    return f"{len(occasions)} agents {'are done' if done else 'need you'}"


def _list(occasions: Sequence[Occasion]) -> str:
    named = [f"{occasion.agent} ({occasion.why})" for occasion in occasions[:_MOST_NAMED]]
    more = len(occasions) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _cut(words: str) -> str:
    line = safe_line(words)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
