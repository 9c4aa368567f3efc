"""Roles: which one an agent has, and its settings laid upon its role's, upon the defaults.

The roles that are there without being defined are data in `templates/roles.yaml`, read like any team file.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from agentctl.domain.errors import SpecError
from agentctl.spec.bundled import templates_dir
from agentctl.spec.nodes import Mapping, Node, Scalar, find, merge
from agentctl.spec.parse import parse
from agentctl.spec.source import read_source

PROCESS = "process"
SHELL = "shell"
AUTO = "auto"


@cache
def builtin_roles() -> Mapping:
    """Return the built-in roles by name."""
    path = templates_dir() / "roles.yaml"
    tree, problems = parse(read_source(path, f"templates/{path.name}"))
    if tree is None or problems:
        raise SpecError(f"{path} is damaged", hint="install agentctl again")
    return tree


def known_roles(tree: Mapping) -> dict[str, Node]:
    """Return every role that an agent of the file can have; the file's own take the place of the built-in ones."""
    own = tree.get("roles")
    layers = [builtin_roles(), own] if isinstance(own, Mapping) else [builtin_roles()]
    return {name: entry.value for layer in layers for name, entry in layer.entries.items()}


def role_of(key: str, node: Node, known: Collection[str]) -> str | None:
    """Return the role of the agent *key*: the one it names, else the one that is called like it."""
    return _text(node, "role") or (key if key in known else None)


def effective(key: str, node: Node, tree: Mapping, roles: dict[str, Node]) -> Node:
    """Return an agent's settings laid upon its role's, upon the defaults, upon the workspace of the team."""
    workspace = tree.entries.get("workspace")
    result: Node = Mapping({"workspace": workspace} if workspace else {}, tree.place)
    for layer in (tree.get("defaults"), roles.get(role_of(key, node, roles) or ""), node):
        if isinstance(layer, Mapping):
            result = merge(result, layer)
    return result


def runner_of(key: str, node: Node, tree: Mapping, roles: dict[str, Node]) -> str:
    """Return the runner; a command makes a process of the agent, unless it or its role says otherwise."""
    own = find(tree, ("agents", key)).node
    role = roles.get(role_of(key, own, roles) or "")
    said = _text(own, "runner") or (role and _text(role, "runner"))
    if said:
        return said
    has_command = isinstance(node, Mapping) and node.get("command") is not None
    return PROCESS if has_command else _text(node, "runner") or AUTO


def _text(node: Node, key: str) -> str | None:
    value = node.get(key) if isinstance(node, Mapping) else None
    return value.value if isinstance(value, Scalar) and isinstance(value.value, str) else None
