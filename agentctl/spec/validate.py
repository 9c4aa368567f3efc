"""A tree against the format: every fault in plain words at its place, and the rest of the file still usable.

What is wrong is cut out of the tree and the rest is checked again, so that one mistake does not hide the others.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from agentctl.spec.kinds import Model
from agentctl.spec.nodes import Entry, Mapping, Node, Scalar, Spot, Step, find, is_null, to_data, without
from agentctl.spec.problems import Problem, did_you_mean, quoted

M = TypeVar("M", bound=Model)

_ROUNDS = 4
_MOST_ERRORS = 200
_NAMED = ("agents", "roles", "schedules", "workflows", "mcp", "secrets")
_KEY = "[key]"


def validate(kind: type[M], tree: Node, where: Sequence[Step] = ()) -> tuple[M | None, Node, list[Problem]]:
    """Return *tree* as a *kind*, the tree without what is wrong, and the problems; *where* leads to it in the file.

    The model is None where too much is missing to go on.
    """
    problems: list[Problem] = []
    seen: set[tuple[object, ...]] = set()
    cut: list[tuple[Step, ...]] = []
    for _ in range(_ROUNDS):
        try:
            return kind.model_validate(to_data(tree)), tree, problems
        except ValidationError as error:
            errors = error.errors(include_url=False)[:_MOST_ERRORS]
        for details in errors:
            if any(path[: len(_path(details))] == _path(details) for path in cut):
                continue  # it follows from something wrong inside of it, which has been cut out
            problem = _problem(kind, tree, details, where)
            # The value of an alias is one place and many paths.
            fault = (problem.file, problem.line, problem.column, details["type"], details["loc"][-1:])
            if fault not in seen:
                seen.add(fault)
                problems.append(problem)
        if len(errors) == _MOST_ERRORS:
            break
        cut += [_path(details) for details in errors]
        smaller = _without_faults(tree, errors)
        if smaller is None:
            break
        tree = smaller
    return None, tree, problems


def filled_out(tree: Mapping) -> tuple[Mapping, list[Problem]]:
    """Return *tree* with an empty map for each named thing that is only a name (`pm:`), and a problem for each."""
    problems: list[Problem] = []
    entries = dict(tree.entries)
    for section in _NAMED:
        named = tree.get(section)
        if not isinstance(named, Mapping):
            continue
        made = {name: entry for name, entry in named.entries.items() if is_null(entry.value)}
        for name, entry in made.items():
            hint = f"write '{name}: {{}}' to take every default, or remove it" if section == "agents" else "remove it"
            problems.append(entry.key.problem(f"{section}.{quoted(name)[1:-1]} is empty", hint))
        stand_ins = {name: Entry(entry.key, Mapping({}, entry.value.place)) for name, entry in made.items()}
        filled = Mapping(named.entries | stand_ins, named.place, named.weight, named.height)
        entries[section] = Entry(entries[section].key, filled)
    return Mapping(entries, tree.place, tree.weight, tree.height), problems


def _without_faults(tree: Node, errors: Sequence[ErrorDetails]) -> Node | None:
    """Return *tree* without what the errors lead to; None where that is all of it."""
    paths = {_existing(tree, details) for details in errors}
    if () in paths:
        return _with_stand_ins(tree, errors)
    for path in sorted(paths, key=lambda path: [(isinstance(step, int), step) for step in path], reverse=True):
        tree = without(tree, path)
    return tree


def _path(details: ErrorDetails) -> tuple[Step, ...]:
    return tuple(step for step in details["loc"] if step != _KEY)


def _existing(tree: Node, details: ErrorDetails) -> tuple[Step, ...]:
    path = _path(details)
    missing = find(tree, path).missing
    return path[: len(path) - len(missing)]


def _with_stand_ins(tree: Node, errors: Sequence[ErrorDetails]) -> Node | None:
    """Return *tree* with a version and a name where only those are missing, so that the rest is checked too."""
    stand_ins: dict[str, str | int] = {"version": 1, "name": "team"}
    missing = {details["loc"][0] for details in errors if details["type"] == "missing" and len(details["loc"]) == 1}
    if not isinstance(tree, Mapping) or not missing or not missing <= set(stand_ins):
        return None
    made = {str(key): Entry(tree.place, Scalar(stand_ins[str(key)], tree.place)) for key in missing}
    return Mapping(tree.entries | made, tree.place, tree.weight, tree.height)


def _problem(kind: type[BaseModel], tree: Node, details: ErrorDetails, where: Sequence[Step]) -> Problem:
    path = _path(details)
    spot = find(tree, path)
    fault = details["type"]
    is_key = fault in ("extra_forbidden", "missing") or _KEY in details["loc"]
    # A fault of a whole map is shown at its key: the map itself begins on the line below.
    place = spot.key if is_key or not isinstance(spot.node, Scalar) else spot.node.place
    name = dotted([*where, *path])
    if fault == "extra_forbidden":
        return place.problem(*_unknown_key(kind, path, [*where, *path]))
    if fault == "missing":
        return place.problem(*_missing(path, [*where, *path]))
    message, hint = _words(details, spot)
    return place.problem(f"{name}{message}" if message.startswith(":") else f"{name} {message}", hint)


def dotted(path: Sequence[Step]) -> str:
    """Return *path* as people write it: `agents.pm.command[1]`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{quoted(step)[1:-1]}" for step in path)
    return text.removeprefix(".") or "the file"


def _missing(path: Sequence[Step], full: Sequence[Step]) -> tuple[str, str]:
    hints = {
        "version": "write 'version: 1' as the first key",
        "name": "write 'name: ' and the team's name",
        "agents": "write 'agents:' and under it at least one, for example 'dev: {}'",
    }
    inside = dotted(full[:-1]) if full[:-1] else "the team"
    return f"{inside} needs '{path[-1]}'", hints.get(str(path[-1]), "") if len(full) == 1 else ""


def _unknown_key(kind: type[BaseModel], path: Sequence[Step], full: Sequence[Step]) -> tuple[str, str]:
    unknown = str(path[-1])
    inside = dotted(full[:-1]) if full[:-1] else "the file"
    message = f"unknown key {quoted(unknown)} in {inside}"
    model = _model_at(kind, path[:-1])
    if model is None:
        return message, ""
    known = [field.alias or name for name, field in model.model_fields.items()]
    deeper = {
        key: outer
        for outer, field in model.model_fields.items()
        if (below := model_of(field.annotation)) is not None
        for key in below.model_fields
    }
    if unknown in deeper:
        return message, f"it belongs under '{deeper[unknown]}'"
    return message, did_you_mean(unknown, known)


def _model_at(kind: type[BaseModel], path: Sequence[Step]) -> type[BaseModel] | None:
    """Return the model that *path* leads to from *kind*."""
    model: type[BaseModel] | None = kind
    named = False
    for step in path:
        if named or model is None:
            named = False
            continue
        annotation = next((f.annotation for n, f in model.model_fields.items() if (f.alias or n) == step), None)
        model, named = model_of(annotation), _is_many(annotation)
    return model


def model_of(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401  an annotation
    """Return the model inside an annotation: of an option, a list's item, a map's value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for a in _inner(annotation) if (model := model_of(a)) is not None), None)


def _is_many(annotation: Any) -> bool:  # noqa: ANN401  an annotation
    return typing.get_origin(annotation) in (list, dict) or any(_is_many(inner) for inner in _inner(annotation))


def _inner(annotation: Any) -> tuple[Any, ...]:  # noqa: ANN401  an annotation
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return typing.get_args(annotation)[:1]
    return typing.get_args(annotation) if origin in (typing.Union, types.UnionType, list, dict) else ()


def _words(details: ErrorDetails, spot: Spot) -> tuple[str, str]:
    """Return what pydantic found, as a person would say it, and what helps."""
    fault, given, context = details["type"], details["input"], details.get("ctx", {})
    if fault == "value_error":
        return _own_words(str(context["error"]), given)
    if fault == "literal_error":
        choices = [choice.strip("'") for choice in context["expected"].replace(" or ", ", ").split(", ")]
        shown = "" if isinstance(given, dict | list) else f", not {quoted(given)}"
        listed = choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])} or {choices[-1]}"
        return f"must be {listed}{shown}", _close(given, choices)
    words = _KINDS.get(fault)
    if words is not None:
        shown = "nothing" if given is None else quoted(given)
        shown = "a map" if isinstance(given, dict) else "a list" if isinstance(given, list) else shown
        return f"must be {words}, not {shown}", _quotes(fault, spot)
    size = _SIZES.get(fault)
    if size is not None:
        return size(context), ""
    return f": {details['msg']}", ""


def _own_words(message: str, given: object) -> tuple[str, str]:
    if message.startswith(("must", "needs", "takes", "is ")):
        return message, ""
    return (f": {message}", "") if not isinstance(given, dict | list) else (f"must be text: {message}", "")


def _close(given: object, choices: Sequence[str]) -> str:
    if given is False or given in ("no", "off", "none"):
        return "did you mean 'never'?" if "never" in choices else ""
    hint = did_you_mean(given, choices) if isinstance(given, str) else ""
    return hint if hint.startswith("did") else ""


def _quotes(fault: str, spot: Spot) -> str:
    if fault != "string_type" or not isinstance(spot.node, Scalar) or spot.missing or spot.node.value is None:
        return ""
    place = spot.node.place
    return f'write it in quotes: "{place.source.line(place.line)[place.column - 1 :][: place.width]}"'


_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a map of keys",
    "model_type": "a map of keys",
    "model_attributes_type": "a map of keys",
}

_SIZES: dict[str, Callable[[dict[str, Any]], str]] = {
    "greater_than_equal": lambda c: f"must be at least {c['ge']:g}",
    "greater_than": lambda c: f"must be more than {c['gt']:g}",
    "less_than_equal": lambda c: f"must be at most {c['le']:g}",
    "too_short": lambda c: f"needs at least {c['min_length']}",
    "too_long": lambda c: f"takes at most {c['max_length']}",
    "string_too_short": lambda c: f"needs at least {c['min_length']} characters",
    "string_pattern_mismatch": lambda _: "is not written as it should be; see the description of this key",
    "finite_number": lambda _: "must be a finite number",
}
