"""Fills an index of ours with a work tree as it is now, and makes a tree of it.

Git compares times and sizes, so only what has changed is read.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from agentctl.domain.checkpoint import Gate, LeftOut, LeftOutFor
from agentctl.drivers.git.desk import Desk, copy_index
from agentctl.drivers.git.patch import ABSENT, SUBMODULE, WORDS, Delta, read
from agentctl.drivers.git.publish import drop, names
from agentctl.drivers.git.shadow import Shadow
from agentctl.drivers.git.sieve import Sieve, is_secret_name

_CHANGED = ("diff-files", "-z", "--name-status", "--no-renames", "--ignore-submodules=all")
"""Goes by times and sizes alone; a submodule would be asked what is in it, by its own configuration."""
_NEW = ("ls-files", "-z", "--others", "--exclude-standard")


@dataclass(frozen=True, slots=True)
class Staged:
    """What a work tree holds, as a tree that is among the desk's incoming objects."""

    tree: str
    deltas: tuple[Delta, ...]
    left_out: tuple[LeftOut, ...]


def has_conflicts(shadow: Shadow) -> bool:
    """Tell whether the user's own index holds unresolved conflicts."""
    if not shadow.place.index.exists():
        return False
    with _shared(shadow):
        return bool(shadow.git("ls-files", "-z", "--unmerged", index=shadow.place.index))


def stage(shadow: Shadow, desk: Desk, base: str, gate: Gate) -> Staged:
    """Fill the draft of *desk* with the work tree, but for what *gate* and our rules keep at *base*, a commit.

    The draft starts from the index that the last checkpoint left, if that is the *base*, or from a copy of the user's.
    """
    desk.clear()
    if desk.kept_from(base):
        desk.resume()
    else:
        seed(shadow, desk, base)
    left_out = add(shadow, desk)
    tree = write_tree(shadow, desk)
    deltas = _differences(shadow, desk, base, tree, gate)
    refused = {delta.path: leaving for delta in deltas if (leaving := _objection(delta)) is not None}
    if refused:
        _put_back(shadow, desk, [delta for delta in deltas if delta.path in refused])
        deltas = [delta for delta in deltas if delta.path not in refused]
        drop(desk.incoming, names(desk.incoming) - {delta.new_object for delta in deltas})
        tree = write_tree(shadow, desk)
        known = {one.path for one in left_out}
        left_out += [leaving for leaving in refused.values() if leaving.path not in known]
    desk.note(tree)
    return Staged(tree, tuple(deltas), tuple(sorted(left_out, key=lambda one: one.path)))


def seed(shadow: Shadow, desk: Desk, base: str) -> None:
    """Start the draft from the user's index, for what it knows of times and sizes, or from *base*."""
    refresh = ("update-index", "-q", "--no-split-index", "--refresh")
    with _shared(shadow):
        copied = copy_index(shadow.place.index, desk.draft)
        if copied and shadow.git("ls-files", "-z", "--unmerged", index=desk.draft):
            desk.draft.unlink()
            copied = False
        if not copied:
            shadow.git("read-tree", base, index=desk.draft)
        shadow.git(*refresh, index=desk.draft, objects=desk.incoming, allowed=(0, 1))


def add(shadow: Shadow, desk: Desk) -> list[LeftOut]:
    """Take into the draft what has changed in the work tree, and return what has to stay out."""
    with ThreadPoolExecutor(1) as beside:  # each looks at every file or folder, and that is most of the time
        new = beside.submit(shadow.git, *_NEW, *shadow.excluded, index=desk.draft)
        changed = shadow.git(*_CHANGED, index=desk.draft)
        sieve = Sieve(shadow.place.top)
        sieve.sort(changed.split(b"\0")[1::2], new.result().split(b"\0")[:-1])
    _update(shadow, desk, ["--add", "--remove", "--replace"], sieve.added)
    _update(shadow, desk, ["--force-remove"], sieve.removed)
    return sieve.left_out


def write_tree(shadow: Shadow, desk: Desk) -> str:
    """Make a tree of the draft and return its name.

    Files that have not changed are not looked for: in a partial clone they may be missing.
    """
    return shadow.git("write-tree", "--missing-ok", index=desk.draft, objects=desk.incoming).decode().strip()


def _update(shadow: Shadow, desk: Desk, how: Sequence[str], paths: Sequence[bytes]) -> None:
    if paths:
        given = b"\0".join(paths) + b"\0"
        shadow.git("update-index", "-z", *how, "--stdin", index=desk.draft, objects=desk.incoming, given=given)


def _differences(shadow: Shadow, desk: Desk, base: str, tree: str, gate: Gate) -> list[Delta]:
    with tempfile.TemporaryFile(dir=desk.folder) as output:  # it may be large, and a line is looked at only once
        shadow.git(*WORDS, base, tree, objects=desk.incoming, into=output)
        output.seek(0)
        return read(output, gate)


def _objection(delta: Delta) -> LeftOut | None:
    path = os.fsdecode(delta.path)
    if SUBMODULE in (delta.old_mode, delta.new_mode):
        return LeftOut(path, LeftOutFor.NESTED)
    if delta.how != "D" and is_secret_name(delta.path):  # the user has added it to his own index
        return LeftOut(path, LeftOutFor.NAME)
    return None if delta.objection is None else LeftOut(path, *delta.objection)


def _put_back(shadow: Shadow, desk: Desk, deltas: Sequence[Delta]) -> None:
    """Give paths of the draft the version of the base, or none."""
    absent = b"0" * len(deltas[0].old_object)
    lines = [
        b"0 %s\t%s\0" % (absent, delta.path)
        if delta.old_mode == ABSENT
        else b"%s %s\t%s\0" % (delta.old_mode, delta.old_object, delta.path)
        for delta in deltas
    ]
    given = b"".join(lines)
    shadow.git("update-index", "-z", "--index-info", index=desk.draft, objects=desk.incoming, given=given)


@contextlib.contextmanager
def _shared(shadow: Shadow) -> Iterator[None]:
    """Have the other half of a split index where git looks for it: in its own directory, whosever index it is."""
    copies = [(shared, shadow.folder / shared.name) for shared in shadow.place.gitdir.glob("sharedindex.*")]
    try:
        for shared, own in copies:
            copy_index(shared, own)
        yield
    finally:
        for _, own in copies:
            own.unlink(missing_ok=True)
