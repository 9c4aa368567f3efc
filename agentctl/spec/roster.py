"""The agents of a team by the names they will have: roles looked up, replicas counted out, windows named."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from agentctl.domain import names
from agentctl.spec.document import Agent, Document
from agentctl.spec.nodes import Entry, Mapping, Node, find, without_nulls
from agentctl.spec.problems import Problem
from agentctl.spec.programs import Program, Programs
from agentctl.spec.roles import effective, known_roles, role_of, runner_of
from agentctl.spec.shelf import Shelf
from agentctl.spec.templates import Budget
from agentctl.spec.validate import validate

MOST_AGENTS = 500


@dataclass
class Load:
    """What one reading of a team file works with."""

    document: Document
    tree: Mapping
    variables: MappingABC[str, str]
    caller: Path
    """The folder the command was given in."""
    programs: Programs
    """What is known of each runner, by name."""
    problems: list[Problem] = field(default_factory=list)
    budget: Budget = field(default_factory=Budget)
    used_later: set[str] = field(default_factory=set)
    """Values that a brief shows and that are not known yet."""
    raised: dict[Program, list[str]] = field(default_factory=dict)
    """Agents that get more memory than the default, because their program needs it."""
    unseen: dict[Program, list[str]] = field(default_factory=dict)
    """Programs that tell nothing of what their turns took, and the agents whose budgets ask for it."""
    check_ins: dict[str, str] = field(default_factory=dict)
    """By agent: what a check-in asks it."""
    remarks: list[str] = field(default_factory=list)
    """What does not fit but may on another machine, in words."""

    @property
    def shelf(self) -> Shelf:
        """Return where templates for this file are looked for."""
        return Shelf(self.tree.place.source, self.variables)


@dataclass(frozen=True)
class Draft:
    """One agent (one of its replicas) before its templates are filled in."""

    key: str
    """What the file calls it."""
    name: str
    number: int
    """Which replica it is, from 1."""
    index: int
    role: str
    window: str
    runner: str
    model: Agent
    node: Mapping
    """Its settings with those of its role and the defaults, each with the place it came from."""
    entry: Entry

    @cached_property
    def facts(self) -> dict[str, object]:
        """Return what templates may know of it."""
        return {
            "name": self.name,
            "role": self.role,
            "window": self.window,
            "runner": self.runner,
            "model": self.model.model or "",
            "number": self.number,
            "description": self.model.description or "",
            "capabilities": list(self.model.capabilities or ()),
            "reports_to": self.model.reports_to or "",
        }


@dataclass(frozen=True)
class Roster:
    """All agents of a team."""

    drafts: list[Draft]
    written: frozenset[str]
    """What the file calls agents, also those whose settings are wrong."""

    @cached_property
    def members(self) -> dict[str, list[str]]:
        """Return the replicas' names by what the file calls them."""
        found: dict[str, list[str]] = {}
        for draft in self.drafts:
            found.setdefault(draft.key, []).append(draft.name)
        return found

    @cached_property
    def keys(self) -> dict[str, str]:
        """Return what the file calls each agent, by any of its names."""
        return {draft.name: draft.key for draft in self.drafts} | {key: key for key in self.members}

    @cached_property
    def everyone(self) -> list[str]:
        """Return every name that may stand where an agent is named."""
        return sorted({*self.keys, *self.written})


def make_roster(load: Load, written: frozenset[str]) -> Roster:
    """Return the agents of the load's document; two of one name or one window are problems."""
    drafts: list[Draft] = []
    roles = known_roles(load.tree)
    agents = load.tree.get("agents")
    for key, entry in agents.entries.items() if isinstance(agents, Mapping) else ():
        if key not in load.document.agents:
            continue
        model, node, problems = validate(Agent, _settings(key, entry, load, roles), ("agents", key))
        load.problems.extend(problems)
        if model is None or not isinstance(node, Mapping):
            continue
        role, runner = role_of(key, node, roles) or key, runner_of(key, node, load.tree, roles)
        count = model.replicas or 1
        if len(drafts) + count > MOST_AGENTS:
            load.problems.append(entry.key.problem(f"a team has at most {MOST_AGENTS} agents"))
            break
        for number in range(1, count + 1):
            name, window = _called(key, number if count > 1 else 0, model, load.document.name)
            drafts.append(Draft(key, name, number, len(drafts), role, window, runner, model, node, entry))
    _require_unique(drafts, load.problems)
    return Roster(drafts, written)


def _settings(key: str, entry: Entry, load: Load, roles: dict[str, Node]) -> Node:
    return without_nulls(effective(key, entry.value, load.tree, roles))


def _called(key: str, number: int, model: Agent, team: str) -> tuple[str, str]:
    suffix = f"-{number}" if number else ""
    return key + suffix, model.window + suffix if model.window else names.window_name(team, key + suffix)


def _require_unique(drafts: list[Draft], problems: list[Problem]) -> None:
    by_name: dict[str, Draft] = {}
    by_window: dict[str, Draft] = {}
    for draft in drafts:
        place = draft.entry.key
        if not names.is_name(draft.name):
            message = f"{draft.key} is too long a name for replicas, which get a number behind it"
            problems.append(place.problem(message, f"use {names.NAME_RULE}"))
        elif (other := by_name.setdefault(draft.name, draft)) is not draft:
            message = f"there are two agents called {draft.name}: a replica of {other.key}, and {draft.key}"
            problems.append(place.problem(message, "rename one of them"))
        elif (other := by_window.setdefault(draft.window, draft)) is not draft:
            message = f"{other.name} and {draft.name} have the same window, {draft.window}"
            place = find(draft.node, ("window",)).key
            problems.append(place.problem(message, "give one of them another 'window'"))
