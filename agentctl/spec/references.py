"""Names in a team file that stand for something defined elsewhere: roles, runners, secrets, MCP servers, steps."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from agentctl.spec import fill
from agentctl.spec.dependencies import turned
from agentctl.spec.nodes import Mapping, Node, Scalar, Sequence, find
from agentctl.spec.problems import Problem, did_you_mean, enough, quoted
from agentctl.spec.roles import AUTO, known_roles

_MOST_OF_ONE_LIST = 20


def check_references(whole: Mapping, tree: Mapping, runners: Collection[str], allowed: list[Path]) -> list[Problem]:
    """Return a problem for each name in *tree* that nothing in *whole* (the file with its faults) defines."""
    problems: list[Problem] = []
    agents = _keys(whole, "agents")
    programs = sorted({*runners, AUTO})
    roles = sorted(known_roles(whole))
    for settings in _settings(tree):
        if enough(problems):
            return problems
        problems += _unknown(settings.get("runner"), programs, "runner")
        problems += _unknown(settings.get("secrets"), _keys(whole, "secrets"), "secret")
        problems += _unknown(settings.get("mcp"), _keys(whole, "mcp"), "MCP server")
        for path in (("check_in", "prompt"), ("commit", "message"), ("workspace", "branch")):
            spot = find(settings, path)
            if not spot.missing:
                fill.check(spot.node, allowed, problems)
    for _, agent in _maps(tree, "agents"):
        problems += _unknown(agent.get("role"), roles, "role")
    for _, schedule in _maps(whole, "schedules"):
        problems += _unknown(schedule.get("agents"), _with_replicas(whole, agents), "agent")
    for name, workflow in _maps(tree, "workflows"):
        problems += _workflow(name, workflow, whole, agents, allowed)
    return problems


def _settings(tree: Mapping) -> Iterator[Mapping]:
    defaults = tree.get("defaults")
    if isinstance(defaults, Mapping):
        yield defaults
    for section in ("roles", "agents"):
        for _, node in _maps(tree, section):
            yield node


def _maps(tree: Mapping, section: str) -> Iterator[tuple[str, Mapping]]:
    node = tree.get(section)
    for name, entry in node.entries.items() if isinstance(node, Mapping) else ():
        if isinstance(entry.value, Mapping):
            yield name, entry.value


def _keys(tree: Mapping, section: str) -> list[str]:
    node = tree.get(section)
    return list(node.entries) if isinstance(node, Mapping) else []


def _texts(node: Node | None) -> list[Scalar]:
    items = node.items if isinstance(node, Sequence) else [node] if node is not None else []
    return [item for item in items if isinstance(item, Scalar) and isinstance(item.value, str)]


def _unknown(node: Node | None, known: Collection[str], what: str) -> list[Problem]:
    unknown = [scalar for scalar in _texts(node) if scalar.value not in known]
    return [
        scalar.place.problem(f"there is no {what} {quoted(scalar.value)}", did_you_mean(str(scalar.value), known))
        for scalar in unknown[:_MOST_OF_ONE_LIST]
    ]


def _workflow(name: str, workflow: Mapping, whole: Mapping, agents: list[str], allowed: list[Path]) -> list[Problem]:
    problems: list[Problem] = []
    everyone = _with_replicas(whole, agents)
    capabilities = _capabilities(whole)
    steps = _keys(workflow, "steps")
    for _, step in _maps(workflow, "steps"):
        if enough(problems):
            break
        problems += _unknown(step.get("needs"), steps, "step")
        problems += _unknown(step.get("agent"), everyone, "agent")
        problems += _unknown(step.get("capability"), capabilities, "agent with the capability")
        consensus = step.get("consensus")
        if isinstance(consensus, Mapping):
            problems += _unknown(consensus.get("agents"), everyone, "agent")
        other = step.get("workflow")
        if isinstance(other, Scalar) and "/" not in str(other.value):
            problems += _unknown(other, _keys(whole, "workflows"), "workflow")
        for key in ("task", "approve", "run"):
            for text in _texts(step.get(key)):
                fill.check(text, allowed, problems)
    return problems + _circles(name, workflow)


def _with_replicas(whole: Mapping, agents: list[str]) -> list[str]:
    """Return every name of an agent: a replica can be asked by its own."""
    found = list(agents)
    for name, agent in _maps(whole, "agents"):
        count = agent.get("replicas")
        if isinstance(count, Scalar) and isinstance(count.value, int) and 1 < count.value <= 100:  # noqa: PLR2004  the format's
            found += [f"{name}-{number}" for number in range(1, count.value + 1)]
    return found


def _capabilities(whole: Mapping) -> list[str]:
    """Return what any role or agent of the file can do."""
    found: dict[str, None] = {}
    for settings in (*_settings(whole), *(role for role in known_roles(whole).values() if isinstance(role, Mapping))):
        found |= {str(scalar.value): None for scalar in _texts(settings.get("capabilities"))}
    return list(found)


def _circles(name: str, workflow: Mapping) -> list[Problem]:
    order = _keys(workflow, "steps")
    graph = {
        step: {str(scalar.value): scalar for scalar in _texts(node.get("needs")) if scalar.value in order}
        for step, node in _maps(workflow, "steps")
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        trail = turned(list(reversed(error.args[1])), order)
        message = f"steps of {name} wait for each other: {' → '.join(trail)}"
        return [graph[trail[0]][trail[1]].place.problem(message, "remove one of these 'needs'")]
    return []
