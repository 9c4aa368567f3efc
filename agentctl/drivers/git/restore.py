"""Puts files of a checkpoint back into the work tree, in a way that cannot lose what is there.

A file is replaced only where its bytes are, right before, those that the checkpoint made beforehand gives back. Folders
are opened one below the other and never through a link, so that nothing outside of the work tree is reached.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentctl.domain.errors import PartlyDone, Refused
from agentctl.domain.text import safe_line
from agentctl.drivers.git.extract import chosen_paths, write_files
from agentctl.drivers.git.shadow import Shadow

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_ANEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class _Content:
    """What a path holds: enough to tell whether it is the same."""

    kind: int
    digest: bytes
    executable: bool = False

    def same_bytes(self, other: _Content | None) -> bool:
        return other is not None and (self.kind, self.digest) == (other.kind, other.digest)


def restore(shadow: Shadow, commit: str, paths: Sequence[str], saved: str | None) -> list[str]:
    """Put what *paths* name, all for none, back as *commit* has it; return what was written."""
    chosen = chosen_paths(shadow, commit, paths)
    with tempfile.TemporaryDirectory(dir=shadow.folder / "desks") as name:
        wanted, held = Path(name) / "wanted", Path(name) / "held"
        write_files(shadow, commit, chosen, wanted)
        if saved is not None:
            there = set(chosen_paths(shadow, saved, ()))
            write_files(shadow, saved, [path for path in chosen if path in there], held)
        top = shadow.place.top
        changed = [path for path in chosen if _content(wanted, path) != _content(top, path)]
        unsafe = [path for path in changed if not _is_held(_content(top, path), held, path)]
        if unsafe:
            hint = (
                "make a checkpoint and name it, so that nothing is lost" if saved is None else "make a fresh checkpoint"
            )
            more = f", nor are {len(unsafe) - 1} more" if len(unsafe) > 1 else ""
            raise Refused(f"{_words(unsafe[0])} is not held as it is now{more}", hint=hint)
        for done, path in enumerate(changed):
            present = _content(top, path)
            if not _is_held(present, held, path) or not _put(wanted, top, path, over=present is not None):
                raise PartlyDone(
                    f"{_words(path)} changed in the middle: {done} of {len(changed)} files are restored",
                    hint="make a fresh checkpoint and go on from there",
                )
    return [os.fsdecode(path) for path in changed]


def _words(path: bytes) -> str:
    return safe_line(os.fsdecode(path))


def _is_held(present: _Content | None, held: Path, path: bytes) -> bool:
    """Tell whether nothing is lost when *path*, with what is *present* there, is written over."""
    return present is None or present.same_bytes(_content(held, path))


def _content(top: Path, path: bytes) -> _Content | None:
    """Return what *path* holds, None where there is nothing."""
    name = path.rpartition(b"/")[2]
    try:
        with _parent(top, path) as folder:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            kind = stat.S_IFMT(found.st_mode)
            if kind == stat.S_IFLNK:
                return _Content(kind, os.fsencode(os.readlink(name, dir_fd=folder)))
            if kind != stat.S_IFREG:
                return _Content(kind, b"")
            with open(os.open(name, _FILE, dir_fd=folder), "rb") as file:  # noqa: PTH123  a descriptor
                digest = hashlib.file_digest(file, "sha256").digest()
            return _Content(kind, digest, executable=bool(found.st_mode & stat.S_IXUSR))
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno not in (errno.ENOTDIR, errno.ELOOP):
            raise
        return _Content(0, b"")  # a file or a link is in the place of a folder


def _put(source: Path, top: Path, path: bytes, *, over: bool) -> bool:
    """Bring *path* from *source* to *top* in one step, *over* what is there; False where something else came there."""
    name = path.rpartition(b"/")[2]
    fresh = b".agentctl-%s" % os.urandom(8).hex().encode()
    with _parent(top, path, make=True) as folder:
        try:
            _write(os.fsencode(source) + b"/" + path, fresh, folder)
            if over:
                os.replace(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
            else:
                os.link(fresh, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            return False
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(fresh, dir_fd=folder)
    return True


def _write(source: bytes, name: bytes, folder: int) -> None:
    found = os.lstat(source)
    if stat.S_ISLNK(found.st_mode):
        os.symlink(os.readlink(source), name, dir_fd=folder)  # noqa: PTH115  names are bytes here
        return
    with (
        open(source, "rb") as given,  # noqa: PTH123  names are bytes here
        open(os.open(name, _ANEW, stat.S_IMODE(found.st_mode), dir_fd=folder), "wb") as file,  # noqa: PTH123
    ):
        shutil.copyfileobj(given, file)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _parent(top: Path, path: bytes, *, make: bool = False) -> Iterator[int]:
    """Open the folder that *path* is in, and *make* those that are missing; never goes through a link."""
    descriptor = os.open(top, _FOLDER)
    try:
        for part in path.split(b"/")[:-1]:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=descriptor)
            inner = os.open(part, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)
