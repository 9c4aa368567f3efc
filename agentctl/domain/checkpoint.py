"""Checkpoints: what an agent's folder held at a moment, kept in git without touching anything of the user's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

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
    BROKEN = "git failed"


class LeftOutFor(StrEnum):
    """Why a path is not in a checkpoint; it stays as it was in the one before, or out."""

    SECRET = "secret"  # noqa: S105  a word, and none
    """It seems to hold a credential: which kind is said, never the value."""
    NAME = "named like a secret"
    LARGE = "too large"
    MANY = "too many new files"
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
    """One path that differs from the checkpoint before, or from HEAD where there is none."""

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
    parents: tuple[str, ...]
    """The checkpoint before, if any, and HEAD where that one does not reach it."""
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
