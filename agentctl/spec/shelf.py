"""The templates that come with agentctl, each of which a user can put another in the place of.

The first that is there is taken: `templates/NAME` beside the team file, `templates/NAME` in the user's configuration,
then ours.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agentctl.spec.bundled import templates_dir
from agentctl.spec.settings import config_folder
from agentctl.spec.source import Source, Unreadable, read_source

FOLDER = "templates"


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where the templates for one team file are looked for."""

    team: Source
    """The team file."""
    variables: Mapping[str, str]
    """The caller's environment, which says where its configuration is."""

    def read(self, name: str) -> Source:
        """Return the template *name*; raises `Unreadable`."""
        beside = self.team.path.parent / FOLDER / name
        if beside.is_file():
            return _read_inside(self.team.path.parent, beside, _shown_beside(self.team.shown, name))
        own = config_folder(self.variables) / FOLDER / name
        if own.is_file():
            return read_source(own, str(own))
        return read_source(templates_dir() / name, f"{FOLDER}/{name}")


def is_shipped(source: Source) -> bool:
    """Tell whether *source* is one of our own files, whose paths name templates of ours."""
    return source.path.parent == templates_dir()


def _read_inside(folder: Path, path: Path, shown: str) -> Source:
    """Read *path*, which may not lead out of *folder*: a repository must not hand an agent somebody's private file."""
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
        raise Unreadable("this leads out of the team's folder", "keep it beside the team file")
    return read_source(path, shown)


def _shown_beside(team: str, name: str) -> str:
    return os.path.normpath(os.path.join(os.path.dirname(team), FOLDER, name))  # noqa: PTH118, PTH120  text
