"""Reads what git says of a difference: each path, its lines, the functions they are in, and what may not be kept."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from agentctl.domain.checkpoint import FileChange, Gate, LeftOutFor
from agentctl.domain.text import safe_line

WORDS = (
    *("diff-tree", "-r", "--raw", "-p", "-U0", "--no-abbrev", "--no-renames", "--no-color", "--no-ext-diff"),
    *("--no-textconv", "--submodule=short"),
)
"""The call whose output is read here. Paths are quoted in it, so that no name can look like a line of it."""

SUBMODULE = b"160000"
ABSENT = b"000000"

_HUNK = re.compile(rb"@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@ ?(.*)")
_MARKERS = (re.compile(rb"<<<<<<< "), re.compile(rb"=======\r?$"), re.compile(rb">>>>>>> "))
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
_ESCAPED = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}
_MOST_FUNCTIONS = 20
_LONGEST_FUNCTION = 80


@dataclass(slots=True)
class Delta:
    """One path that differs."""

    path: bytes
    how: str
    old_mode: bytes
    old_object: bytes
    new_mode: bytes
    new_object: str
    added: int = 0
    removed: int = 0
    binary: bool = False
    functions: dict[str, None] = field(default_factory=dict)
    leak: str = ""
    """The first credential in lines that were added: which kind, and where."""
    markers: set[int] = field(default_factory=set)

    @property
    def objection(self) -> tuple[LeftOutFor, str] | None:
        """Why it may not be kept for what was added to it."""
        if self.leak:
            return LeftOutFor.SECRET, self.leak
        if len(self.markers) == len(_MARKERS):
            return LeftOutFor.CONFLICT, ""
        return None

    def change(self) -> FileChange:
        """Return it in the domain's words."""
        functions = tuple(self.functions)[:_MOST_FUNCTIONS]
        return FileChange(os.fsdecode(self.path), self.how, self.added, self.removed, self.binary, functions)


def read(lines: Iterable[bytes], gate: Gate | None = None) -> list[Delta]:
    """Return what differs, in git's order; *gate* is asked about every block of added lines."""
    reader = _Reader(gate)
    for line in lines:
        reader.take(line)
    reader.close_block()
    return reader.deltas


class _Reader:
    """First come lines of `:`, one a path, then for each path a section, with hunks or without."""

    def __init__(self, gate: Gate | None) -> None:
        self.deltas: list[Delta] = []
        self._gate = gate
        self._sections = self._each_section()
        self._current: Delta | None = None
        self._in_hunk = False
        self._block: list[bytes] = []
        self._start = 1

    def take(self, line: bytes) -> None:
        if line.startswith(b"diff --git "):
            self.close_block()
            self._current, self._in_hunk = next(self._sections), False
        elif self._current is None:
            if line.startswith(b":"):
                self.deltas.append(_delta(line.rstrip(b"\n")))
        elif line.startswith(b"@@ "):
            self.close_block()
            self._start, self._in_hunk = _open_hunk(line, self._current), True
        elif self._in_hunk:
            self._take_changed(line, self._current)
        elif line.startswith(b"Binary files "):
            self._current.binary = True

    def close_block(self) -> None:
        """Have the added lines of the hunk looked through."""
        if self._gate is not None and self._current is not None and self._block and not self._current.leak:
            for found in self._gate(b"".join(self._block))[:1]:
                self._current.leak = f"{safe_line(found.kind)}, line {self._start + found.line - 1}"
        self._block.clear()

    def _take_changed(self, line: bytes, delta: Delta) -> None:
        if line.startswith(b"+"):
            delta.added += 1
            delta.markers |= {number for number, marker in enumerate(_MARKERS) if marker.match(line, 1)}
            if self._gate is not None:
                self._block.append(line[1:])
        elif line.startswith(b"-"):
            delta.removed += 1

    def _each_section(self) -> Iterator[Delta]:
        """Yield whom each section is about: a file that became a link, or the other way round, has two."""
        for delta in self.deltas:
            yield delta
            if delta.how == "T":
                yield delta


def _delta(line: bytes) -> Delta:
    """Read `:100644 100644 1f2e.. 3d4c.. M<tab>path`."""
    facts, _, path = line.partition(b"\t")
    old_mode, new_mode, old_object, new_object, how = facts[1:].split(b" ")
    return Delta(_unquoted(path), how.decode()[:1], old_mode, old_object, new_mode, new_object.decode())


def _unquoted(path: bytes) -> bytes:
    if not path.startswith(b'"'):
        return path
    return _ESCAPE.sub(lambda match: _character(match[1]), path[1:-1])


def _character(escape: bytes) -> bytes:
    return bytes([int(escape, 8)]) if escape.isdigit() else _ESCAPED.get(escape, escape)


def _open_hunk(line: bytes, delta: Delta) -> int:
    match = _HUNK.match(line)
    if match is None:
        return 1
    function = safe_line(match[2].decode(errors="replace"))[:_LONGEST_FUNCTION]
    if function:
        delta.functions[function] = None
    return int(match[1])
