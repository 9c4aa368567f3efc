"""A user's ground, for tests of checkpoints: repositories made by his own git, and a print of all that is his."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agentctl.domain.checkpoint import Checkpoint, Found, Skipped, Survey
from agentctl.domain.names import AgentId
from agentctl.drivers.git.checkpoints import GitCheckpoints

AGENT = AgentId("web/dev")
REFERENCE = f"refs/agentctl/{AGENT}"
AT = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)

_OURS = re.compile(r"(^|/)objects/|/refs/agentctl(/|$)|(^|/)objects$")
"""What a checkpoint may add to: objects, and our own references."""


@dataclass(frozen=True)
class Kind:
    """A credential that `gate` has found."""

    kind: str
    line: int


def gate(text: bytes) -> Sequence[Found]:
    """Find what tests take for a credential."""
    return [Kind("test token", n) for n, line in enumerate(text.split(b"\n"), 1) if b"TOKEN-" in line]


class Ground:
    """Everything of the user's is below `home`; our own state is beside it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.repo = self.home / "repo"
        self.state = folder / "state"
        self.repo.mkdir(parents=True)
        (self.home / ".gitconfig").write_text(
            "[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n"
            '[protocol "file"]\n\tallow = always\n[advice]\n\tdetachedHead = false\n[gc]\n\tauto = 0\n'
        )
        self.checkpoints = GitCheckpoints(self.state)

    def git(self, *words: str, at: Path | None = None, check: bool = True, given: bytes = b"") -> str:
        """Run the user's git, and return what it printed, without the last newline."""
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LC_ALL": "C"}
        done = subprocess.run(
            ["git", *words], cwd=at or self.repo, env=environ, capture_output=True, input=given, timeout=60, check=False
        )
        assert not check or done.returncode == 0, (words, done.stderr)
        return os.fsdecode(done.stdout).removesuffix("\n")

    def write(self, files: dict[str, str | bytes], *, at: Path | None = None) -> None:
        """Write *files* by their paths."""
        for name, content in files.items():
            path = (at or self.repo) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def start(self, files: dict[str, str | bytes] | None = None, *, words: Sequence[str] = ()) -> None:
        """Make the repository, with one commit."""
        self.git("init", "-q", *words)
        self.write(files or {"a.txt": "one\ntwo\n", "b.txt": "b\n", "src/main.py": "def main():\n    return 1\n"})
        self.record()

    def record(self, message: str = "x", *, at: Path | None = None) -> str:
        """Commit everything as the user does; return the commit."""
        self.git("add", "-A", at=at)
        self.git("commit", "-q", "--allow-empty", "-m", message, at=at)
        return self.git("rev-parse", "HEAD", at=at)

    def survey(self, folder: Path | None = None, *, agent: AgentId = AGENT) -> Survey | Skipped:
        """Survey as the supervisor does."""
        return self.checkpoints.survey(folder or self.repo, agent, gate)

    def keep(
        self, slot: str = "s1", *, folder: Path | None = None, agent: AgentId = AGENT, message: str = "work"
    ) -> Checkpoint | Skipped:
        """Make a checkpoint from survey to commit."""
        survey = self.survey(folder, agent=agent)
        return survey if isinstance(survey, Skipped) else self.checkpoints.commit(survey, agent, slot, message, AT)

    def kept(self, slot: str = "s1", *, folder: Path | None = None, agent: AgentId = AGENT) -> Checkpoint:
        """Make a checkpoint that has to be made."""
        made = self.keep(slot, folder=folder, agent=agent)
        assert isinstance(made, Checkpoint), made
        return made

    def files(self, commit: str, *, at: Path | None = None) -> dict[str, str]:
        """Return mode and object of each path of *commit*."""
        listing = self.git("ls-tree", "-r", "-z", "--full-tree", commit, at=at)
        entries = (entry.split("\t", 1) for entry in listing.split("\0") if entry)
        return {path: facts.split()[0] + " " + facts.split()[2] for facts, path in entries}

    def content(self, commit: str, path: str) -> str:
        """Return what *commit* holds at *path*."""
        return self.git("cat-file", "blob", f"{commit}:{path}")

    def print(self) -> dict[str, tuple[object, ...]]:
        """Return what the user would notice: contents, modes, and moments but those of git's own folders."""
        seen: dict[str, tuple[object, ...]] = {}
        for folder, folders, files in os.walk(self.home):
            for name in folders + files:
                path = os.path.join(folder, name)  # noqa: PTH118  names may be no UTF-8
                relative = os.path.relpath(path, self.home)
                if not _OURS.search(relative):
                    seen[relative] = _print_one(path, moments=".git" not in relative or name in files)
        return seen


def _print_one(path: str, *, moments: bool) -> tuple[object, ...]:
    found = os.lstat(path)
    content: object = None
    if stat.S_ISREG(found.st_mode) and found.st_size < 2**26:
        with open(path, "rb") as file:  # noqa: PTH123
            content = hashlib.sha256(file.read()).hexdigest()
    elif stat.S_ISLNK(found.st_mode):
        content = os.readlink(path)  # noqa: PTH115
    return (found.st_mode, content, found.st_ino, found.st_mtime_ns if moments else 0)
