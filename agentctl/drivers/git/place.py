"""Where a folder's repository is, and what goes on in it, read without git: git would read its configuration."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from agentctl.domain.checkpoint import Skipped

_LONGEST_POINTER = 64 * 1024
_BRANCH = re.compile(r"ref: *(refs/(?:(?!\.\.|@\{)[^\x00-\x20\x7f~^:?*\[\\])+)")
_COMMIT = re.compile("[0-9a-f]{40}(?:[0-9a-f]{24})?")

_IN_PROGRESS = (
    ("MERGE_HEAD", Skipped.MERGE),
    ("rebase-merge", Skipped.REBASE),
    ("rebase-apply", Skipped.REBASE),
    ("CHERRY_PICK_HEAD", Skipped.PICK),
    ("REVERT_HEAD", Skipped.PICK),
    ("sequencer", Skipped.PICK),
    ("BISECT_LOG", Skipped.BISECT),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A work tree and its repository; all paths are real ones."""

    top: Path
    """The top of the work tree."""
    gitdir: Path
    """Where this work tree's HEAD and index are."""
    common: Path
    """Where objects and references are, which all work trees of the repository share."""

    @property
    def index(self) -> Path:
        """The user's index."""
        return self.gitdir / "index"

    @property
    def objects(self) -> Path:
        """The repository's objects."""
        return self.common / "objects"

    def head(self) -> str:
        """Return the full name of the branch that is checked out, or a commit; empty where HEAD says neither."""
        text = read_start(self.gitdir / "HEAD").strip()
        branch = _BRANCH.fullmatch(text)
        if branch is not None:
            return branch[1]
        return text if _COMMIT.fullmatch(text) else ""

    def in_progress(self) -> Skipped | None:
        """Return what the user, or an agent, is in the middle of."""
        return next((why for name, why in _IN_PROGRESS if os.path.lexists(self.gitdir / name)), None)


def find(folder: Path) -> Place | Skipped:
    """Return the work tree that *folder* is in; `NO_REPOSITORY` or `BARE` where it is in none."""
    try:
        real = folder.resolve(strict=True)
    except (OSError, RuntimeError):
        return Skipped.NO_REPOSITORY
    for top in (real, *real.parents):
        dot = top / ".git"
        if dot.is_dir():
            place = _place(top, dot.resolve())
            if place is not None:
                return place
        elif dot.is_file():
            return _place(top, _pointed(top, read_start(dot).removeprefix("gitdir:"))) or Skipped.NO_REPOSITORY
        elif _place(top, top) is not None:
            return Skipped.BARE
    return Skipped.NO_REPOSITORY


def _place(top: Path, gitdir: Path) -> Place | None:
    shared = read_start(gitdir / "commondir")
    common = _pointed(gitdir, shared) if shared else gitdir
    if not (os.path.lexists(gitdir / "HEAD") and (common / "objects").is_dir() and (common / "refs").is_dir()):
        return None
    return Place(top, gitdir, common)


def _pointed(start: Path, text: str) -> Path:
    path = text.partition("\0")[0].strip()
    return Path(os.path.realpath(start / path)) if path else start / "nowhere"


def read_start(path: Path) -> str:
    """Return the start of a regular file, empty where there is none: a FIFO would hold us up."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        return os.fsdecode(os.read(descriptor, _LONGEST_POINTER))
    finally:
        os.close(descriptor)
