"""Telling a person: about what, by which ways, and what they were told already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from agentctl.domain.names import AgentId, PaneId


class Why(StrEnum):
    """What a person can be told about; the most urgent first."""

    APPROVAL = "approval"
    """An agent asks whether it may do something."""
    QUESTION = "question"
    """It asks anything else of a person: a question, a dialog, a login."""
    MESSAGE = "message"
    """It wrote to the person."""
    ERROR = "error"
    """It failed, and nothing starts it again."""
    BUDGET = "budget"
    """It has used up what it may, and is paused."""
    LIMIT = "limit"
    """A limit of its provider is reached; it ends by itself."""
    DONE = "done"
    """Its turn has ended, or it has ended well."""


WAITING = (Why.APPROVAL, Why.QUESTION, Why.MESSAGE)
"""What `waiting` stands for in files: it goes on only when a person answers."""

WORDS = ("waiting", *Why)
"""What files can name."""

WAYS = ("bell", "desktop", "webhook", "slack")


@dataclass(frozen=True, slots=True)
class Notice:
    """When a person is told, and how."""

    on: tuple[Why, ...]
    to: tuple[str, ...]
    """Ways; `slack:#shop` names a channel behind one."""
    after: timedelta | None = None
    """How long it has to stand first; None: as long as the person's own settings say."""
    quiet: str = ""
    """Hours in which it waits, as `parse_quiet` takes them, beside the person's own."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a person was told of one agent last, for one reason."""

    ask: str
    """The question's or message's id, empty where there is none."""
    since: datetime
    """When what they were told of began: with `ask` it tells one occasion from the next."""
    ways: tuple[str, ...]
    at: datetime
    """When they were last told of it."""


@dataclass(frozen=True, slots=True)
class Notification:
    """What goes to a person by one way; every text is cleaned."""

    title: str
    """One line in our words: `shop/dev needs an approval`."""
    text: str
    """One line more, mostly in the agent's words; may be empty."""
    agents: tuple[AgentId, ...]
    panes: tuple[PaneId, ...]
    """Where those of them live that have a window."""
    why: str
    since: datetime
    host: str


def named(words: Iterable[str]) -> tuple[Why, ...]:
    """Return what *words* of a file name, `waiting` included, the most urgent first; raise ValueError for another."""
    chosen: set[Why] = set()
    for word in words:
        if word != "waiting" and word not in set(Why):
            raise ValueError(f"{word!r} is nothing to be told about; there are: {', '.join(WORDS)}")
        chosen.update(WAITING if word == "waiting" else (Why(word),))
    return tuple(why for why in Why if why in chosen)
