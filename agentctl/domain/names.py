"""Names and ids: what a person may call a thing, and what we derive from it.

User-given names are an allow-list because tmux runs `#(command)` in names and matches targets by prefix.
"""

from __future__ import annotations

import re
from typing import NewType

TeamName = NewType("TeamName", str)
AgentId = NewType("AgentId", str)
"""`team/agent`, for example `frontend/pm`: the agent's name everywhere."""
PaneId = NewType("PaneId", str)
"""tmux's `%7`: means something only together with the tmux server that gave it."""

NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")
NAME_RULE = "small letters, digits, - and _, starting with a letter, at most 31"

_ABBREVIATION_LETTERS = 2  # pm, ui, db, qa are written in capitals


def is_name(text: str) -> bool:
    """Tell whether *text* may name a team, an agent or a role."""
    return NAME.fullmatch(text) is not None


def agent_id(team: str, agent: str) -> AgentId:
    """Return the id of *agent* in *team*."""
    return AgentId(f"{team}/{agent}")


def team_of(agent: AgentId) -> TeamName:
    """Return the team part of an agent's id."""
    return TeamName(agent.partition("/")[0])


def title(name: str) -> str:
    """Return *name* as it stands in window names: `pm` is `PM`, `ui-2` is `UI-2`, `server` is `Server`."""
    parts = re.split(r"([-_])", name)
    return "".join(part.upper() if len(part) <= _ABBREVIATION_LETTERS else part.capitalize() for part in parts)


def session_name(team: str) -> str:
    """Return the tmux session of *team*: `Task-frontend`."""
    return f"Task-{team}"


def window_name(team: str, agent: str) -> str:
    """Return the tmux window of *agent* in *team*: `Frontend-PM`."""
    return f"{title(team)}-{title(agent)}"
