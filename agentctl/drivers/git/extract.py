"""Writes files of a checkpoint into a folder that holds nothing yet. Nothing a repository names is run for it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from agentctl.domain.errors import NotFound, Refused
from agentctl.domain.text import safe_line
from agentctl.drivers.git.patch import SUBMODULE
from agentctl.drivers.git.shadow import Shadow

_MOST_NAMED = 5


def extract(shadow: Shadow, commit: str, paths: Sequence[str], into: Path) -> int:
    """Write the files of *commit* that *paths* name, all for none, into *into*; return how many."""
    chosen = chosen_paths(shadow, commit, paths)
    real = _empty_folder(shadow, into)
    write_files(shadow, commit, chosen, real)
    return len(chosen)


def chosen_paths(shadow: Shadow, commit: str, paths: Sequence[str]) -> list[bytes]:
    """Return the files and links of *commit* that *paths* name, or that are in a folder which they name."""
    listing = shadow.git("ls-tree", "-r", "-z", "--full-tree", commit)
    entries = [record.split(b"\t", 1) for record in listing.split(b"\0") if record]
    known = [path for facts, path in entries if not facts.startswith(SUBMODULE)]
    if not paths:
        return known
    wanted = {os.fsencode(path).rstrip(b"/") for path in paths}
    chosen = [path for path in known if wanted & _itself_and_above(path)]
    missing = wanted - {name for path in chosen for name in _itself_and_above(path)}
    if missing:
        named = ", ".join(safe_line(os.fsdecode(path)) for path in sorted(missing)[:_MOST_NAMED])
        raise NotFound(
            f"checkpoint {commit[:12]} does not have: {named}", hint="paths start at the top of the work tree"
        )
    return chosen


def write_files(shadow: Shadow, commit: str, paths: Sequence[bytes], into: Path) -> None:
    """Write *paths* of *commit* below *into*, which is a real path and holds none of them.

    What git itself has to say about line ends and encodings holds; filters are not there to be run.
    """
    with tempfile.TemporaryDirectory(dir=shadow.folder / "desks") as name:
        index = Path(name) / "index"
        shadow.git("read-tree", commit, index=index)
        given = b"".join(path + b"\0" for path in paths)
        shadow.git("checkout-index", "-q", "-z", "--stdin", f"--prefix={into}/", index=index, given=given)


def _itself_and_above(path: bytes) -> set[bytes]:
    parts = path.split(b"/")
    return {b"/".join(parts[:count]) for count in range(1, len(parts) + 1)}


def _empty_folder(shadow: Shadow, into: Path) -> Path:
    into.mkdir(parents=True, exist_ok=True)
    real = into.resolve(strict=True)
    if any(real.is_relative_to(inner) for inner in (shadow.place.gitdir, shadow.place.common, shadow.folder)):
        raise Refused(f"{into} is inside a git directory", hint="choose another folder")
    if any(real.iterdir()):
        raise Refused(f"{into} holds something already", hint="choose a new or an empty folder")
    return real
