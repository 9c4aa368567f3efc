"""Checkpoints: what an agent's folder held at a moment, kept in git without touching anything of the user's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from agentctl.domain.names import AgentId


class Skipped(StrEnum):
    """Why no checkpoint was made; nothing was changed by it."""

    UNCHANGED = "unchanged"
    NO_REPOSITORY = "no repository"
    BARE = "bare repository"
    UNBORN = "no commit yet"
    MERGE = "merge in progress"
    REBASE = "rebase in progress"
    PICK = "cherry-pick or revert in progress"
    BISECT = "bisect in progress"
    CONFLICT = "unresolved conflicts"
    READ_ONLY = "repository is read-only"
    FULL = "disk is full"
    BUSY = "repository is locked"
    UNKNOWN = "repository of an unknown kind"
    """It has an extension, or keeps its references, in a way that is not known here."""
    SLOW = "its folder answers too slowly"
    """It took so long the last time that schedules leave it alone for a while."""
    BROKEN = "git failed"


class LeftOutFor(StrEnum):
    """Why a path is not in a checkpoint; it stays as it was in the one before, or out."""

    SECRET = "secret"  # noqa: S105  a word, and none
    """It seems to hold a credential: which kind is said, never the value."""
    NAME = "named like a secret"
    LARGE = "too large"
    MANY = "too many new files"
    """One entry stands for all of them: the first, and how many more."""
    CONFLICT = "conflict markers"
    NESTED = "a repository of its own"
    UNREADABLE = "cannot be read"
    KIND = "neither file nor link"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One path that is not in a checkpoint."""

    path: str
    """Relative to the top of the work tree, with `/`; bytes that are no UTF-8 as surrogates (`os.fsdecode`)."""
    why: LeftOutFor
    detail: str = ""
    """As `AWS access key, line 3` or `12MiB`."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """One path that differs from the base.

    That is the checkpoint before, or HEAD where there is none or where HEAD has moved on since.
    """

    path: str
    how: str
    """A letter of `git diff --name-status`: A, M, D, T."""
    added: int
    """Lines; 0 in a binary file."""
    removed: int
    binary: bool = False
    functions: tuple[str, ...] = ()
    """In which functions or classes lines changed, as git's hunk headers name them, cleaned, each once."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What a checkpoint of a work tree would hold; nothing refers to it yet."""

    repository: Path
    """The git directory that all of its work trees share."""
    top: Path
    """The top of the work tree."""
    branch: str
    """The branch that is checked out, empty where HEAD is detached."""
    tree: str
    head: str
    before: str
    """The checkpoint before, empty where there is none."""
    parents: tuple[str, ...]
    """The checkpoint before, if any, and HEAD where that one does not reach it; the last one is the base."""
    changes: tuple[FileChange, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One checkpoint of an agent."""

    commit: str
    agent: AgentId
    at: datetime
    subject: str
    slot: str = ""
    """The trailer by which a slot has one commit at most."""
    files: int = 0
    added: int = 0
    removed: int = 0


class Found(Protocol):
    """A credential in a text: its kind and line, never its value."""

    @property
    def kind(self) -> str:
        """In plain words, as `AWS access key`."""
        ...

    @property
    def line(self) -> int:
        """The line of the text, from 1."""
        ...


Gate = Callable[[bytes], Sequence[Found]]
"""Finds credentials in a block of added lines."""


class Checkpoints(Protocol):
    """Keeps checkpoints of work trees. Blocking; threads may share it.

    Folders are those that agents work in, anywhere in a work tree. Nothing of the user's is changed but by `restore`:
    not his index, HEAD, branches, configuration, hooks or files; and nothing that a repository configures is executed.
    Reading raises `NotFound` where there is no repository or no such checkpoint, `Unreachable` where git fails.
    """

    def survey(self, folder: Path, agent: AgentId, gate: Gate) -> Survey | Skipped:
        """Return what a checkpoint of *folder* would hold; *gate* finds credentials in text that was added.

        Where nothing has changed but what has to stay out, it has no changes, and `commit` makes nothing of it.
        """
        ...

    def commit(self, survey: Survey, agent: AgentId, slot: str, message: str, at: datetime) -> Checkpoint | Skipped:
        """Make the checkpoint of the agent's last *survey*; where *slot* has one already, return that.

        Returns `Skipped.BUSY` where another was made in the meantime: survey again. An empty *slot* is none; raises
        ValueError for one that is not of at most 200 printable ASCII characters without spaces.
        """
        ...

    def made(self, folder: Path, agent: AgentId, slot: str) -> Checkpoint | None:
        """Return the checkpoint that *slot* has already, as after a crash, from among the last few hundred."""
        ...

    def listed(self, folder: Path, agent: AgentId, most: int) -> list[Checkpoint]:
        """Return the last checkpoints of *agent*, newest first, at most *most*."""
        ...

    def show(self, folder: Path, commit: str) -> tuple[str, tuple[FileChange, ...]]:
        """Return the message of a checkpoint, and how it differs from its base."""
        ...

    def diff(self, folder: Path, commit: str, other: str | None = None) -> bytes:
        """Return the patch from a checkpoint to another one, or to the work tree as it is now."""
        ...

    def extract(self, folder: Path, commit: str, paths: Sequence[str], into: Path) -> int:
        """Write files of a checkpoint into *into*, which is new or empty; return how many.

        *paths* are files and folders relative to the top of the work tree; none are all. Raises `Refused` for a
        folder that holds anything, `NotFound` for paths that the checkpoint does not have.
        """
        ...

    def restore(self, folder: Path, commit: str, paths: Sequence[str], *, saved: str | None) -> list[str]:
        """Put files of a checkpoint back into the work tree; return those that were written.

        Never loses work: where a file would be written over, the checkpoint *saved* has to hold it as it is now, which
        is looked at right before each write. Else `Refused` is raised and nothing was written, or `PartlyDone` where
        a file changed in the middle. Files that are not in the checkpoint stay as they are.
        """
        ...
