"""Selectors: one grammar for every face. `frontend`, `frontend/ui`, `frontend/ui-2`, `*/pm`, `@fatal`, `@paused`."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

from agentctl.domain.agent import Agent
from agentctl.domain.errors import Ambiguous, NotFound
from agentctl.domain.names import AgentId, team_of


def select(selectors: Collection[str], agents: Iterable[Agent]) -> list[AgentId]:
    """Return the ids that *selectors* name, in the order of *agents*; all of them where there is no selector.

    Raises `NotFound` for a selector that fits nothing, with the nearest name; a state (`@idle`) may fit nothing.
    """
    known = list(agents)
    if not selectors:
        return [agent.id for agent in known]
    chosen: set[AgentId] = set()
    for selector in selectors:
        found = [agent.id for agent in known if fits(selector, agent)]
        if not found and not selector.startswith("@"):
            raise NotFound(f"no team or agent fits '{selector}'", hint=_nearest(selector, known))
        chosen.update(found)
    return [agent.id for agent in known if agent.id in chosen]


def select_one(selector: str, agents: Iterable[Agent]) -> AgentId:
    """Return the one agent that *selector* names; raise `Ambiguous` with the candidates where it fits several."""
    known = list(agents)
    found = select([selector], known)
    if not found:
        raise NotFound(f"no agent is {selector}")
    if len(found) > 1:
        raise Ambiguous(f"'{selector}' fits {len(found)} agents", hint=f"say which: {', '.join(found)}")
    return found[0]


def fits(selector: str, agent: Agent) -> bool:
    """Tell whether *selector* names *agent*."""
    if selector.startswith("@"):
        return selector[1:] in (agent.state, agent.activity, "paused" if agent.paused is not None else "")
    team, slash, name = selector.partition("/")
    own_team, _, own_name = agent.id.partition("/")
    if not fnmatchcase(own_team, team):
        return False
    return not slash or fnmatchcase(own_name, name) or _replica_of(own_name, name)


def _replica_of(name: str, base: str) -> bool:
    stem, dash, number = name.rpartition("-")
    return bool(dash) and number.isdigit() and stem == base


def _nearest(selector: str, agents: Iterable[Agent]) -> str:
    names = sorted({name for agent in agents for name in (agent.id, team_of(agent.id))})
    near = difflib.get_close_matches(selector, names, n=1)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"there are: {', '.join(names[:12])}" if names else "nothing is deployed; try: agentctl deploy"
