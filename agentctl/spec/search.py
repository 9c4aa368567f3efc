"""Which file a team's name means: a path, the project's own, or one that comes with agentctl."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from agentctl.domain.errors import NotFound
from agentctl.domain.names import NAME_RULE, is_name
from agentctl.spec.bundled import teams_dir
from agentctl.spec.problems import did_you_mean, quoted

_ENDINGS = (".yaml", ".yml")


def find(name_or_path: str, folder: Path) -> Path:
    """Return the team file that is meant in *folder*; raise `NotFound`.

    A name is looked for as `teams/NAME.yaml` and `NAME.yaml` in *folder* and above it, then among the bundled teams.
    """
    if os.sep in name_or_path or name_or_path.endswith(_ENDINGS):
        return _at_path(name_or_path, folder)
    if not is_name(name_or_path):
        raise NotFound(f"{quoted(name_or_path)} cannot be a team", hint=f"a team's name: {NAME_RULE}")
    for candidate in _candidates(name_or_path, folder):
        if candidate.is_file() and _trusted(candidate, folder):
            return candidate
    known = sorted(available(folder))
    raise NotFound(f"there is no team {quoted(name_or_path)}", hint=did_you_mean(name_or_path, known))


def available(folder: Path) -> set[str]:
    """Return the names of all teams that can be meant in *folder*."""
    return {path.stem for above in _folders(folder) for path in above.glob("*.yaml") if is_name(path.stem)}


def _at_path(text: str, folder: Path) -> Path:
    path = folder / text
    try:
        path.lstat()
    except (OSError, ValueError):
        raise NotFound(f"there is no file {quoted(text)}", hint=_near(path)) from None
    return path


def _near(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.suffix in _ENDINGS]
    except (OSError, ValueError):
        return ""
    return did_you_mean(path.name, sorted(names))


def _candidates(name: str, folder: Path) -> Iterator[Path]:
    for above in (folder, *folder.parents):
        for place in (above / "teams", above):
            yield from (place / f"{name}{ending}" for ending in _ENDINGS)
    yield from (teams_dir() / f"{name}{ending}" for ending in _ENDINGS)


def _folders(folder: Path) -> Iterator[Path]:
    for above in (folder, *folder.parents):
        yield above / "teams"
    yield teams_dir()


def _trusted(path: Path, folder: Path) -> bool:
    """Tell whether a file that was found by looking upwards is ours: anybody may put one into /tmp."""
    if path.parent in (folder, folder / "teams"):
        return True
    return path.stat().st_uid in (os.geteuid(), 0)
