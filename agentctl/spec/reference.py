"""The reference page of the team file, made from the models so that it cannot differ from what is checked."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from agentctl.spec.document import Agent, Document, Limits, Role, Settings, Workspace
from agentctl.spec.kinds import Checked, OrFalse, OrText, Short
from agentctl.spec.notes import NOT_YET
from agentctl.spec.schedule import Commit
from agentctl.spec.validate import model_of

_HEAD = """\
# Team file reference

Made from the program by `agentctl.spec.reference`; a test holds it to the program. How to write one:
[Team files](../howto/team-files.md).

- A file is YAML 1.2: only `true` and `false` are yes and no; a key twice, an unknown key and a custom tag are errors.
- A number that means time, memory or a share needs its unit: `2s`, `15m`, `1h30m`, `512MiB`, `1.5GB`, `50%`.
- A name: small letters, digits, `-` and `_`, starting with a letter, at most 31.
- `${NAME}`, `${NAME:-default}` and `${NAME:?message}` are your environment variables; `$$` is a plain `$`.
- `{{ … }}` is a template. It knows `team`, `agent`, `peers`, `vars`, `workspace`, `limits` and `agentctl`. There are
  `if`, `for`, and the filters `default`, `join`, `map(attribute='…')`, `first`, `last`, `length`, `upper`, `lower`,
  `title`, `trim`, `indent` and `tail`; there are no calls.
- The templates that come with agentctl (`briefs/pm.md.j2`, `briefs/dev.md.j2`, `check-in.md.j2`, `messages/team.md.j2`)
  are looked for in `templates/` beside the team file, then in `templates/` of your configuration folder, then in ours.
- `null` takes away what a base, the defaults or a role said. Keys that start with `x-` are yours.
- Limits: 1 MiB a file, 50 deep, 100 aliases, 50,000 values, 10 files that extend each other, 500 agents.

Besides the keys below, a file may begin with `extends: PATH` (another team file, from this file's own folder: maps
merge, lists and values replace, null removes) and `$schema: PATH`. A key marked *later* is checked in full and not
acted on by this version; `agentctl validate` says so for each that a file uses.
"""
_PLAIN = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`"}
_LATER = frozenset(NOT_YET)


def team_file_reference() -> str:
    """Return the page as Markdown."""
    sections = [_HEAD]
    for model, title in _models():
        sections.append(f"\n## {title}\n\n{(model.__doc__ or '').strip()}\n")
        sections.append("\n| Key | Value | Meaning |\n| --- | --- | --- |\n")
        inside = {Commit: "commit", Limits: "limits", Workspace: "workspace"}.get(model)
        for name, field in _own_fields(model):
            later = ((inside, name) if inside else (name,)) in _LATER and (inside or model in (Document, Settings))
            sections.append(_row(name, field, " *Later.*" if later else ""))
    return "".join(sections)


def _models() -> Iterator[tuple[type[BaseModel], str]]:
    """Yield each model once, in the order in which the file's keys lead to it."""
    yield Document, "The file"
    yield Settings, "Settings: `defaults`, and in each role and agent"
    yield Role, "Roles: `roles.NAME`, and in each agent"
    yield Agent, "Agents: `agents.NAME`"
    seen: set[type[BaseModel]] = {Document, Settings, Role, Agent}
    waiting: list[type[BaseModel]] = [Settings, Document]
    while waiting:
        model = waiting.pop(0)
        for name, field in _own_fields(model):
            inner = model_of(field.annotation)
            if inner is not None and inner not in seen:
                seen.add(inner)
                waiting.append(inner)
                yield inner, f"`{name}`" if not _is_map(field.annotation) else f"`{name}.NAME`"


def _own_fields(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    """Return the keys that *model* adds to the model it stands on."""
    base = model.__mro__[1]
    known = base.model_fields if issubclass(base, BaseModel) else {}
    return [(field.alias or name, field) for name, field in model.model_fields.items() if name not in known]


def _row(name: str, field: FieldInfo, more: str) -> str:
    required = " **Needed.**" if field.is_required() else ""
    kind = _words(Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation)
    return f"| `{name}` | {kind} | {field.description}{required}{more} |\n"


def _words(annotation: Any) -> str:  # noqa: ANN401  an annotation
    """Return the kind of value in words."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _marked(annotation)
    if origin in (typing.Union, types.UnionType):
        kept = [argument for argument in arguments if argument is not types.NoneType]
        return " or ".join(_words(argument) for argument in kept)
    if origin is Literal:
        return ", ".join(f"`{str(value).lower() if isinstance(value, bool) else value}`" for value in arguments)
    if origin is list:
        return f"list of {_words(arguments[0])}"
    if origin is dict:
        return f"map of name to {_words(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "map"
    return _PLAIN.get(annotation, "text")


def _marked(annotation: Any) -> str:  # noqa: ANN401  an annotation
    kind, *marks = typing.get_args(annotation)
    for mark in reversed(marks):  # the last is the first to see a value
        if isinstance(mark, OrText):
            return "text or list of text"
        if isinstance(mark, OrFalse):
            return "map or `false`"
        if isinstance(mark, Short):
            return mark.words
        if isinstance(mark, Checked):
            return mark.words
    return "duration" if kind is timedelta else _words(kind)


def _is_map(annotation: Any) -> bool:  # noqa: ANN401  an annotation
    if typing.get_origin(annotation) is dict:
        return True
    return any(_is_map(inner) for inner in typing.get_args(annotation) if not isinstance(inner, str | OrFalse | Short))
