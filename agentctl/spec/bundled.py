"""The teams and templates that come with agentctl: inside a wheel, or beside the package in a clone."""

from __future__ import annotations

from pathlib import Path

import agentctl
from agentctl.domain.errors import NotFound


def teams_dir() -> Path:
    """Return the folder of the teams that come with agentctl."""
    return _folder("teams")


def templates_dir() -> Path:
    """Return the folder of the templates that come with agentctl."""
    return _folder("templates")


def _folder(name: str) -> Path:
    package = Path(agentctl.__file__).resolve().parent
    for folder in (package / "_bundled" / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise NotFound(f"the {name} that come with agentctl are missing", hint="install agentctl again")
