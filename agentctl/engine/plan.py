"""Plans: what a deploy would create, change, remove and keep, said before anything is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Literal

from agentctl.domain.agent import Agent, AgentState
from agentctl.domain.names import AgentId, team_of
from agentctl.domain.team import AgentSpec, Budget, Limits, TeamSpec
from agentctl.domain.units import format_bytes, format_duration
from agentctl.engine.overrides import called, figure, override_words
from agentctl.engine.schedule import explain
from agentctl.views.fleet import Fleet

Sign = Literal["+", "~", "-", "="]

_UP = frozenset({AgentState.PENDING, AgentState.STARTING, AgentState.RUNNING, AgentState.BACKOFF})

_SAID = {
    "argv": "command",
    "cwd": "folder",
    "env": "environment",
    "env_pass": "environment passed on",
    "depends_on": "dependencies",
    "index": "place of the window",
}


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one agent."""

    sign: Sign
    agent: AgentId
    window: str
    what: tuple[str, ...]
    restart: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens to a team."""

    team: str
    source: str
    changes: tuple[Change, ...]
    notes: tuple[str, ...]

    def counts(self) -> dict[str, int]:
        """Return how many agents are created, changed, removed and kept."""
        names: dict[Sign, str] = {"+": "create", "~": "change", "-": "remove", "=": "keep"}
        return {word: sum(change.sign == sign for change in self.changes) for sign, word in names.items()}


def plan(wanted: TeamSpec, fleet: Fleet, runner_of: Callable[[AgentSpec], str]) -> Plan:
    """Compare *wanted* with what the fleet has; *runner_of* says in words which runner an agent would get."""
    changes = [_change(spec, wanted, fleet, runner_of) for spec in wanted.agents]
    names = {spec.id for spec in wanted.agents}
    for name, agent in fleet.agents.items():
        if team_of(name) == wanted.name and name not in names:
            old = fleet.spec(name)
            changes.append(Change("-", name, old.window if old else "", (f"it is {agent.state}",)))
    return Plan(wanted.name, wanted.source, tuple(changes), (*_other_file(wanted, fleet), *wanted.notes))


def _other_file(wanted: TeamSpec, fleet: Fleet) -> tuple[str, ...]:
    """Say that the team that runs under this name came from somewhere else."""
    known = fleet.teams.get(wanted.name)
    if known is None or known.spec.source == wanted.source:
        return ()
    return (f"team {wanted.name} was deployed from another file before: {known.spec.source}",)


def _change(spec: AgentSpec, wanted: TeamSpec, fleet: Fleet, runner_of: Callable[[AgentSpec], str]) -> Change:
    agent, old, team = fleet.agents.get(spec.id), fleet.spec(spec.id), fleet.teams.get(wanted.name)
    times = _by_time(wanted, spec.name)
    if agent is None or old is None or agent.state not in _UP:
        was = f"it is {agent.state} now" if agent is not None else ""
        words = (*_describe(spec, runner_of), f"by time: {times}" if times else "", was)
        return Change("+", spec.id, spec.window, tuple(filter(None, words)))
    other_times = team is not None and _by_time(team.spec, spec.name) != times
    differing = [f.name for f in fields(spec) if getattr(spec, f.name) != getattr(old, f.name)]
    restart = needs_restart(agent, spec, old)
    by_hand = override_words(agent, old, spec)
    if restart and not differing:
        what = ("it runs from an older version of the file", *by_hand)
        return Change("~", spec.id, spec.window, what, restart=True)
    if not differing and not other_times:
        return Change("=", spec.id, spec.window, (_standing(agent), *by_hand))
    by_time = (f"by time: {times or 'nothing any more'}",) if other_times else ()
    what = (*(_difference(name, old, spec) for name in differing), *by_time, *by_hand)
    return Change("~", spec.id, spec.window, what, restart)


def needs_restart(agent: Agent, spec: AgentSpec, old: AgentSpec | None) -> bool:
    """Tell whether *agent* has to be started again to be what *spec* wants."""
    if agent.state in (AgentState.STARTING, AgentState.RUNNING):
        return agent.digest != spec.digest()
    return old is None or old.digest() != spec.digest()


def is_up(agent: Agent) -> bool:
    """Tell whether *agent* runs or is on its way to."""
    return agent.state in _UP


def _describe(spec: AgentSpec, runner_of: Callable[[AgentSpec], str]) -> list[str]:
    words = [runner_of(spec)]
    if spec.argv:
        words.append("command " + " ".join(spec.argv))
    words.append(f"in {spec.cwd}")
    limits = [f"cpu {spec.limits.cpu_percent:g}%"] if spec.limits.cpu_percent is not None else []
    if spec.limits.memory_bytes is not None:
        limits.append(f"memory {format_bytes(spec.limits.memory_bytes)}")
    limits += [f"pulse {format_duration(spec.limits.pulse)}"] if spec.limits.pulse else []
    words += [" ".join(["limits", *limits])] if limits else []
    budget = [f"{called(field.name)} {figure(field.name, bound)}" for field in fields(spec.budget)
              if (bound := getattr(spec.budget, field.name)) is not None]  # fmt: skip
    words += ["budget " + ", ".join(budget)] if budget else []
    if spec.depends_on:
        words.append("after " + ", ".join(f"{d.agent} ({d.condition})" for d in spec.depends_on))
    if spec.ready:
        words.append(f"ready by {spec.ready.kind} {spec.ready.target or ' '.join(spec.ready.argv)}")
    return words


def _by_time(team: TeamSpec, name: str) -> str:
    """Return what is done by time for the agent called *name*."""
    own = (schedule for schedule in team.schedules if name in schedule.agents and schedule.enabled)
    return "; ".join(f"{schedule.name} {explain(schedule)}" for schedule in own)


def _standing(agent: Agent) -> str:
    return f"{agent.state}, unchanged"


def _difference(name: str, old: AgentSpec, new: AgentSpec) -> str:
    said = _SAID.get(name, name.replace("_", " "))
    before, after = getattr(old, name), getattr(new, name)
    if name in ("runner", "model", "cwd", "window", "role", "index"):
        return f"{said}: {before or 'none'} → {after or 'none'}"
    if name == "argv":
        return f"{said}: {' '.join(before)} → {' '.join(after)}"
    if name in ("limits", "budget"):
        return f"{said}: {', '.join(_figures(before, after))}"
    if name == "env":
        changed = sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k))
        return f"{said}: {', '.join(changed)}"
    return f"{said} changed"


def _figures(before: Limits | Budget, after: Limits | Budget) -> list[str]:
    """Return each figure that differs, as it was and as it will be."""
    pairs = [(f.name, getattr(before, f.name), getattr(after, f.name)) for f in fields(before)]
    return [f"{called(name)} {figure(name, a)} → {figure(name, b)}" for name, a, b in pairs if a != b]
