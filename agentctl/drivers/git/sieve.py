"""What stays out of a checkpoint, told from names, kinds and sizes before anything is read."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from agentctl.domain.checkpoint import LeftOut, LeftOutFor

MOST_FILE_BYTES = 5 * 2**20
"""A file that is larger is a build's or a data set's, not an agent's work."""
MOST_NEW_FILES = 2_000
"""More at once are a folder of dependencies that nobody has told git to ignore."""
MOST_BYTES = 100 * 2**20
"""Of all files of one checkpoint that changed: what a slow core adds in a few seconds."""

_SECRET_NAME = re.compile(
    rb"\.env(?!.*\.(?:example|sample|template)$).*"
    rb"|.*\.(?:pem|p12|pfx|key)"
    rb"|id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?"
    rb"|\.?credentials(?!.*\.(?:py|pyi|ipynb|js|jsx|mjs|cjs|ts|tsx|go|rs|java|kt|scala|rb|php|c|cc|cpp|h|hpp|cs|swift|ex|exs"
    rb"|dart|lua|sh|sql|vue|svelte|html|css|md|rst|txt)$).*",
    re.DOTALL | re.IGNORECASE,
)
"""Names under which programs keep keys and passwords."""


def is_secret_name(path: bytes) -> bool:
    """Tell whether *path* is named like something that holds a secret."""
    return _SECRET_NAME.fullmatch(path.rpartition(b"/")[2]) is not None


@dataclass(slots=True)
class Sieve:
    """Sorts what git says may have changed into what is added, what is removed and what is left out."""

    top: Path
    added: list[bytes] = field(default_factory=list)
    removed: list[bytes] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    _new: int = 0
    _bytes: int = 0
    _too_many: list[bytes] = field(default_factory=list)
    _folders: dict[bytes, bool] = field(default_factory=dict)

    def sort(self, changed: Iterable[bytes], new: Iterable[bytes]) -> None:
        """Take paths that git knows and that may have *changed*, and those that are *new* to it."""
        for path in sorted(set(changed)):
            self._sort_one(path, new=False)
        for path in sorted(new):
            self._sort_one(path, new=True)
        if self._too_many:
            more = f"and {len(self._too_many) - 1:,} more" if len(self._too_many) > 1 else ""
            self._leave(self._too_many[0], LeftOutFor.MANY, more)

    def _sort_one(self, path: bytes, *, new: bool) -> None:
        if not self._is_below_folders(path):
            return  # one of its folders is a link now, which is a path of its own
        try:
            found = os.lstat(os.fsencode(self.top) + b"/" + path)
        except OSError:
            if not new:
                self.removed.append(path)
            return
        why, detail = self._objection(path, found)
        if why is not None:
            self._leave(path, why, detail)
        elif stat.S_ISDIR(found.st_mode):
            self.removed.append(path)  # a folder in the place of a file; what is in it is listed by itself
        elif (new and self._new >= MOST_NEW_FILES) or self._bytes + found.st_size > MOST_BYTES:
            self._too_many.append(path)
        else:
            self._new += new
            self._bytes += found.st_size
            self.added.append(path)

    def _objection(self, path: bytes, found: os.stat_result) -> tuple[LeftOutFor | None, str]:
        full = os.fsencode(self.top) + b"/" + path
        if stat.S_ISDIR(found.st_mode):
            return (LeftOutFor.NESTED, "") if os.path.lexists(full + b"/.git") else (None, "")
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)):
            return LeftOutFor.KIND, ""
        if is_secret_name(path):
            return LeftOutFor.NAME, ""
        if found.st_size > MOST_FILE_BYTES:
            return LeftOutFor.LARGE, f"{found.st_size / 2**20:.0f}MiB"
        if stat.S_ISREG(found.st_mode) and not os.access(full, os.R_OK):
            return LeftOutFor.UNREADABLE, ""
        return None, ""

    def _leave(self, path: bytes, why: LeftOutFor, detail: str) -> None:
        self.left_out.append(LeftOut(os.fsdecode(path.rstrip(b"/")), why, detail))

    def _is_below_folders(self, path: bytes) -> bool:
        folder = path.rstrip(b"/").rpartition(b"/")[0]
        if not folder:
            return True
        known = self._folders.get(folder)
        if known is None:
            try:
                real = not stat.S_ISLNK(os.lstat(os.fsencode(self.top) + b"/" + folder).st_mode)
            except OSError:
                real = True  # gone, and what was in it with it
            known = self._folders[folder] = real and self._is_below_folders(folder)
        return known
