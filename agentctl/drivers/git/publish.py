"""Brings objects from a desk to the user's repository, each in one step, as git itself puts an object in its place."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

_FOLDER, _FILE = re.compile("[0-9a-f]{2}"), re.compile("[0-9a-f]{38}(?:[0-9a-f]{24})?")


def names(incoming: Path) -> set[str]:
    """Return the names of all objects in *incoming*."""
    found: set[str] = set()
    with os.scandir(incoming) as folders:
        for folder in folders:
            if _FOLDER.fullmatch(folder.name):
                with os.scandir(folder) as files:
                    found.update(folder.name + file.name for file in files if _FILE.fullmatch(file.name))
    return found


def drop(incoming: Path, unwanted: Iterable[str]) -> None:
    """Take objects out of *incoming*."""
    for name in unwanted:
        _at(incoming, name).unlink()


def publish(incoming: Path, objects: Path) -> None:
    """Move everything in *incoming* to *objects*; what is there already is the same, for names say what they hold."""
    for name in names(incoming):
        source, target = _at(incoming, name), _at(objects, name)
        try:
            _move(source, target)
        except FileNotFoundError:
            _make_folder(source.parent, target.parent)
            _move(source, target)


def _at(objects: Path, name: str) -> Path:
    return objects / name[:2] / name[2:]


def _make_folder(model: Path, folder: Path) -> None:
    """Make *folder* with the rights that git has given *model*: a repository may be shared by a group."""
    folder.mkdir(exist_ok=True)
    folder.chmod(stat.S_IMODE(model.stat().st_mode) | stat.S_IMODE(folder.stat().st_mode) & stat.S_ISGID)


def _move(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(source, target)
        source.unlink()


def _copy(source: Path, target: Path) -> None:
    """Copy by way of a name that git takes for an unfinished object, and clears away where we are killed."""
    fresh = target.with_name(f"tmp_obj_{os.urandom(6).hex()}")
    try:
        shutil.copyfile(source, fresh)
        shutil.copymode(source, fresh)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
