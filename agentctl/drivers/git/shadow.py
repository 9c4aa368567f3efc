"""A git directory of ours over a work tree of the user's.

Its configuration is ours, so nothing that a repository configures is executed. Its `refs` and `packed-refs` are links
to the user's: references are read and moved by git's own rules and locks, whatever his git does meanwhile. Objects are
read from his repository, and written to wherever the caller says.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from agentctl.domain.checkpoint import Skipped
from agentctl.drivers.git.command import environment, run
from agentctl.drivers.git.place import Place

LOCK_SECONDS = 10.0
"""How long one checkpoint waits for another one of the same repository; each takes a fraction of a second."""

_STEP_SECONDS = 0.02
_CONFIG_SECONDS = 5.0

_LINKED = ("refs", "packed-refs", "shallow", "info/exclude")
"""What is the user's own. He may have none of the last three yet."""

_FIXED = """\
[core]
	bare = false
	hooksPath = /dev/null
	attributesFile = /dev/null
	fsmonitor = false
	untrackedCache = false
	splitIndex = false
	preloadIndex = false
	sparseCheckout = false
	logAllRefUpdates = false
	safecrlf = false
	bigFileThreshold = 6m
[index]
	sparse = false
[gc]
	auto = 0
[maintenance]
	auto = false
[protocol]
	allow = never
"""

_TAKEN_OVER = (
    "core.filemode",
    "core.ignorecase",
    "core.symlinks",
    "core.precomposeunicode",
    "core.autocrlf",
    "core.eol",
    "core.sharedrepository",
    "core.excludesfile",
    "core.fsync",
    "core.fsyncmethod",
    "core.fsyncobjectfiles",
)
"""What the user has set and git needs to see his work tree as he does, and to write as safely; none names a program."""

_KNOWN_EXTENSIONS = {"noop", "preciousobjects", "partialclone", "objectformat", "worktreeconfig", "relativeworktrees"}

_ATTRIBUTES = """\
* !diff !filter
*.c diff=cpp
*.cc diff=cpp
*.cpp diff=cpp
*.cs diff=csharp
*.css diff=css
*.ex diff=elixir
*.exs diff=elixir
*.go diff=golang
*.h diff=cpp
*.hpp diff=cpp
*.html diff=html
*.java diff=java
*.kt diff=kotlin
*.md diff=markdown
*.php diff=php
*.py diff=python
*.rb diff=ruby
*.rs diff=rust
*.sh diff=bash
*.tex diff=tex
"""
"""Wins over `.gitattributes`, by which text could be declared binary and so kept from being looked through."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """Our git directory for one repository, over one of its work trees."""

    folder: Path
    place: Place
    excluded: tuple[str, ...]
    """Words for git that keep our own folder out, where it is inside the work tree."""
    lock: int | None = None
    """The descriptor that holds the repository's lock; every git process of ours holds it too."""

    def git(
        self,
        *words: str,
        index: Path | None = None,
        objects: Path | None = None,
        given: bytes | BinaryIO = b"",
        into: BinaryIO | None = None,
        allowed: Collection[int] = (0,),
        more: Mapping[str, str] | None = None,
    ) -> bytes:
        """Run git and return what it printed; new objects go to *objects*, by default to the user's own."""
        environ = {"GIT_DIR": str(self.folder), "GIT_WORK_TREE": str(self.place.top), **(more or {})}
        environ["GIT_OBJECT_DIRECTORY"] = str(objects or self.place.objects)
        if objects is not None:
            environ["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = _quoted(str(self.place.objects))
        if index is not None:
            environ["GIT_INDEX_FILE"] = str(index)
        held = () if self.lock is None else (self.lock,)
        return run(words, environment(environ), given=given, into=into, allowed=allowed, held=held)


def open_shadow(state: Path, place: Place) -> Shadow | Skipped:
    """Return the shadow of *place* below *state*, made or brought up to date; raises `GitFailed` and `OSError`."""
    settings = _settings(place)
    if settings is None:
        return Skipped.UNKNOWN
    bare = settings.get("core.bare", "false").lower() in ("true", "yes", "on", "1", "")
    if bare and place.gitdir == place.common:
        return Skipped.BARE
    tree = settings.get("core.worktree")
    if tree is not None and os.path.realpath(place.gitdir / tree) != str(place.top):
        return Skipped.UNKNOWN
    folder = state.resolve() / _name(str(place.common))
    for part in ("objects", "info", "desks"):
        (folder / part).mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in _LINKED:
        with contextlib.suppress(FileExistsError):
            (folder / name).symlink_to(place.common / name)
    _write(folder / "HEAD", "ref: refs/heads/none\n")
    _write(folder / "info/attributes", _ATTRIBUTES)
    _write(folder / "config", _configuration(settings))
    return Shadow(folder, place, _excluding(place.top, state.resolve()))


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[int | None]:
    """Hold the lock of a shadow's *folder*; None where another one has it for too long.

    A git process that outlives its killed supervisor still holds it, for it has inherited the descriptor: who has the
    lock knows that no git process of ours is at work there.
    """
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor if _lock(descriptor) else None
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(_STEP_SECONDS)
        else:
            return True


def _settings(place: Place) -> dict[str, str] | None:
    """Return the user's whole configuration, None where it has an extension that is not known, to us or to this git.

    Listing it executes nothing, whatever it says.
    """
    environ = environment({"GIT_DIR": str(place.gitdir)}, configured=True)
    output = run(["config", "--null", "--show-scope", "--list"], environ, seconds=_CONFIG_SECONDS)
    words = os.fsdecode(output).split("\0")
    settings = {key: value for key, _, value in (record.partition("\n") for record in words[1::2])}
    if "local" not in words[::2] and (place.common / "config").exists():  # git passes over what it does not know
        return None
    extensions = {key.removeprefix("extensions.") for key in settings if key.startswith("extensions.")}
    unknown = extensions - _KNOWN_EXTENSIONS - {"refstorage"}
    return None if unknown or settings.get("extensions.refstorage", "files") != "files" else settings


def _configuration(settings: Mapping[str, str]) -> str:
    lines = [_FIXED, "[core]"]
    lines += [f"\t{key.partition('.')[2]} = {_quoted(settings[key])}" for key in _TAKEN_OVER if key in settings]
    algorithm = settings.get("extensions.objectformat")
    lines.append(f"\trepositoryFormatVersion = {0 if algorithm is None else 1}")
    if algorithm is not None:
        lines.append(f"[extensions]\n\tobjectFormat = {_quoted(algorithm)}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Return *text* as git reads it in a configuration and in a list of folders."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _excluding(top: Path, state: Path) -> tuple[str, ...]:
    if not state.is_relative_to(top):
        return ()
    pattern = "".join(f"\\{sign}" if sign in "*?[\\ !#" else sign for sign in str(state.relative_to(top)))
    return (f"--exclude=/{pattern}/",)


def _name(path: str) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def _write(path: Path, text: str) -> None:
    """Write *text* in one step, where it is not what is there."""
    data = os.fsencode(text)
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() == data:
            return
    fresh = path.with_name(f"{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    fresh.write_bytes(data)
    fresh.replace(path)
