"""Dataclasses to JSON and back, by their annotations: durations are seconds, moments are ISO 8601 in UTC."""

from __future__ import annotations

import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar

T = TypeVar("T")


def encode(value: object) -> Any:  # noqa: ANN401  JSON has no narrower type
    """Return *value* as what `json.dumps` takes; fields that hold their default are kept, so readers need none."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: encode(item) for name, item in value._asdict().items()}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [encode(item) for item in value]
    return value


def decode(kind: type[T], data: object) -> T:
    """Return *data* as a *kind*; unknown keys are ignored and missing ones take their default, so old logs load."""
    return typing.cast("T", _decode(kind, data))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _decode(kind: Any, data: Any) -> Any:  # noqa: ANN401  annotations and JSON have no narrower type
    origin = typing.get_origin(kind)
    if origin is None:
        return _decode_plain(kind, data)
    arguments = typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return None if data is None else _decode(_member([a for a in arguments if a is not type(None)], data), data)
    if origin is Literal:
        if data not in arguments:
            raise ValueError(f"{data!r} is none of {', '.join(map(str, arguments))}")
        return data
    if origin is dict:
        return {key: _decode(arguments[1], item) for key, item in data.items()}
    return origin(_decode(arguments[0], item) for item in data)


def _member(kinds: list[Any], data: Any) -> Any:  # noqa: ANN401  as above
    """Return the one of *kinds* that *data* is: of several dataclasses, the first that has all that it needs."""
    several = kinds if len(kinds) > 1 else ()
    return next((kind for kind in several if is_dataclass(kind) and _needed(kind) <= data.keys()), kinds[0])


def _needed(kind: Any) -> set[str]:  # noqa: ANN401  as above
    return {f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING}


def _decode_plain(kind: Any, data: Any) -> Any:  # noqa: ANN401  as above
    if is_dataclass(kind):
        return _decode_dataclass(typing.cast("type", kind), data)
    if kind is timedelta:
        return timedelta(seconds=data)
    if kind is datetime:
        return datetime.fromisoformat(data)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(data)
    return data


def _decode_dataclass(kind: type, data: dict[str, Any]) -> object:
    hints = _hints(kind)
    known = {}
    for f in fields(kind):
        if f.name in data:
            known[f.name] = _decode(hints[f.name], data[f.name])
        elif f.name in _needed(kind):
            raise ValueError(f"{kind.__name__} needs {f.name}")
    return kind(**known)
