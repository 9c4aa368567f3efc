"""Templates of a team file filled in at their places; every fault becomes a problem with its line."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from pathlib import Path

from agentctl.spec import templates
from agentctl.spec.nodes import Node, Place, Scalar
from agentctl.spec.paths import is_path, read_text
from agentctl.spec.problems import Problem
from agentctl.spec.shelf import Shelf, is_shipped
from agentctl.spec.source import HIDDEN, Source, Unreadable

LATER = ("task", "inputs", "steps", "now", "item")
"""Known only when there is a task."""
NOW = ("team", "agent", "peers", "vars", "workspace", "limits", "agentctl")
"""Known when the file is loaded."""


@dataclass
class Fill:
    """Fills in the templates of one agent."""

    facts: MappingABC[str, object]
    problems: list[Problem]
    budget: templates.Budget
    shelf: Shelf
    used_later: set[str] = field(default_factory=set)

    def text(self, node: Node | None) -> str:
        """Return the text at *node* filled in; a problem and an empty text where that fails."""
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            return ""
        return self.source(node.value, node.place, block=node.block)

    def source(self, text: str, place: Place, *, block: bool = False) -> str:
        """Return *text*, which stands at *place*, filled in."""
        if not templates.is_template(text):
            return text
        facts = {**self.facts, **{name: templates.Later(name, self.used_later) for name in LATER}}
        try:
            filled = templates.render(text, facts, self.budget)
        except templates.TemplateProblem as error:
            self.problems.append(_at(place, error, block=block))
            return ""
        if found := HIDDEN.search(filled):
            self.problems.append(place.problem(f"the template makes the invisible character U+{ord(found[0]):04X}"))
            return ""
        return filled

    def file(self, node: Node | None, allowed: list[Path]) -> str:
        """Return the text of the file that *node* names, filled in."""
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            return ""
        if is_shipped(node.place.source):
            return self.shipped(node.value, node.place)
        text, shown, problem = read_text(node.value, node.place, allowed)
        if problem is not None:
            self.problems.append(problem)
            return ""
        return self.source(text, Place(Source(Path(shown), shown, text), 1, 1), block=True)

    def text_or_file(self, node: Node | None, allowed: list[Path]) -> str:
        """Return the text at *node*, or that of the file that it names, filled in."""
        named = isinstance(node, Scalar) and isinstance(node.value, str) and is_path(node.value)
        return self.file(node, allowed) if named else self.text(node)

    def shipped(self, name: str, place: Place) -> str:
        """Return our template *name*, or the user's in its place, filled in; *place* is what made it needed."""
        try:
            source = self.shelf.read(name)
        except Unreadable as error:
            self.problems.append(place.problem(f"templates/{name}: {error.message}", error.hint))
            return ""
        return self.source(source.text, Place(source, 1, 1), block=True)


def check(node: Node | None, allowed: list[Path], problems: list[Problem]) -> None:
    """Check the template at *node*, or in the file that it names, without filling it in."""
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return
    text, place, block = node.value, node.place, node.block
    if is_path(text):
        text, shown, problem = read_text(text, place, allowed)
        if problem is not None:
            problems.append(problem)
            return
        place, block = Place(Source(Path(shown), shown, text), 1, 1), True
    try:
        templates.check(text, NOW + LATER)
    except templates.TemplateProblem as error:
        problems.append(_at(place, error, block=block))


def _at(place: Place, error: templates.TemplateProblem, *, block: bool) -> Problem:
    """Return *error* as a problem; a text over several lines is counted from its first."""
    if not (block and error.line):
        return place.problem(error.message, error.hint)
    is_file = place.line == 1 and place.column == 1
    line = error.line + (0 if is_file else place.line)
    shown = place.source.line(line)
    column = len(shown) - len(shown.lstrip()) + 1
    return Place(place.source, line, column, max(1, len(shown.rstrip()) - column + 1)).problem(
        error.message, error.hint
    )
