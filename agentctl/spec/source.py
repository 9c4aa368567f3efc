"""Open a file that a person named: a regular file of text, and nothing that could block, act or never end."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

MOST_BYTES = 2**20
"""A team file is at most this long; the longest useful one seen is under 40 KiB."""

HIDDEN = re.compile(
    "[^\t\n\x20-\x7e\u00a0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
"""What no file and no value may hold: controls, surrogates, line separators, direction overrides."""

_NEWLINES = re.compile("\r\n?")


class Unreadable(Exception):
    """The file cannot be used; the place is where in it, from 1."""

    def __init__(self, message: str, hint: str = "", line: int = 1, column: int = 1, text: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.line = line
        self.column = column
        self.text = text


@dataclass(frozen=True)
class Source:
    """A file's text and how it is called in front of a person."""

    path: Path
    shown: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        """Return the lines without their ends."""
        return self.text.split("\n")

    def line(self, number: int) -> str:
        """Return line *number*, from 1; empty where the file has none."""
        return self.lines[number - 1] if 1 <= number <= len(self.lines) else ""


def read_source(path: Path, shown: str) -> Source:
    """Return the text of *path*, newlines as LF and without a byte order mark; raise `Unreadable`."""
    return Source(path, shown, decode(read_bytes(path)))


def read_bytes(path: Path) -> bytes:
    """Return what is in the regular file *path*; a FIFO or a device is never opened."""
    try:
        _require_regular(path.stat().st_mode)
        # O_NONBLOCK: between the look and the opening somebody could put a FIFO there.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        with os.fdopen(descriptor, "rb") as file:
            _require_regular(os.fstat(descriptor).st_mode)
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise Unreadable("there is no such file", _nearest(path)) from None
    except PermissionError:
        raise Unreadable("the file may not be read", f"chmod u+r {path.name}, or ask its owner") from None
    except (OSError, ValueError) as error:
        raise Unreadable(f"the file cannot be opened: {_reason(error)}") from None
    if len(data) > MOST_BYTES:
        raise Unreadable("the file is larger than 1 MiB", "a team file is a few kilobytes: split it with 'extends'")
    return data


def decode(data: bytes) -> str:
    """Return *data* as text; raise `Unreadable` at the first byte or character that has no place in a text file."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Unreadable("the file is UTF-16, not UTF-8", "save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = _NEWLINES.sub("\n", data[: error.start].decode("utf-8-sig", "replace"))
        raise _at(before, f"byte 0x{data[error.start]:02x} is not UTF-8", "save the file as UTF-8") from None
    text = _NEWLINES.sub("\n", text)
    if found := HIDDEN.search(text):
        message = f"the invisible character U+{ord(found[0]):04X} has no place in a text file"
        raise _at(text[: found.start()], message, "remove it; in double quotes it can be written as an escape, \\t say")
    return text


def _at(before: str, message: str, hint: str) -> Unreadable:
    last = before.rpartition("\n")[2]
    return Unreadable(message, hint, before.count("\n") + 1, len(last) + 1, before)


def _require_regular(mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}
    raise Unreadable(f"this is {kinds.get(stat.S_IFMT(mode), 'a device')}, not a file", "give the path of a YAML file")


def _nearest(path: Path) -> str:
    from difflib import get_close_matches  # noqa: PLC0415  only a mistake costs the import

    try:
        names = [entry.name for entry in os.scandir(path.parent)]
    except OSError:
        return ""
    close = get_close_matches(path.name, names[:1000], n=1)
    return f"did you mean '{close[0]}'?" if close else ""


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
