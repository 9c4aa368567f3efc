"""What a plain YAML scalar means: the core schema of YAML 1.2, in which `no`, `on`, `12:30` and `1_000` are text."""

from __future__ import annotations

import math
import re

from agentctl.spec.nodes import Value

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_OTHER_INT = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MOST_DIGITS = 18  # fits 64 bits, and int() of a long text is quadratic


def resolve(text: str) -> Value:
    """Return the value of the plain scalar *text*; raise ValueError for a number no file needs."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text) or _OTHER_INT.fullmatch(text):
        if len(text) > _MOST_DIGITS:
            raise ValueError("this number is too large: put it in quotes if it is text")
        if text.lstrip("-+").startswith("0") and text.strip("-+0") and text.lstrip("-+").isdigit():
            raise ValueError(f"is {text} a number or text? Write it without the leading zero, or in quotes")
        return int(text, 0 if text[:2] in ("0o", "0x") else 10)
    if _NO_NUMBER.fullmatch(text):
        raise ValueError(f"{text} is not a number that can be used here")
    if _FLOAT.fullmatch(text):
        number = float(text)
        if not math.isfinite(number):
            raise ValueError("this number is too large: put it in quotes if it is text")
        return number
    return text
