"""A team file and the files it extends, merged into one tree; each value keeps the file it came from."""

from __future__ import annotations

import os
from pathlib import Path

from agentctl.spec.nodes import Mapping, Place, Scalar, is_null, merge
from agentctl.spec.parse import parse
from agentctl.spec.problems import Problem, quoted
from agentctl.spec.source import Source, Unreadable, read_source

_MOST_FILES = 10


def read_tree(path: Path, shown: str) -> tuple[Mapping | None, list[Problem]]:
    """Return the merged tree of the file *path*, called *shown*, and what is wrong with the files.

    The tree is None where a file cannot be read or a circle makes it meaningless; then there is at least one problem.
    """
    problems: list[Problem] = []
    layers: list[Mapping] = []
    trail: list[str] = []
    asked: Place | None = None
    while True:
        real = os.path.realpath(path)
        if real in trail:
            return None, [*problems, _circle(asked, [*trail, real])]
        trail.append(real)
        layer, found = _read(path, shown, asked)
        problems += found
        if layer is None:
            return None, problems
        layers.append(layer)
        base = _base(layer, problems)
        if base is None:
            break
        if len(trail) == _MOST_FILES:
            return None, [*problems, base.place.problem(f"more than {_MOST_FILES} files extend each other here")]
        asked, name = base.place, str(base.value)
        path, shown = path.parent / name, os.path.normpath(os.path.join(os.path.dirname(shown), name))  # noqa: PTH118, PTH120  text
    return _merged(layers), problems


def _read(path: Path, shown: str, asked: Place | None) -> tuple[Mapping | None, list[Problem]]:
    try:
        source = read_source(path, shown)
    except Unreadable as error:
        if asked is not None:
            return None, [asked.problem(f"{shown}: {error.message}", error.hint)]
        text = Source(path, shown, error.text)
        return None, [Place(text, error.line, error.column).problem(error.message, error.hint)]
    return parse(source)


def _base(layer: Mapping, problems: list[Problem]) -> Scalar | None:
    node = layer.get("extends")
    if node is None or is_null(node):
        return None
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or not node.value.strip():
        problems.append(node.place.problem("'extends' takes the path of one file", "for example: extends: base.yaml"))
        return None
    if "${" in node.value:
        problems.append(node.place.problem(f"'extends' takes no variables: {quoted(node.value)}"))
        return None
    return node


def _circle(asked: Place | None, trail: list[str]) -> Problem:
    names = [os.path.basename(name) for name in trail[trail.index(trail[-1]) :]]  # noqa: PTH119  text
    message = f"these files extend each other: {' → '.join(names)}"
    assert asked is not None  # noqa: S101  the first file cannot close a circle
    return asked.problem(message, "remove one of these 'extends'")


def _merged(layers: list[Mapping]) -> Mapping:
    """Return *layers*, the first over the last, without the keys that are only for the files themselves."""
    result = layers[-1]
    for layer in reversed(layers[:-1]):
        merged = merge(result, layer)
        assert isinstance(merged, Mapping)  # noqa: S101  both are maps
        result = merged
    own = {key: entry for key, entry in result.entries.items() if key not in ("extends", "$schema") and key[:2] != "x-"}
    return Mapping(own, result.place, result.weight, result.height)
