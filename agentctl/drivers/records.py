"""Files that other programs append lines to, read without trusting what lies there: what is new, a piece a look."""

from __future__ import annotations

import itertools
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from agentctl.drivers.signals.lines import Place, take_lines

LONGEST_LINE_BYTES = 2**20
"""A line with figures holds an answer of a model, which is far shorter; a longer one is passed over."""

_A_LOOK_BYTES = 2 * LONGEST_LINE_BYTES
"""Takes some 10 ms: a conversation of days holds nobody up for longer at a time."""

_MOST_FILES = 200
"""Of one conversation; no program that was measured writes a tenth of them."""


@dataclass(frozen=True, slots=True)
class RecordLine:
    """One whole line, and where it ends in its file."""

    end: int
    text: bytes


@dataclass(slots=True)
class Record:
    """One file, and how far it has been read. One that was replaced or cut is read from its start again."""

    path: Path
    behind: bool = False
    """The file holds more than one look takes in: look again."""
    _place: Place = field(default_factory=lambda: Place(0))

    def read(self) -> list[RecordLine]:
        """Return the lines that are new; none where there is no such file, or it is not an ordinary one of ours."""
        self.behind = False
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, ValueError):  # ValueError: a name that can be none
            return []
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():
                return []
            if self._place.inode != found.st_ino or self._place.offset > found.st_size:
                self._place = Place(found.st_ino)
            data = os.pread(descriptor, _A_LOOK_BYTES, self._place.offset)
        except OSError:
            return []
        finally:
            os.close(descriptor)
        self.behind = len(data) == _A_LOOK_BYTES
        lines = take_lines(self._place, data, LONGEST_LINE_BYTES)
        return [RecordLine(line.end, line.text) for line in lines if line.text]


def find_records(pattern: str, home: Path) -> list[Path]:
    """Return the files that *pattern* fits, the newest last; `~` is *home*, and `*` stands for a part of a name."""
    path = Path(home, pattern[2:]) if pattern.startswith("~/") else Path(pattern)
    if not path.is_absolute():
        return []
    fixed = next((n for n, part in enumerate(path.parts) if "*" in part), len(path.parts))
    try:
        return sorted(_fitting(path, fixed), key=lambda file: file.stat().st_mtime)
    except (OSError, ValueError):  # taken away while we look, unreadable, or a name that can be none
        return []


def _fitting(path: Path, fixed: int) -> list[Path]:
    """Return the files that *path* fits, of which the first *fixed* parts are meant as they stand."""
    if fixed == len(path.parts):
        return [path] if path.is_file() else []
    found = Path(*path.parts[:fixed]).glob("/".join(path.parts[fixed:]))
    return [file for file in itertools.islice(found, _MOST_FILES) if file.is_file()]
