"""What one agent's checkpoints of one work tree are made from: the index that the last one left, and the next one's."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from agentctl.domain.names import AgentId
from agentctl.drivers.git.shadow import Shadow


@dataclass(frozen=True, slots=True)
class Desk:
    """A folder of ours. Whatever is not `kept` may be cleared away at any time by who has the lock."""

    folder: Path

    @property
    def kept(self) -> Path:
        """The index of the last checkpoint: all that it names is in the user's repository."""
        return self.folder / "index"

    @property
    def draft(self) -> Path:
        """The index of the next one."""
        return self.folder / "draft"

    @property
    def incoming(self) -> Path:
        """Objects of the next one. They come to the user's repository with it, without those that are left out."""
        return self.folder / "incoming"

    def clear(self) -> None:
        """Make room for a new draft; what a killed process has left behind goes, too."""
        if self._unsettled.exists():
            shutil.rmtree(self.incoming, ignore_errors=True)
        self.incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        for file in self.folder.iterdir():
            if file not in (self.kept, self._from, self.incoming):
                file.unlink()
        self._unsettled.touch()

    def resume(self) -> None:
        """Start the draft from the kept index; git puts a new file in the place of one, so both may be the same."""
        self.draft.hardlink_to(self.kept)

    def note(self, tree: str) -> None:
        """Note that the draft is whole, and that this is its *tree*."""
        self._tree.write_text(tree)

    def holds(self, tree: str) -> bool:
        """Tell whether the draft is that of *tree*, and no later one."""
        return _text(self._tree) == tree

    def keep(self, commit: str, head: str) -> None:
        """Make the draft the index that the next one starts from; *commit* holds all that it names, and has *head*."""
        self._from.unlink(missing_ok=True)
        self.draft.replace(self.kept)
        self._from.write_text(f"{commit} {head}")
        self._tree.unlink()

    def settle(self) -> None:
        """Note that `incoming` holds no objects, so that its folders may stay: making dozens anew takes long."""
        self._unsettled.unlink()

    def kept_from(self, commit: str) -> bool:
        """Tell whether the kept index is that of *commit*."""
        return _text(self._from).startswith(f"{commit} ") and self.kept.exists()

    def reaches(self, commit: str, head: str) -> bool:
        """Tell whether *commit* was seen to have *head* among those before it."""
        return _text(self._from) == f"{commit} {head}"

    @property
    def _tree(self) -> Path:
        return self.folder / "tree"

    @property
    def _unsettled(self) -> Path:
        """A file that is there while there may be objects in `incoming`."""
        return self.folder / "unsettled"

    @property
    def _from(self) -> Path:
        return self.folder / "from"


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""


def desk_of(shadow: Shadow, agent: AgentId | str) -> Desk:
    """Return the desk of *agent* for the shadow's work tree."""
    key = os.fsencode(shadow.place.top) + b"\0" + agent.encode()
    return Desk(shadow.folder / "desks" / hashlib.sha256(key).hexdigest()[:16])


def copy_index(source: Path, target: Path) -> bool:
    """Copy an index with its moment, by which git knows what may have changed unnoticed; False where there is none."""
    with contextlib.suppress(FileNotFoundError):
        shutil.copy2(source, target)
        target.chmod(0o600)
        return True
    return False
