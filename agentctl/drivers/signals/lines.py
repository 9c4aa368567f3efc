"""One signal, and how it is read from the bytes of a file that grows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from agentctl.domain.names import AgentId
from agentctl.domain.text import safe_line

MALFORMED = "malformed"
"""The kind of a signal that is none; its data are `reason` and the start of the `line`."""

LONGEST_LINE_BYTES = 64 * 1024
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}")
_DEEPEST = 32  # levels of data; every fold and encoder that meets them recurses
_LONGEST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Signal:
    """What an agent's hook has said."""

    agent: AgentId
    generation: int
    number: int
    """Counts the lines of the agent's generation, from 1; it never repeats."""
    kind: str
    data: dict[str, Any]
    stale: bool = False
    """A newer generation of the agent is known, so this one changes nothing."""
    end: int = 0
    """Where its line ends in its file: a restart that has dealt with it reads on from there."""


@dataclass(slots=True)
class Place:
    """How far one file has been read."""

    inode: int
    offset: int = 0
    number: int = 0
    skipping: bool = False
    """Inside a line that is too long: it has been told of, and its end is not here yet."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it stands in its file; None where it is too long to be taken in."""

    number: int
    end: int
    text: bytes | None


def take_lines(place: Place, data: bytes, longest: int = LONGEST_LINE_BYTES) -> Iterator[Line]:
    """Yield the whole lines at the start of *data*, which was read at *place*, and move *place* behind them."""
    start = 0
    while (newline := data.find(b"\n", start)) >= 0:
        text = data[start:newline]
        start = newline + 1
        place.offset += len(text) + 1
        if place.skipping:
            place.skipping = False
            continue
        place.number += 1
        yield Line(place.number, place.offset, text if len(text) <= longest else None)
    rest = len(data) - start
    if place.skipping:
        place.offset += rest
    elif rest > longest:
        place.skipping = True
        place.offset += rest
        place.number += 1
        yield Line(place.number, place.offset, None)


def read_line(text: bytes | None) -> tuple[str, dict[str, Any]]:
    """Return the kind and data that a line holds; `MALFORMED` and the reason where it holds none."""
    if text is None:
        return _malformed(f"longer than {LONGEST_LINE_BYTES // 1024} KiB", b"")
    try:
        value = json.loads(text.decode(), parse_constant=_refuse_constant)
        if b"\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair can be stored nowhere
    except UnicodeError:
        return _malformed("not UTF-8", text)
    except (ValueError, RecursionError):
        return _malformed("not JSON", text)
    if not isinstance(value, dict):
        return _malformed("not an object", text)
    kind = value.pop("kind", None)
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        return _malformed("no kind that is a word", text)
    if _is_deeper(value, _DEEPEST):
        return _malformed(f"nested in more than {_DEEPEST} levels", text)
    return kind, value


def _malformed(reason: str, text: bytes) -> tuple[str, dict[str, Any]]:
    shown = safe_line(text[: 4 * _LONGEST_SHOWN].decode(errors="replace"))[:_LONGEST_SHOWN]
    return MALFORMED, {"reason": reason, "line": shown}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _is_deeper(value: object, levels: int) -> bool:
    layer = [value]
    for _ in range(levels):
        layer = [child for parent in layer for child in _children(parent)]
        if not layer:
            return False
    return True


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
