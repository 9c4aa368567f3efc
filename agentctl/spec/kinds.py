"""The kinds of values a team file is made of, each with its check in plain words and its JSON Schema.

No unions: pydantic would report a fault once for each member.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from agentctl.domain.names import NAME, NAME_RULE
from agentctl.domain.quiet import parse_quiet
from agentctl.domain.units import parse_bytes, parse_count, parse_duration, parse_percent
from agentctl.spec.problems import FromVariable, quoted

_LONGEST_FIGURE = 32
_LARGEST = 2.0**50
_LEAST_MEMORY = 2**20
_LEAST_PROCESSES, _MOST_PROCESSES = 8, 1_000_000
"""What an agent runs in is two processes, and a coding agent is some."""

Json = dict[str, Any]


class Model(BaseModel):
    """A map whose keys are known; keys that start with `x-` are the user's own and dropped."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())

    one_of: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Exactly one key of each of these must be there."""

    @model_validator(mode="before")
    @classmethod
    def _drop_own_keys(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if not key.startswith("x-")}

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if faults := [fault for keys in self.one_of if (fault := self._not_one(keys))]:
            raise ValueError("; ".join(faults))
        return self

    def _not_one(self, known: tuple[str, ...]) -> str:
        written = [key for key in known if key in self.written()]
        if not written:
            return f"needs one of {', '.join(known)}"
        if len(written) > 1:
            return f"takes only one of {', '.join(known)}, and there are {' and '.join(written)}"
        return ""

    def written(self) -> set[str]:
        """Return the keys that the file holds, as it writes them."""
        fields = type(self).model_fields
        return {fields[name].alias or name for name in self.model_fields_set}


def key(description: str, **more: Any) -> Any:  # noqa: ANN401  what pydantic's Field takes and gives
    """Return an optional key with its *description*."""
    return Field(None, description=description, **more)


# Compared by identity: typing wants to hash what stands in an annotation, and schemas cannot be hashed.


@dataclass(frozen=True, eq=False)
class Short:
    """Also accepts a short form, which *expand* turns into the full one."""

    expand: Callable[[Any], object]
    form: Json
    words: str
    """All that may be written, for the reference page."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        return core_schema.no_info_before_validator_function(self.expand, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Json:
        return {"anyOf": [self.form, handler(schema)]}


@dataclass(frozen=True, eq=False)
class OrFalse:
    """Also accepts `false`: not at all."""

    model: type[BaseModel]

    def __get_pydantic_core_schema__(self, _source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        def check(value: object, inner: core_schema.ValidatorFunctionWrapHandler) -> object:
            return False if value is False else inner(value)

        return core_schema.no_info_wrap_validator_function(check, handler.generate_schema(self.model))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Json:
        return {"anyOf": [{"const": False}, handler(schema)]}


@dataclass(frozen=True, eq=False)
class OrText:
    """Also accepts one text besides a list of texts; it is kept as text."""

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        def check(value: object, inner: core_schema.ValidatorFunctionWrapHandler) -> object:
            if isinstance(value, list):
                return inner(value)
            if not isinstance(value, str):
                raise ValueError("must be text or a list of texts")  # noqa: TRY004  pydantic catches no TypeError
            if not value.strip():
                raise ValueError("is empty")
            return value

        texts = core_schema.list_schema(core_schema.str_schema(strict=True), min_length=1, max_length=1000)
        return core_schema.no_info_wrap_validator_function(check, texts)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Json:
        return {"anyOf": [{"type": "string", "minLength": 1}, handler(schema)]}


@dataclass(frozen=True, eq=False)
class Checked:
    """A value that *check* takes or refuses in plain words (ValueError), and its JSON Schema."""

    check: Callable[[Any], object]
    form: Json
    words: str
    """The kind of value, for the reference page."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        return core_schema.no_info_before_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> Json:
        return self.form


def _figure(
    words: str,
    parse: Callable[[str], Any],
    pattern: str,
    *,
    example: str,
    low: float = 0.0,
    word: str = "",
    endless: object = math.inf,
) -> Checked:
    """Return the check of a number with a unit that is more than *low*; *word* is read as *endless*."""

    def check(value: object) -> object:
        if word and value == word:
            return endless
        if not isinstance(value, str) or not value or len(value) > _LONGEST_FIGURE:
            shown = "" if isinstance(value, dict | list) else f"{quoted(value)}: "
            raise ValueError(f"{shown}write it with its unit, for example {example}")
        parsed = parse(value)
        size = parsed.total_seconds() if isinstance(parsed, timedelta) else parsed
        if not low < size < _LARGEST:
            raise ValueError(f"{quoted(value)} is too {'small' if size <= low else 'large'}; for example {example}")
        return parsed

    full = f"{pattern}|{word}" if word else pattern
    return Checked(check, {"type": "string", "pattern": f"^({full})$"}, f"{words} or `{word}`" if word else words)


def _text(words: str, pattern: str, rule: str) -> Checked:
    compiled = re.compile(pattern)

    def check(value: object) -> object:
        if isinstance(value, str) and not compiled.fullmatch(value):
            raise ValueError(f"{quoted(value)}: {rule}")
        return value

    return Checked(check, {"type": "string", "pattern": f"^({pattern})$"}, words)


def _plain_value(value: object) -> object:
    if isinstance(value, list) and not any(isinstance(item, list) for item in value):
        return [_plain_value(item) for item in value]
    if not isinstance(value, str | int | float):
        raise ValueError("must be text, a number, true or false, or a list of these")  # noqa: TRY004  as above
    return value


def _from_variable(value: object) -> object:
    """Return the number or the yes that a variable's text stands for; anything else as it is."""
    if not isinstance(value, FromVariable):
        return value
    if re.fullmatch(r"-?[0-9]{1,15}", value):
        return int(value)
    if re.fullmatch(r"-?[0-9]{1,15}\.[0-9]{1,15}", value):
        return float(value)
    return {"true": True, "false": False}.get(value, value)


def _process_count(value: object) -> object:
    if value == "none":
        return math.inf
    number = _from_variable(value)
    if not isinstance(number, int) or isinstance(number, bool) or not _LEAST_PROCESSES <= number <= _MOST_PROCESSES:
        raise ValueError(f"must be a whole number from {_LEAST_PROCESSES} to {_MOST_PROCESSES:,}, or none")
    return float(number)


def _quiet_hours(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("write the hours as text, for example 22:00-07:00")  # noqa: TRY004  as above
    parse_quiet(value)
    return value


def _token_count(value: object) -> object:
    number = parse_count(value) if isinstance(value, str) else value
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= _LARGEST:
        raise ValueError("must be a whole number, for example 500k or 2M")
    return number


_NUMBER = r"[0-9]+(\.[0-9]+)?"
_SPAN = f"({_NUMBER}(ms|s|m|h|d))+"

Name = Annotated[str, _text("name", NAME.pattern, f"use {NAME_RULE}")]
EnvName = Annotated[
    str, _text("variable name", r"[A-Za-z_][A-Za-z0-9_]{0,127}", "use letters, digits and _, no digit first")
]
WindowName = Annotated[
    str,
    _text("window name", r"[A-Za-z][A-Za-z0-9_-]{0,62}", "use letters, digits, - and _, a letter first"),
]
Line = Annotated[str, _text("text", r"[^\n]{1,1000}", "use one line, at most 1000 characters")]
Way = Annotated[
    str,
    _text(
        "way",
        r"bell|desktop|webhook|slack(:#[a-z0-9_-]{1,80})?",
        "use bell, desktop, webhook, slack or a channel such as slack:#shop",
    ),
]
QuietHours = Annotated[
    str,
    Checked(_quiet_hours, {"type": "string", "pattern": r"^\d\d:\d\d-\d\d:\d\d( [A-Za-z][A-Za-z0-9_+/-]*)?$"}, "hours"),
]
DURATION = _figure("duration", parse_duration, _SPAN, example="2s, 15m or 1h30m")
Duration = Annotated[timedelta, DURATION]
DurationOrNone = Annotated[
    timedelta,
    _figure("duration", parse_duration, _SPAN, example="15m", word="none", endless=timedelta.max),
]
Share = Annotated[float, _figure("share", parse_percent, rf"{_NUMBER}\s*%", example="50%", word="none")]
Size = Annotated[
    float,
    _figure(
        "size",
        parse_bytes,
        rf"{_NUMBER}\s*(B|KB|MB|GB|KiB|MiB|GiB)",
        example="512MiB",
        low=_LEAST_MEMORY - 1,
        word="none",
    ),
]
ProcessCount = Annotated[
    float,
    Checked(_process_count, {"anyOf": [{"type": "integer", "minimum": _LEAST_PROCESSES}, {"const": "none"}]},
            "whole number or `none`"),
]  # fmt: skip
TokenCount = Annotated[
    int,
    Checked(_token_count, {"anyOf": [{"type": "integer", "minimum": 1},
                                     {"type": "string", "pattern": r"^[0-9][0-9,_]*(\.[0-9]+)?[kMG]?$"}]},
            "whole number such as `500k`"),
]  # fmt: skip
Count = Annotated[int, BeforeValidator(_from_variable), Field(le=1_000_000)]
Amount = Annotated[float, BeforeValidator(_from_variable), Field(gt=0, le=1_000_000)]
Flag = Annotated[bool, BeforeValidator(_from_variable)]
PlainValue = Annotated[
    object,
    Checked(_plain_value, {"type": ["string", "number", "boolean", "array"]}, "text, number, yes or no, or list"),
]
Texts = Annotated[str | list[str], OrText()]
