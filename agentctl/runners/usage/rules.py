"""Where a program keeps what its turns took, and how one line of it is read: the `[usage]` of a manifest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

PLACES = frozenset({"session", "short", "folder"})
"""What may stand in a path of `[usage]`, in braces."""

_SHORT = 8
"""Characters of a conversation's id that programs put into names of files."""


@dataclass(frozen=True, slots=True)
class LineRule:
    """One kind of line. All but `pattern` and the values of `has` are dotted paths into the line's JSON."""

    has: tuple[tuple[str, str], ...] = ()
    """What has to stand there, by path."""
    pattern: str = ""
    """For lines that are no JSON: its groups `model`, `input`, `output`, `cache_read`, `cache_write` and `cost`."""
    id: str = ""
    """Of the call: it is counted once, however often it is written down. Empty: each line is a call of its own."""
    model: str = ""
    """In a line without figures: the model of those that follow."""
    input: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    cache_read: tuple[str, ...] = ()
    cache_write: tuple[str, ...] = ()
    cost: str = ""
    """In US dollars."""
    counts: Literal["call", "all"] = "call"
    """The figures are those of one call, or of all calls up to there."""
    cached_within: bool = False
    """Its input counts what went through the cache too."""

    def marks(self) -> tuple[bytes, ...]:
        """Return what stands in every line that this rule can fit: most lines need not be taken apart then."""
        if self.pattern:
            return ()
        figures = self.input or self.output or ((self.cost,) if self.cost else (self.model,))
        keys = (*(value for _, value in self.has), *(path.rpartition(".")[2] for path in figures[:1]))
        return tuple(f'"{key}"'.encode() for key in keys if key)


@dataclass(frozen=True, slots=True)
class Records:
    """A program's own record of one conversation."""

    files: tuple[str, ...]
    """Where the file is, with `*` for what cannot be known, `~` for the home, and places in braces."""
    signal: str = ""
    """Where a signal's payload names that file, dotted."""
    beside: tuple[str, ...] = ()
    """Files of its sub-agents, below the folder in which the file lies."""
    lines: tuple[LineRule, ...] = ()

    def fits(self, path: str, session: str) -> bool:
        """Tell whether the file at *path*, which a signal names, is called as a record of *session* is."""
        names = (PurePath(filled(file, session=session, folder="")).name for file in self.files)
        return any(PurePath(PurePath(path).name).match(name) for name in names)


def filled(path: str, *, session: str, folder: str) -> str:
    """Return *path* of a manifest for one conversation of one agent."""
    for place, value in (("session", session), ("short", session[:_SHORT]), ("folder", folder)):
        path = path.replace(f"{{{place}}}", value)
    return path
