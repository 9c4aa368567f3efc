"""What agents wait for, in words: one wording for every command that shows it. Light: standard library only."""

from __future__ import annotations

from agentctl.domain.text import safe_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

LIMIT = "limit"
"""Kind of what ends by itself: nobody can answer it."""


def question(ask: Mapping[str, Any]) -> str:
    """Return what is asked in one line: `permission: Do you want to run npm i?`."""
    kind, title = safe_line(str(ask.get("kind") or "question")), safe_line(str(ask.get("title") or ""))
    until = safe_line(str(ask.get("until") or ""))
    return f"{kind}{f': {title}' if title else ''}{f' (until {until})' if until else ''}"


def options(ask: Mapping[str, Any]) -> list[str]:
    """Return what can be chosen, each behind the number that chooses it."""
    return [f"{number} {safe_line(str(words))}" for number, words in enumerate(ask.get("options") or (), 1)]


def waits_for_a_person(row: Mapping[str, Any]) -> bool:
    """Tell whether the agent of *row* goes on only when a person does something."""
    ask = row.get("asking")
    return bool(ask and ask.get("kind") != LIMIT)


def waiting(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows of the agents that wait for a person."""
    return [row for row in rows if waits_for_a_person(row)]


def call_to_answer(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the line that says who waits and what to type, empty where nobody does."""
    names = [safe_line(str(row["agent"])) for row in waiting(rows)]
    if not names:
        return ""
    who = "1 agent waits" if len(names) == 1 else f"{len(names)} agents wait"
    return f"{who} for you: agentctl answer {names[0]}"
