"""Who waits for whom and who reports to whom: every name known, and no circle."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from agentctl.domain.team import Dependency
from agentctl.spec.nodes import Place, find
from agentctl.spec.problems import Problem, did_you_mean, enough, quoted
from agentctl.spec.roster import Draft, Roster

Waits = dict[str, tuple[Dependency, ...]]
"""By what the file calls an agent: what it waits for, replicas counted out."""


def dependencies(roster: Roster, problems: list[Problem]) -> Waits:
    """Return what each agent waits for; unknown names and circles are problems."""
    first = {draft.key: draft for draft in roster.drafts if draft.number == 1}
    waits = {key: _of(draft, roster, problems) for key, draft in first.items()}
    if not enough(problems):
        _refuse_circles(first, roster, problems)
    for draft in first.values():
        _require_superior(draft, roster, problems)
    return waits


def _of(draft: Draft, roster: Roster, problems: list[Problem]) -> tuple[Dependency, ...]:
    found: dict[str, Dependency] = {}
    for name, wanted in (draft.model.depends_on or {}).items():
        if enough(problems):
            break
        place = _place(draft, name)
        if roster.keys.get(name) == draft.key:
            problems.append(place.problem(f"{draft.key} depends on itself", "remove it"))
        elif name not in roster.everyone:
            hint = did_you_mean(name, roster.everyone)
            problems.append(place.problem(f"there is no agent {quoted(name)} to depend on", hint))
        else:
            for member in roster.members.get(name, [name]):
                found[member] = Dependency(member, wanted.condition)
    return tuple(found.values())


def _place(draft: Draft, name: str) -> Place:
    return find(draft.node, ("depends_on", name)).key


def _refuse_circles(first: dict[str, Draft], roster: Roster, problems: list[Problem]) -> None:
    """Add a problem for each circle; each time the edge it is shown at is left out and the rest looked at again."""
    graph: dict[str, dict[str, Place]] = {}
    for key, draft in first.items():
        waits = {roster.keys.get(name, name): _place(draft, name) for name in draft.model.depends_on or {}}
        graph[key] = {other: place for other, place in waits.items() if other != key}
    while not enough(problems):
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            trail = turned(list(reversed(error.args[1])), list(first))
            place = graph[trail[0]].pop(trail[1])
            message = f"agents wait for each other: {' → '.join(trail)}"
            problems.append(place.problem(message, "remove one of these 'depends_on'"))
        else:
            return


def turned(circle: list[str], order: list[str]) -> list[str]:
    """Return *circle* (its first is its last) so that it begins with what comes first in *order*."""
    ring = circle[:-1]
    start = min(range(len(ring)), key=lambda index: order.index(ring[index]))
    return [*ring[start:], *ring[:start], ring[start]]


def _require_superior(draft: Draft, roster: Roster, problems: list[Problem]) -> None:
    name = draft.model.reports_to
    if name is None:
        return
    place = find(draft.node, ("reports_to",)).node.place
    members = roster.members.get(name, [name])
    if name == draft.key:
        problems.append(place.problem(f"{draft.key} reports to itself", "remove it"))
    elif name not in roster.everyone:
        hint = did_you_mean(name, roster.everyone)
        problems.append(place.problem(f"there is no agent {quoted(name)} to report to", hint))
    elif len(members) > 1:
        hint = f"name one, for example {members[0]}"
        problems.append(place.problem(f"there are {len(members)} of {name}, and an agent reports to one", hint))
