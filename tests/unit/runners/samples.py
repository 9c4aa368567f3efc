"""Texts that a regular expression fits, made of its own shape: what a careless answer would quote."""

from __future__ import annotations

import importlib
import re
from typing import Any

_parser: Any = importlib.import_module("re._parser")
_CATEGORIES = {
    "CATEGORY_DIGIT": "1", "CATEGORY_NOT_DIGIT": "x", "CATEGORY_SPACE": " ", "CATEGORY_NOT_SPACE": "x",
    "CATEGORY_WORD": "x", "CATEGORY_NOT_WORD": " ",
}  # fmt: skip


def sample(pattern: str) -> str:
    """Return one text in which *pattern* is found."""
    groups: dict[int, str] = {}
    return "".join(_text(item, groups) for item in _parser.parse(pattern, re.MULTILINE))


def _text(item: Any, groups: dict[int, str]) -> str:  # noqa: PLR0911  a table
    operation, argument = str(item[0]), item[1]
    match operation:
        case "LITERAL":
            return chr(argument)
        case "NOT_LITERAL":
            return "x" if argument != ord("x") else "y"
        case "ANY":
            return "x"
        case "IN":
            return _one_of(argument)
        case "BRANCH":
            return _all(argument[1][0], groups)
        case "SUBPATTERN":
            text = _all(argument[3], groups)
            groups[argument[0]] = text
            return text
        case "ATOMIC_GROUP":
            return _all(argument, groups)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return _all(argument[2], groups) * max(int(argument[0]), min(1, int(argument[1])))
        case "GROUPREF":
            return groups.get(argument, "")
        case _:  # a place, or a look ahead
            return ""


def _all(parsed: Any, groups: dict[int, str]) -> str:
    return "".join(_text(item, groups) for item in parsed)


def _one_of(choices: list[Any]) -> str:
    negated = str(choices[0][0]) == "NEGATE"
    if negated:
        return next(c for c in "xyz 1─" if not re.fullmatch(_class(choices[1:]), c))
    operation, argument = choices[0]
    match str(operation):
        case "LITERAL":
            return chr(argument)
        case "RANGE":
            return chr(argument[0])
        case _:
            return _CATEGORIES[str(argument)]


def _class(choices: list[Any]) -> str:
    parts = []
    for operation, argument in choices:
        match str(operation):
            case "LITERAL":
                parts.append(re.escape(chr(argument)))
            case "RANGE":
                parts.append(f"{re.escape(chr(argument[0]))}-{re.escape(chr(argument[1]))}")
            case _:
                parts.append({"1": r"\d", "x": r"\w", " ": r"\s"}[_CATEGORIES[str(argument)]])
    return f"[{''.join(parts)}]"
