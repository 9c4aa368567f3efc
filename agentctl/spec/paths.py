"""Paths that a team file names: from the folder of the file that names them."""

from __future__ import annotations

import os
from pathlib import Path

from agentctl.spec.nodes import Place
from agentctl.spec.problems import Problem, quoted
from agentctl.spec.source import Unreadable, read_source

CALLER = "caller"
_LONGEST_PATH = 200
_TEXT_FILES = (".md", ".j2", ".txt")


def absolute(path: str, place: Place, home: str | None) -> Path:
    """Return *path* as it is meant by the file at *place*; `~/` is the caller's home."""
    if path.startswith("~/") and home:
        path = os.path.join(home, path[2:])  # noqa: PTH118  text
    return Path(os.path.realpath(place.source.path.parent / path))


def default_root(file: Path) -> Path:
    """Return the folder that agents of team *file* work in: its own, or the project's where it lies in `teams/`."""
    folder = file.parent.resolve()
    return folder.parent if folder.name == "teams" else folder


def workspace_root(path: str, place: Place, caller: Path, home: str | None) -> tuple[Path | None, Problem | None]:
    """Return the folder an agent starts in, or why it cannot."""
    root = Path(os.path.realpath(caller)) if path == CALLER else absolute(path, place, home)
    if root.is_dir():
        return root, None
    found = "is not a folder" if root.exists() else "does not exist"
    return None, place.problem(f"the folder {quoted(str(root), _LONGEST_PATH)} {found}", "make it, or correct 'root'")


def is_path(text: str) -> bool:
    """Tell whether *text* names a file rather than being what is meant."""
    return "\n" not in text and " " not in text and text.endswith(_TEXT_FILES)


def read_text(path: str, place: Place, allowed: list[Path]) -> tuple[str, str, Problem | None]:
    """Return the text of the file *path* named at *place*, its shown name, or why it is not read.

    It must lie below the folder of the file that names it or below one in *allowed*: a team file from elsewhere must
    not make an agent read a private key as its brief.
    """
    real = absolute(path, place, None)
    shown = os.path.normpath(os.path.join(os.path.dirname(place.source.shown), path))  # noqa: PTH118, PTH120  text
    folders = [Path(os.path.realpath(place.source.path.parent)), *allowed]
    if not any(real.is_relative_to(folder) for folder in folders):
        hint = "keep it beside the team file or in the workspace"
        return "", shown, place.problem(f"the file {quoted(path)} lies outside of the team's folders", hint)
    try:
        return read_source(real, shown).text, shown, None
    except Unreadable as error:
        return "", shown, place.problem(f"{shown}: {error.message}", error.hint)
