"""The driver: checkpoints of work trees in their own repositories, on references that nobody else uses."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from agentctl.domain.checkpoint import Checkpoint, FileChange, Gate, Skipped, Survey
from agentctl.domain.errors import NotFound, Unreachable
from agentctl.domain.names import AgentId
from agentctl.drivers.git.command import GitFailed, meaning
from agentctl.drivers.git.desk import Desk, desk_of
from agentctl.drivers.git.extract import extract
from agentctl.drivers.git.place import Place, find
from agentctl.drivers.git.publish import names, publish
from agentctl.drivers.git.reference import clear_stale_lock, move, name_of
from agentctl.drivers.git.restore import restore
from agentctl.drivers.git.revision import (
    ADDRESS,
    LOOKED_BACK,
    NAME,
    changes_of,
    compose,
    history,
    look_up,
    subject_of,
    tip,
)
from agentctl.drivers.git.shadow import Shadow, locked, open_shadow
from agentctl.drivers.git.stage import has_conflicts, stage

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")
_PATCH = ("diff-tree", "-r", "-p", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv", "--submodule=short")


class _Stop(Exception):
    """No checkpoint is made."""

    def __init__(self, why: Skipped) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class _Points:
    """Where HEAD and the agent's reference are: commits and their trees, empty where there are none."""

    head: str
    head_tree: str
    before: str
    before_tree: str


class GitCheckpoints:
    """Implements `Checkpoints`; keeps indexes and configuration of its own below a folder, which may be missing yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._without_conflicts: dict[Path, tuple[int, int, int]] = {}
        self._shadows: dict[Place, Shadow] = {}
        self._slots: dict[tuple[Path, AgentId], tuple[str, dict[str, Checkpoint]]] = {}

    def survey(self, folder: Path, agent: AgentId, gate: Gate) -> Survey | Skipped:
        """Return what a checkpoint of *folder* would hold; *gate* finds credentials in text that was added."""

        def work() -> Survey:
            place = _stop_if_skipped(find(folder))
            _stop(place.in_progress())
            with self._writing(place, agent) as shadow:
                self._shadows[place] = replace(shadow, lock=None)
                return self._survey(shadow, agent, gate)

        return _attempt(agent, work)

    def commit(self, survey: Survey, agent: AgentId, slot: str, message: str, at: datetime) -> Checkpoint | Skipped:
        """Make the checkpoint of the agent's last *survey*; where *slot* has one already, return that."""
        text = compose(message, slot, survey.changes)
        if not survey.changes:
            return Skipped.UNCHANGED

        def work() -> Checkpoint:
            place = _stop_if_skipped(find(survey.top))
            with self._writing(place, agent, known=self._shadows.get(place)) as shadow:
                slots = self._slots_before(shadow, agent, survey.before)
                made = slots.get(slot) if slot else None
                if made is None:
                    made = _commit(shadow, survey, agent, slot=slot, text=text, at=at)
                    self._slots[place.common, agent] = made.commit, {**slots, **({slot: made} if slot else {})}
                return made

        return _attempt(agent, work)

    def made(self, folder: Path, agent: AgentId, slot: str) -> Checkpoint | None:
        """Return the checkpoint that *slot* has already, as after a crash, from among the last few hundred."""
        with self._reading(folder) as shadow, _lock(shadow) as own:
            clear_stale_lock(own, name_of(agent))
            return self._slots_before(own, agent, tip(own, agent)).get(slot)

    def listed(self, folder: Path, agent: AgentId, most: int) -> list[Checkpoint]:
        """Return the last checkpoints of *agent*, newest first, at most *most*."""
        with self._reading(folder) as shadow:
            return history(shadow, agent, tip(shadow, agent), most)

    def show(self, folder: Path, commit: str) -> tuple[str, tuple[FileChange, ...]]:
        """Return the message of a checkpoint, and how it differs from its base."""
        with self._reading(folder) as shadow:
            revision = look_up(shadow, commit)
            return revision.message, changes_of(shadow, revision)

    def diff(self, folder: Path, commit: str, other: str | None = None) -> bytes:
        """Return the patch from a checkpoint to another one, or to the work tree as it is now."""
        with self._reading(folder) as shadow:
            one = look_up(shadow, commit).commit
            if other is not None:
                return shadow.git(*_PATCH, one, look_up(shadow, other).commit)
            with _lock(shadow) as own, tempfile.TemporaryDirectory(dir=own.folder / "desks") as name:
                desk = Desk(Path(name))
                now = stage(own, desk, one, lambda _text: ())
                return own.git(*_PATCH, one, now.tree, objects=desk.incoming)

    def extract(self, folder: Path, commit: str, paths: Sequence[str], into: Path) -> int:
        """Write files of a checkpoint into *into*, which is new or empty; return how many."""
        with self._reading(folder) as shadow:
            return extract(shadow, look_up(shadow, commit).commit, paths, into)

    def restore(self, folder: Path, commit: str, paths: Sequence[str], *, saved: str | None) -> list[str]:
        """Put files of a checkpoint back into the work tree; return those that were written."""
        with self._reading(folder) as shadow:
            holding = None if saved is None else look_up(shadow, saved).commit
            return restore(shadow, look_up(shadow, commit).commit, paths, holding)

    def _survey(self, shadow: Shadow, agent: AgentId, gate: Gate) -> Survey:
        self._stop_at_conflicts(shadow)
        head = shadow.place.head()
        points = _points(shadow, head, name_of(agent))
        desk = desk_of(shadow, agent)
        reached = points.before and _reaches(shadow, desk, points)
        base, base_tree = (points.before, points.before_tree) if reached else (points.head, points.head_tree)
        staged = stage(shadow, desk, base, gate)
        if staged.tree == base_tree:
            desk.keep(base, points.head)
            if not names(desk.incoming):
                desk.settle()
            if not staged.left_out:
                raise _Stop(Skipped.UNCHANGED)
        return Survey(
            repository=shadow.place.common,
            top=shadow.place.top,
            branch=head.removeprefix("refs/heads/") if head.startswith("refs/") else "",
            tree=staged.tree,
            head=points.head,
            before=points.before,
            parents=tuple(dict.fromkeys(filter(None, (points.before, base)))),
            changes=tuple(delta.change() for delta in staged.deltas),
            left_out=staged.left_out,
        )

    def _slots_before(self, shadow: Shadow, agent: AgentId, last: str) -> dict[str, Checkpoint]:
        """Return the last few hundred checkpoints up to *last*, by their slots; what we made ourselves is known."""
        known, slots = self._slots.get((shadow.place.common, agent), ("", {}))
        if known != last or len(slots) > 2 * LOOKED_BACK:
            slots = {one.slot: one for one in history(shadow, agent, last, LOOKED_BACK)}
        return slots

    def _stop_at_conflicts(self, shadow: Shadow) -> None:
        index = shadow.place.index
        try:
            found = index.stat()
        except FileNotFoundError:
            return
        seen = (found.st_ino, found.st_size, found.st_mtime_ns)
        if self._without_conflicts.get(index) != seen:
            if has_conflicts(shadow):
                raise _Stop(Skipped.CONFLICT)
            self._without_conflicts[index] = seen

    @contextlib.contextmanager
    def _writing(self, place: Place, agent: AgentId, *, known: Shadow | None = None) -> Iterator[Shadow]:
        """Give the shadow of *place*, with its lock; raise `_Stop` where nothing can be written.

        One that is *known* is taken as it is, without another look at the user's configuration.
        """
        if not (os.access(place.objects, os.W_OK) and os.access(place.common / "refs", os.W_OK)):
            raise _Stop(Skipped.READ_ONLY)
        with _lock(known or _stop_if_skipped(open_shadow(self._folder, place))) as shadow:
            clear_stale_lock(shadow, name_of(agent))
            yield shadow

    @contextlib.contextmanager
    def _reading(self, folder: Path) -> Iterator[Shadow]:
        """Give the shadow of *folder*; raise `NotFound` where it has no repository that can be read."""
        try:
            place = find(folder)
            shadow = place if isinstance(place, Skipped) else open_shadow(self._folder, place)
            if isinstance(shadow, Skipped):
                raise NotFound(f"{folder}: {shadow.value}", hint="checkpoints are kept in an agent's git repository")
            yield shadow
        except _Stop as stop:
            raise Unreachable(f"{folder}: {stop.why.value}", hint="try again in a moment") from None
        except OSError as error:
            raise Unreachable(
                f"cannot use {error.filename or folder}: {error.strerror}", hint="agentctl doctor"
            ) from error


def _attempt(agent: AgentId, work: Callable[[], _Result]) -> _Result | Skipped:
    """Do *work*; return why there is nothing to do, or what its failure means."""
    try:
        return work()
    except _Stop as stop:
        return stop.why
    except GitFailed as failure:
        log.warning("a checkpoint failed: %s", failure.message, extra={"agent": agent})
        return failure.skipped
    except OSError as error:
        log.warning("a checkpoint failed: %s", error, extra={"agent": agent})
        return meaning(error)


def _stop(why: Skipped | None) -> None:
    if why is not None:
        raise _Stop(why)


def _stop_if_skipped(found: _Result | Skipped) -> _Result:
    if isinstance(found, Skipped):
        raise _Stop(found)
    return found


@contextlib.contextmanager
def _lock(shadow: Shadow) -> Iterator[Shadow]:
    with locked(shadow.folder) as descriptor:
        if descriptor is None:
            raise _Stop(Skipped.BUSY)
        yield replace(shadow, lock=descriptor)


def _points(shadow: Shadow, head: str, reference: str) -> _Points:
    asked = [f"{name}^{{{kind}}}" for name in (head or "refs/none", reference) for kind in ("commit", "tree")]
    output = shadow.git("cat-file", "--batch-check", given="\n".join(asked).encode(errors="surrogateescape") + b"\n")
    found = ["" if line.endswith(b" missing") else line.split(b" ")[0].decode() for line in output.splitlines()]
    points = _Points(*found)
    if not points.head:
        raise _Stop(Skipped.UNBORN)
    return points


def _reaches(shadow: Shadow, desk: Desk, points: _Points) -> bool:
    """Tell whether HEAD is the checkpoint before or one of those before that."""
    before, head = points.before, points.head
    return desk.reaches(before, head) or not shadow.git("rev-list", "--max-count=1", head, f"^{before}")


def _commit(shadow: Shadow, survey: Survey, agent: AgentId, *, slot: str, text: bytes, at: datetime) -> Checkpoint:
    desk = desk_of(shadow, agent)
    if not desk.holds(survey.tree):
        raise _Stop(Skipped.BUSY)
    moment = at.astimezone(UTC).replace(microsecond=0)
    identity = {
        f"GIT_{role}_{fact}": value
        for role in ("AUTHOR", "COMMITTER")
        for fact, value in (("NAME", NAME), ("EMAIL", ADDRESS), ("DATE", f"@{moment.timestamp():.0f} +0000"))
    }
    parents = [word for parent in survey.parents for word in ("-p", parent)]
    words = ("commit-tree", survey.tree, *parents)
    commit = shadow.git(*words, objects=desk.incoming, given=text, more=identity).decode().strip()
    publish(desk.incoming, shadow.place.objects)
    desk.settle()
    _stop(move(shadow, name_of(agent), commit, survey.before))
    desk.keep(commit, survey.head)
    changes = survey.changes
    added, removed = sum(change.added for change in changes), sum(change.removed for change in changes)
    return Checkpoint(commit, agent, moment, subject_of(text), slot, len(changes), added, removed)
