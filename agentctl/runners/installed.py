"""What can be told of an installed program without running it: its version, and whether somebody has logged in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from agentctl.runners.runner import Runner

_MOST_FOLDERS = 4
"""Between a program's file and the description of its package."""
_MOST_BYTES = 256 * 1024


def packaged_version(program: str) -> str:
    """Return the version that the package of *program* states, empty where none can be found."""
    file = Path(program).resolve()
    for folder in list(file.parents)[:_MOST_FOLDERS]:
        version = _node_version(folder / "package.json")
        if version:
            return version
    return _python_version(Path(program))


def login_evidence(runner: Runner, environ: Mapping[str, str], home: Path) -> str:
    """Return by what it seems that somebody has logged in, empty where nothing says so. A guess: nothing is tried."""
    for name in runner.login.env:
        if environ.get(name):
            return f"{name} is set"
    for name in runner.login.files:
        file = home / name.removeprefix("~/") if name.startswith("~/") else Path(name)
        if file.is_file():
            return f"{name} is there"
    return ""


def _node_version(file: Path) -> str:
    try:
        if file.stat().st_size > _MOST_BYTES:
            return ""
        found = json.loads(file.read_text())
    except (OSError, ValueError, RecursionError):
        return ""
    version = found.get("version") if isinstance(found, dict) else None
    return version if isinstance(version, str) else ""


def _python_version(program: Path) -> str:
    """Look for the distribution that brings *program* in the environment that it starts in."""
    for place in program.parent.parent.glob("lib/python3*/site-packages/*.dist-info/entry_points.txt"):
        try:
            if f"\n{program.name} =" not in place.read_text().replace("=", " =").replace("  =", " ="):
                continue
        except (OSError, UnicodeDecodeError):
            continue
        return place.parent.name.removesuffix(".dist-info").rpartition("-")[2]
    return ""
