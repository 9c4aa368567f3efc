"""The parsed file as a tree in which every value knows the file, line and column it came from."""

from __future__ import annotations

from collections.abc import Sequence as SequenceABC
from dataclasses import dataclass, field
from typing import TypeAlias

from agentctl.spec.problems import Problem
from agentctl.spec.source import Source

Value: TypeAlias = "str | int | float | bool | None"
Step: TypeAlias = "str | int"
"""One step into the tree: a key, or an index."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a file, from 1; the width is in characters."""

    source: Source
    line: int
    column: int
    width: int = 1

    def problem(self, message: str, hint: str = "") -> Problem:
        """Return a problem at this place."""
        shown = self.source.line(self.line)
        return Problem(self.source.shown, self.line, self.column, message, hint, shown, self.width)

    def __str__(self) -> str:
        return f"{self.source.shown}:{self.line}"


@dataclass(slots=True)
class Scalar:
    """One value; `block` where it is written over several lines below its key."""

    value: Value
    place: Place
    block: bool = False
    weight: int = 1
    height: int = 1


@dataclass(slots=True)
class Sequence:
    """A list."""

    items: list[Node]
    place: Place
    weight: int = 1
    """How many values it is with every alias written out."""
    height: int = 1
    """How deep it nests."""


@dataclass(slots=True)
class Entry:
    """One key of a mapping: where the key stands, and its value."""

    key: Place
    value: Node


@dataclass(slots=True)
class Mapping:
    """Keys and values in the file's order."""

    entries: dict[str, Entry]
    place: Place
    weight: int = 1
    height: int = 1

    def get(self, key: str) -> Node | None:
        """Return the value of *key*, None where there is none."""
        entry = self.entries.get(key)
        return entry.value if entry else None


Node: TypeAlias = Scalar | Sequence | Mapping


@dataclass(frozen=True, slots=True)
class Spot:
    """What a path leads to: the node, as deep as the path exists, and where its key stands."""

    node: Node
    key: Place
    missing: tuple[Step, ...] = field(default=())
    """The end of the path that does not exist."""


def find(root: Node, path: SequenceABC[Step]) -> Spot:
    """Follow *path* from *root* as far as it goes; an item of a list can also be named by its text."""
    node, key = root, root.place
    for depth, step in enumerate(path):
        following = _follow(node, step)
        if following is None:
            return Spot(node, key, tuple(path[depth:]))
        node, key = following
    return Spot(node, key)


def _follow(node: Node, step: Step) -> tuple[Node, Place] | None:
    if isinstance(node, Mapping) and isinstance(step, str) and step in node.entries:
        entry = node.entries[step]
        return entry.value, entry.key
    if isinstance(node, Sequence):
        if isinstance(step, int) and step < len(node.items):
            return node.items[step], node.items[step].place
        for item in node.items:
            if isinstance(item, Scalar) and item.value == step and isinstance(step, str):
                return item, item.place
    return None


def without(node: Node, path: SequenceABC[Step]) -> Node:
    """Return a copy of *node* that lacks what *path* leads to; what is beside the path is shared."""
    step, rest = path[0], path[1:]
    if isinstance(node, Mapping) and isinstance(step, str) and step in node.entries:
        entries = dict(node.entries)
        entry = entries.pop(step)
        if rest:
            entries = node.entries | {step: Entry(entry.key, without(entry.value, rest))}
        return Mapping(entries, node.place, node.weight, node.height)
    if isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
        kept = [without(node.items[step], rest)] if rest else []
        return Sequence([*node.items[:step], *kept, *node.items[step + 1 :]], node.place, node.weight, node.height)
    return node


def is_null(node: Node | None) -> bool:
    """Tell whether *node* is a written null."""
    return isinstance(node, Scalar) and node.value is None


def to_data(node: Node) -> object:
    """Return *node* as plain values; a key whose value is null is as good as not written."""
    if isinstance(node, Mapping):
        return {key: to_data(entry.value) for key, entry in node.entries.items() if not is_null(entry.value)}
    if isinstance(node, Sequence):
        return [to_data(item) for item in node.items]
    return node.value


def without_nulls(node: Node) -> Node:
    """Return *node* without the keys whose value is null, at any depth."""
    if isinstance(node, Mapping):
        kept = {
            key: Entry(entry.key, without_nulls(entry.value))
            for key, entry in node.entries.items()
            if not is_null(entry.value)
        }
        return Mapping(kept, node.place, node.weight, node.height)
    return node


def merge(base: Node, over: Node) -> Node:
    """Return *over* laid upon *base*: maps merge, lists and scalars replace, null removes."""
    if not (isinstance(base, Mapping) and isinstance(over, Mapping)):
        return over
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        known = entries.get(key)
        if known is None:
            entries[key] = entry
        elif is_null(entry.value):
            del entries[key]
        else:
            entries[key] = Entry(entry.key, merge(known.value, entry.value))
    return Mapping(entries, over.place, base.weight + over.weight, max(base.height, over.height))
