"""YAML text to a tree with positions, on PyYAML's event stream.

Nothing is composed or constructed by PyYAML: its composer recurses in C and dies of 30,000 open brackets, while its
event stream does not recurse. Depth, aliases and the size with every alias written out are counted as events come.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from agentctl.spec import scalars
from agentctl.spec.nodes import Entry, Mapping, Node, Place, Scalar, Sequence
from agentctl.spec.problems import Problem, enough, quoted
from agentctl.spec.source import HIDDEN, Source

MOST_DEPTH = 50
MOST_ALIASES = 100
MOST_VALUES = 50_000

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_PLAIN_WORDS = (
    (
        "cannot start any token",
        "this character cannot start a value",
        "put the text in quotes; indent with spaces, not tabs",
    ),
    ("mapping values are not allowed", "a ':' makes no sense here", "put the text in quotes, or check the indentation"),
    ("could not find expected ':'", "a ':' is missing after this key", "write 'key: value'"),
    ("did not find expected key", "a key was expected here", "check the indentation, and quotes that are not closed"),
    ("did not find expected ',' or ']'", "this list is not closed", "a ',' or a ']' is missing"),
    ("did not find expected ',' or '}'", "this map is not closed", "a ',' or a '}' is missing"),
    ("did not find expected node content", "a value was expected here", "put the text in quotes"),
    ("exceeded maximum nesting depth", f"this is nested more than {MOST_DEPTH} deep", "a team file needs about 6"),
    ("found unexpected end of stream", "the file ends inside quotes", "close the quotes"),
    ("did not find expected '-' indicator", "a '-' was expected here", "check the indentation of the list"),
    ("did not find expected <document start>", "the file has ended before this line", "check the indentation"),
    ("unknown escape character", "this escape is not known", "in single quotes a backslash is only a backslash"),
)


class _Stop(Exception):
    """The file cannot be read further."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def parse(source: Source) -> tuple[Mapping | None, list[Problem]]:
    """Return the tree of *source*, None where there is no use in going on, and what is wrong with it."""
    builder = _Builder(source)
    try:
        return builder.document(), builder.problems
    except _Stop as stop:
        return None, [*builder.problems, stop.problem]
    except yaml.YAMLError as error:
        return None, [*builder.problems, _syntax(source, error)]


class _Problems(list[Problem]):
    """What is wrong so far; the reading ends where it is enough for a person."""

    def append(self, problem: Problem) -> None:
        """Add *problem*, or stop at it."""
        if enough(self):
            raise _Stop(problem)
        super().append(problem)


class _Builder:
    """Makes nodes from events and counts what they cost."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems = _Problems()
        self._events: Iterator[yaml.Event] = yaml.parse(source.text, Loader=_Loader)
        self._anchors: dict[str, Node | None] = {}
        self._aliases = 0
        self._values = 0

    def document(self) -> Mapping:
        """Return the one document of the file."""
        next(self._events)
        first = next(self._events)
        start = Place(self.source, 1, 1)
        if isinstance(first, yaml.StreamEndEvent):
            raise _Stop(start.problem("the file is empty", "begin with 'version: 1', 'name:' and 'agents:'"))
        root = self._node(next(self._events), 1)
        next(self._events)
        if isinstance(following := next(self._events), yaml.DocumentStartEvent):
            message = "a second document starts here; a team file holds one"
            raise _Stop(self._place(following).problem(message, "remove the '---', or use two files"))
        if isinstance(root, Mapping):
            return root
        hint = "begin with 'version: 1', 'name:' and 'agents:'"
        kind = "a list" if isinstance(root, Sequence) else "one value"
        if isinstance(root, Scalar) and root.value is None:
            raise _Stop(start.problem("the file is empty", hint))
        raise _Stop(root.place.problem(f"the file is {kind}; a team file is a map of keys", hint))

    def _node(self, event: yaml.Event, depth: int) -> Node:
        place = self._place(event)
        self._require_depth(depth, place)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, place, depth)
        if getattr(event, "tag", None) is not None:
            self._tag(event, place)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = None
        node: Node
        if isinstance(event, yaml.MappingStartEvent):
            node = self._mapping(place, depth)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(place, depth)
        else:
            node = self._scalar(event, place)
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _mapping(self, place: Place, depth: int) -> Mapping:
        self._count(1, place)
        before = self._values
        entries: dict[str, Entry] = {}
        merged: list[Mapping] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            at = self._place(event)
            key = self._key(event, at, depth)
            value = self._node(next(self._events), depth + 1)
            if key == "<<" and not event.style:  # type: ignore[attr-defined]
                merged += self._merged(value)
            elif key is not None and key in entries:
                hint = f"first on line {entries[key].key.line}; remove one"
                self.problems.append(at.problem(f"the key {quoted(key)} is here twice", hint))
            elif key is not None:
                entries[key] = Entry(at, value)
        for mapping in merged:
            self._count(mapping.weight, place)
            entries = mapping.entries | entries
        height = 1 + max((entry.value.height for entry in entries.values()), default=0)
        return Mapping(entries, place, 1 + self._values - before, height)

    def _key(self, event: yaml.Event, place: Place, depth: int) -> str | None:
        if not isinstance(event, yaml.ScalarEvent):
            self._node(event, depth + 1)
            braces = "text that holds {{ }} needs quotes around it"
            self.problems.append(place.problem("a key must be text, not a list, a map or an alias", braces))
            return None
        key = self._scalar(event, place)
        if isinstance(key.value, str):
            return key.value
        self.problems.append(
            place.problem(f"a key must be text, not {quoted(key.value)}", f'write it in quotes: "{event.value}"')
        )
        return None

    def _sequence(self, place: Place, depth: int) -> Sequence:
        self._count(1, place)
        before = self._values
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        height = 1 + max((item.height for item in items), default=0)
        return Sequence(items, place, 1 + self._values - before, height)

    def _scalar(self, event: yaml.Event, place: Place) -> Scalar:
        assert isinstance(event, yaml.ScalarEvent)  # noqa: S101  every other kind is handled before
        self._count(1, place)
        text: str = event.value
        if found := HIDDEN.search(text):
            self.problems.append(
                place.problem(f"the character U+{ord(found[0]):04X} may not stand in a value", "remove it")
            )
            return Scalar("", place)
        if event.style or not event.implicit[0]:
            return Scalar(text, place, block=event.style in ("|", ">"))
        try:
            return Scalar(scalars.resolve(text), place)
        except ValueError as error:
            self.problems.append(place.problem(str(error)))
            return Scalar(text, place)

    def _alias(self, event: yaml.AliasEvent, place: Place, depth: int) -> Node:
        self._aliases += 1
        if self._aliases > MOST_ALIASES:
            raise _Stop(
                place.problem(f"the file has more than {MOST_ALIASES} aliases (*name)", "write some of them out")
            )
        name = event.anchor
        if name not in self._anchors:
            raise _Stop(place.problem(f"there is no anchor &{quoted(name)[1:-1]} before this line"))
        node = self._anchors[name]
        if node is None:
            raise _Stop(place.problem(f"*{quoted(name)[1:-1]} stands inside of itself"))
        self._require_depth(depth + node.height - 1, place)
        self._count(node.weight, place)
        return node

    def _require_depth(self, depth: int, place: Place) -> None:
        if depth > MOST_DEPTH:
            raise _Stop(place.problem(f"this is nested more than {MOST_DEPTH} deep", "a team file needs about 6"))

    def _merged(self, value: Node) -> list[Mapping]:
        found = value.items if isinstance(value, Sequence) else [value]
        maps = [node for node in found if isinstance(node, Mapping)]
        if len(maps) < len(found):
            self.problems.append(value.place.problem("'<<' takes an alias of a map, or a list of them"))
        return maps

    def _tag(self, event: yaml.Event, place: Place) -> None:
        tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")  # type: ignore[attr-defined]
        self.problems.append(
            place.problem(f"the tag {quoted(tag)[1:-1]} is not allowed", "remove it; quotes make a value text")
        )

    def _count(self, values: int, place: Place) -> None:
        self._values += values
        if self._values > MOST_VALUES:
            message = f"the file holds more than {MOST_VALUES:,} values with its aliases written out"
            raise _Stop(place.problem(message, "a team file has a few hundred"))

    def _place(self, event: yaml.Event) -> Place:
        start, end = event.start_mark, event.end_mark
        assert start is not None  # noqa: S101  the stubs allow for events that were made by hand
        assert end is not None  # noqa: S101
        until = end.column if end.line == start.line else len(self.source.line(start.line + 1))
        return Place(self.source, start.line + 1, start.column + 1, max(1, until - start.column))


def _syntax(source: Source, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", None) or error)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if line > len(source.lines) or (line == len(source.lines) and not source.line(line)):
        line, column = _end(source)
    place = Place(source, line, column)
    for words, message, hint in _PLAIN_WORDS:
        if words in problem:
            return place.problem(message, hint)
    return place.problem(f"this is not YAML: {problem}")


def _end(source: Source) -> tuple[int, int]:
    """Return the place behind the last text of *source*."""
    last = len(source.text.rstrip("\n").split("\n"))
    return last, len(source.line(last)) + 1
