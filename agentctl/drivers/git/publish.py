"""Brings objects from a desk to the user's repository, each in one step, as git itself puts an object in its place."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

_FOLDER, _FILE = re.compile("[0-9a-f]{2}"), re.compile("[0-9a-f]{38}(?:[0-9a-f]{24})?")


def names(incoming: Path) -> set[str]:
    """Return the names of all objects in *incoming*."""
    return {
        folder.name + file.name
        for folder in incoming.iterdir()
        if _FOLDER.fullmatch(folder.name)
        for file in folder.iterdir()
        if _FILE.fullmatch(file.name)
    }


def drop(incoming: Path, unwanted: Iterable[str]) -> None:
    """Take objects out of *incoming*, those that are there."""
    for name in unwanted:
        _at(incoming, name).unlink(missing_ok=True)


def publish(incoming: Path, objects: Path) -> None:
    """Bring everything in *incoming* to *objects*. What is there already stays."""
    for name in names(incoming):
        source, target = _at(incoming, name), _at(objects, name)
        _make_folder(source.parent, target.parent)
        with contextlib.suppress(FileExistsError):
            try:
                target.hardlink_to(source)
            except FileExistsError:
                raise
            except OSError:  # another file system, or one without links
                _copy(source, target)


def _at(objects: Path, name: str) -> Path:
    return objects / name[:2] / name[2:]


def _make_folder(model: Path, folder: Path) -> None:
    """Make *folder* with the rights that git has given *model*: a repository may be shared by a group."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(stat.S_IMODE(model.stat().st_mode) | stat.S_IMODE(folder.stat().st_mode) & stat.S_ISGID)


def _copy(source: Path, target: Path) -> None:
    """Copy by way of a name that git takes for an unfinished object, and clears away where we are killed."""
    fresh = target.with_name(f"tmp_obj_{os.urandom(6).hex()}")
    try:
        shutil.copyfile(source, fresh)
        shutil.copymode(source, fresh)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
