"""One line of a record: the figures that a rule finds in it. Every line is hostile; what is no figure is nothing."""

from __future__ import annotations

import json
import math
import re
from typing import NamedTuple

from agentctl.domain.text import safe_line
from agentctl.runners.patterns import compiled
from agentctl.runners.usage.rules import LineRule

_MOST = 1e12
"""No call has so many tokens; what says so is no figure."""

_LONGEST_TEXT = 500
_LONGEST_MODEL = 80
_SPELLED = re.compile(r"([\d.,]+)([kKmM]?)")
_TIMES = {"": 1, "k": 1_000, "m": 1_000_000}


class Figures(NamedTuple):
    """Tokens and money of one call, or of several."""

    fresh: float = 0.0
    """Sent, and not from the cache."""
    output: float = 0.0
    cache_read: float = 0.0
    cache_write: float = 0.0
    cost: float = 0.0
    """As the program tells it; 0 where it tells none."""

    @property
    def tokens(self) -> float:
        """Return all tokens."""
        return sum(self[:4])

    def plus(self, other: Figures, times: int = 1) -> Figures:
        """Return the sum, with *times* -1 the difference."""
        return Figures(*(a + times * b for a, b in zip(self, other, strict=True)))


class Found(NamedTuple):
    """What stands in one line."""

    call: str
    """The id of the call; empty where it has none."""
    model: str
    figures: Figures


def read_figures(rule: LineRule, line: bytes) -> Found | None:
    """Return what *rule* finds in *line*, None where it does not fit or nothing is there. Never raises."""
    found = _in_text(rule, line) if rule.pattern else _in_json(rule, line)
    return found if found is not None and (found.model or any(found.figures)) else None


def _in_json(rule: LineRule, line: bytes) -> Found | None:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if any(_value(data, path) != value for path, value in rule.has):
        return None
    model, call = _value(data, rule.model), _value(data, rule.id)
    given = (_sum(data, paths) for paths in (rule.input, rule.output, rule.cache_read, rule.cache_write))
    figures = _figures(rule, *given, _number(_value(data, rule.cost)))
    return Found(call if isinstance(call, str) else "", _name(model), figures)


def _in_text(rule: LineRule, line: bytes) -> Found | None:
    found = compiled(rule.pattern).search(line[:_LONGEST_TEXT].decode(errors="replace"))
    if found is None:
        return None
    said = found.groupdict()
    given = (_spelled(said.get(name)) for name in ("input", "output", "cache_read", "cache_write", "cost"))
    return Found("", _name(said.get("model")), _figures(rule, *given))


def _figures(rule: LineRule, *given: float) -> Figures:
    sent, output, read, write, cost = given
    fresh = max(0.0, sent - read - write) if rule.cached_within else sent
    return Figures(fresh, output, read, write, cost)


def _value(data: object, path: str) -> object:
    """Return what stands at the dotted *path*, None where nothing does."""
    for part in path.split("."):
        if not isinstance(data, dict):
            return None
        data = data.get(part)
    return data


def _sum(data: object, paths: tuple[str, ...]) -> float:
    return sum(_number(_value(data, path)) for path in paths)


def _number(value: object) -> float:
    """Return *value* where it is a figure that can be true, else 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if math.isfinite(value) and 0 <= value <= _MOST else 0.0


def _spelled(text: str | None) -> float:
    """Return a figure as people write it: `2.1k` is 2,100, and so is `2,100`."""
    found = _SPELLED.fullmatch(text or "")
    try:
        return _number(float(found[1].replace(",", "")) * _TIMES[found[2].lower()]) if found is not None else 0.0
    except ValueError:  # two points in it
        return 0.0


def _name(model: object) -> str:
    return safe_line(model[:_LONGEST_MODEL]).strip() if isinstance(model, str) else ""
