"""Limits and budgets set while agents run: recorded, and in force at once; nothing is started anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from agentctl.domain.agent import Agent
from agentctl.domain.codec import encode
from agentctl.domain.errors import Refused, UsageError
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.names import AgentId
from agentctl.domain.team import Budget, Limits
from agentctl.domain.units import format_bytes
from agentctl.supervisor.requests.look import rows_of
from agentctl.supervisor.requests.request import Request

_LARGEST = 2.0**50
_LEAST_MEMORY, _LEAST_PROCESSES = 2**20, 8
"""As in team files."""


async def limit(request: Request) -> dict[str, Any]:
    """Set limits and budgets of the selected agents, or with `reset` let those of their team files hold again."""
    agents = named(request)
    if request.arg("reset", bool, default=False):
        changed = [agent for agent in agents if agent.limits is not None or agent.budget is not None]
        drafts = [_limited(agent, None, None) for agent in changed]
    else:
        changes = _changes(request, "limits", _LIMITS), _changes(request, "budget", _BUDGET)
        if not any(changes):
            raise UsageError("there is nothing to set", hint="for example: --cpu 40%, --tokens 2M")
        drafts = [_set(request, agent, *changes) for agent in agents]
    request.record(drafts)
    return {"agents": rows_of(request, [agent.id for agent in agents])}


def named(request: Request) -> list[Agent]:
    """Return the agents that the selectors name; nothing of this is done to all by leaving them out."""
    if not request.texts("selectors"):
        raise UsageError("say which agents: teams, agents or states")
    return [request.fleet.agents[name] for name in request.selected()]


def _set(request: Request, agent: Agent, limits: Mapping[str, Any], budget: Mapping[str, Any]) -> Draft:
    """Return the event that sets what is given over what is in force; refused where its program cannot live so."""
    fleet, spec = request.fleet, request.fleet.spec(agent.id)
    if spec is None:
        raise Refused(f"{agent.id} is part of no team any more")
    _check_memory(request, agent.id, agent.runner or spec.runner, limits.get("memory_bytes"))
    held = replace(fleet.limits(agent.id), **limits) if limits else agent.limits
    may = replace(fleet.budget(agent.id), **budget) if budget else agent.budget
    return _limited(agent, None if held == spec.limits else held, None if may == spec.budget else may)


def _check_memory(request: Request, agent: AgentId, runner: str, memory_bytes: int | None) -> None:
    why = request.world.runners.check_memory(runner, memory_bytes) if memory_bytes is not None else ""
    if why:
        raise Refused(f"{format_bytes(memory_bytes or 0)} of memory is too little for {agent}: {why}")


def _limited(agent: Agent, limits: Limits | None, budget: Budget | None) -> Draft:
    facts = {"limits": encode(limits), "budget": encode(budget)}
    return Draft(agent_stream(agent.id), EventType.AGENT_LIMITED, facts)


def _changes(request: Request, name: str, known: Mapping[str, tuple[str, Callable[[Any], Any]]]) -> dict[str, Any]:
    """Return the fields that argument *name* sets; null is no limit."""
    given = request.arg(name, dict, {})
    if unknown := given.keys() - known.keys():
        raise UsageError(f"'{min(unknown)}' is not known in '{name}'", hint=f"there are: {', '.join(known)}")
    return {known[key][0]: _checked(key, known[key][1], value) for key, value in given.items()}


def _checked(key: str, check: Callable[[Any], Any], value: object) -> Any:  # noqa: ANN401  JSON's own
    try:
        return check(value)
    except UsageError as error:
        raise UsageError(f"{_WORDS.get(key, key)}: {error.message}") from None


def _number(least: float, *, whole: bool = False, needed: bool = False) -> Callable[[Any], Any]:
    """Return the check of a figure that is at least *least*; null is no limit, unless one is *needed*."""

    def check(value: object) -> Any:  # noqa: ANN401  JSON's own
        if value is None and not needed:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value:
            raise UsageError(f"a figure of at least {least:g} is needed")
        if value > _LARGEST:
            raise UsageError(f"a figure of at most {_LARGEST:.0f} is needed")
        return int(value) if whole else float(value)

    return check


def _duration(least: float, *, needed: bool = False) -> Callable[[Any], Any]:
    number = _number(least, needed=needed)

    def check(value: object) -> timedelta | None:
        seconds = number(value)
        return None if seconds is None else timedelta(seconds=min(seconds, _LONGEST_SECONDS))

    return check


_LONGEST_SECONDS = 3650 * 86400.0

_WORDS = {"cpu_percent": "cpu, in percent", "memory_bytes": "memory, in bytes", "pulse_seconds": "pulse, in seconds"}
"""What people call a figure whose name on the wire is for programs."""

_LIMITS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "cpu_percent": ("cpu_percent", _number(1)),
    "memory_bytes": ("memory_bytes", _number(_LEAST_MEMORY, whole=True)),
    "pulse_seconds": ("pulse", _duration(0, needed=True)),
    "processes": ("processes", _number(_LEAST_PROCESSES, whole=True)),
}
_BUDGET: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "tokens": ("tokens", _number(1, whole=True)),
    "usd": ("usd", _number(0.01)),
    "work_seconds": ("time", _duration(1)),
}
