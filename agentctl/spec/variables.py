"""`${VAR}` in a team file: once, at load, from the caller's environment. `$$` is a plain dollar sign."""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingABC

from agentctl.spec.nodes import Entry, Mapping, Node, Place, Scalar, Sequence
from agentctl.spec.problems import FromVariable, Problem, quoted
from agentctl.spec.source import HIDDEN

_MOST_TEXT = 2**20
"""All values together may bring in this many characters: 4 bytes of file name a variable of 128 KiB."""

_SPOT = re.compile(r"\$\$|\$\{([^{}]*)\}|\$\{")
_REFERENCE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:(:-|:\?)(.*))?", re.DOTALL)


class Substitution:
    """Puts the caller's variables into a tree and collects what does not work."""

    def __init__(self, variables: MappingABC[str, str]) -> None:
        self.problems: list[Problem] = []
        self._variables = variables
        self._left = _MOST_TEXT
        self._done: dict[int, Node] = {}

    def apply(self, node: Node) -> Node:
        """Return *node* with every `${…}` replaced; what an alias shares stays shared."""
        if id(node) not in self._done:
            self._done[id(node)] = self._replaced(node)
        return self._done[id(node)]

    def _replaced(self, node: Node) -> Node:
        if isinstance(node, Mapping):
            entries = {key: Entry(entry.key, self.apply(entry.value)) for key, entry in node.entries.items()}
            return Mapping(entries, node.place, node.weight, node.height)
        if isinstance(node, Sequence):
            return Sequence([self.apply(item) for item in node.items], node.place, node.weight, node.height)
        if isinstance(node.value, str) and "$" in node.value:
            return Scalar(self._text(node.value, node.place), node.place, node.block)
        return node

    def _text(self, text: str, place: Place) -> str:
        named = False
        before = len(self.problems)

        def value(match: re.Match[str]) -> str:
            nonlocal named
            if match[0] == "$$":
                return "$"
            named = True
            # One fault a text: the rest is shown when that is put right.
            return self._value(match[1], place) if len(self.problems) == before else ""

        result = _SPOT.sub(value, text)
        return FromVariable(result) if named else result

    def _value(self, inside: str | None, place: Place) -> str:
        match = _REFERENCE.fullmatch(inside or "")
        if match is None:
            shown = f"${{{inside}}}" if inside is not None else "${"
            hint = "write ${NAME}, ${NAME:-default} or ${NAME:?message}; for a plain ${ write $${"
            return self._wrong(place, f"{quoted(shown)} is not a variable", hint)
        name, sign, rest = match.groups()
        value = self._variables.get(name)
        if not value and sign == ":-":
            return str(rest)
        if not value and sign == ":?":
            return self._wrong(place, f"environment variable {name} is not set: {rest or 'it is needed here'}")
        if value is None:
            hint = f"set it, or write ${{{name}:-default}}; for a plain dollar sign write $$"
            return self._wrong(place, f"environment variable {name} is not set", hint)
        if HIDDEN.search(value):
            return self._wrong(place, f"the value of environment variable {name} holds control characters")
        self._left -= len(value)
        if self._left < 0:
            return self._wrong(place, "the variables of this file come to more than 1 MiB", "use a file instead")
        return value

    def _wrong(self, place: Place, message: str, hint: str = "") -> str:
        self.problems.append(place.problem(message, hint))
        return ""
