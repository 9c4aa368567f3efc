"""The real programs, each at one pinned version, installed from npm and PyPI into a cache of their own.

    python -m tests.agents.install claude opencode aider      # all of them without a name
    python -m tests.agents.install --list

The cache is `${XDG_CACHE_HOME:-~/.cache}/agentctl-tests/<program>-<version>`; what stands there whole is used again.
A program that needs a newer node than the machine's gets one of its own beside it.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PATIENCE = 900.0
"""Seconds that one installation may take."""

_NODE = "22.23.3"


class CannotInstall(Exception):
    """Why a program cannot be installed here, in one line."""


@dataclass(frozen=True)
class Package:
    """Where a program comes from."""

    source: Literal["npm", "pypi"]
    name: str
    version: str
    command: str
    needs: str
    """Of node: the least major version; of Python: the version it is installed for."""


@dataclass(frozen=True)
class Installed:
    """A program that stands in the cache."""

    program: str
    version: str
    path: Path
    bins: tuple[Path, ...]
    """Folders that come first in its PATH."""


PACKAGES: dict[str, Package] = {
    "claude": Package("npm", "@anthropic-ai/claude-code", "2.1.329", "claude", "22"),
    "codex": Package("npm", "@openai/codex", "0.169.0", "codex", "16"),
    "opencode": Package("npm", "opencode-ai", "1.18.33", "opencode", "18"),
    "gemini": Package("npm", "@google/gemini-cli", "0.61.0", "gemini", "20"),
    "qwen": Package("npm", "@qwen-code/qwen-code", "0.24.4", "qwen", "22"),
    "aider": Package("pypi", "aider-chat", "0.86.2", "aider", "3.11"),
    "pi": Package("npm", "@earendil-works/pi-coding-agent", "0.87.1", "pi", "22"),
    "vibe": Package("pypi", "mistral-vibe", "3.0.2", "vibe", "3.12"),
}


def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "agentctl-tests"


def found(program: str) -> Installed | None:
    """The program as it stands whole in the cache, or None."""
    package = PACKAGES[program]
    folder = _folder(program)
    bins = folder / ("node_modules/.bin" if package.source == "npm" else "bin")
    if not (folder / "whole").exists() or not (bins / package.command).exists():
        return None
    return Installed(program, package.version, bins / package.command, (bins,))


def install(program: str) -> Installed:
    """The program from the cache, installed first where it is not there; raise CannotInstall."""
    package = PACKAGES[program]
    folder = _folder(program)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        if there := found(program):
            return there
        _install_npm(package, folder) if package.source == "npm" else _install_pypi(package, folder)
        (folder / "whole").touch()
    there = found(program)
    if there is None:
        raise CannotInstall(f"{package.name} {package.version} was installed but brings no {package.command}")
    return there


def _install_npm(package: Package, folder: Path) -> None:
    names = [f"{package.name}@{package.version}"]
    if _node_major() < int(package.needs):
        names.append(f"node@{_NODE}")
    npm = _command("npm")
    flags = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error", "--save-exact"]
    (folder / "package.json").write_text('{"private": true}\n')
    _run([npm, "install", *flags, *names], folder, package)


def _install_pypi(package: Package, folder: Path) -> None:
    uv = _command("uv")
    _run([uv, "venv", "--quiet", "--clear", "--python", package.needs, str(folder)], folder.parent, package)
    python = str(folder / "bin/python")
    _run([uv, "pip", "install", "--quiet", "--python", python, f"{package.name}=={package.version}"], folder, package)


def _run(argv: list[str], cwd: Path, package: Package) -> None:
    what = f"{package.name} {package.version}"
    try:
        done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise CannotInstall(f"{what}: {Path(argv[0]).name} took longer than {PATIENCE:.0f} s") from None
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        last = " · ".join(said[-3:]) or "it said nothing"
        raise CannotInstall(f"{what}: {Path(argv[0]).name} ended with {done.returncode}: {last}")


def _command(name: str) -> str:
    """A tool of the machine, or the one of this environment."""
    beside = Path(sys.executable).parent / name
    path = shutil.which(name) or (str(beside) if beside.exists() else None)
    if path is None:
        raise CannotInstall(f"{name} is not on this machine")
    return path


def _node_major() -> int:
    """The machine's node, 0 where there is none."""
    if not (node := shutil.which("node")):
        return 0
    said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    version = re.match(r"v(\d+)", said)
    return int(version[1]) if version else 0


def _folder(program: str) -> Path:
    return cache() / f"{program}-{PACKAGES[program].version}"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Only one process installs a program at a time."""
    with folder.with_name(folder.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=", ".join(PACKAGES))
    parser.add_argument("--list", action="store_true", help="say what is there and install nothing")
    given = parser.parse_args()
    if unknown := set(given.programs) - set(PACKAGES):
        parser.error(f"not known: {', '.join(sorted(unknown))}")
    failed = 0
    for program in given.programs or PACKAGES:
        try:
            there = found(program) if given.list else install(program)
            where = there.path if there else "not installed"
        except CannotInstall as why:
            where, failed = f"cannot be installed: {why}", 1
        sys.stdout.write(f"{program} {PACKAGES[program].version}: {where}\n")
        sys.stdout.flush()
    return failed


if __name__ == "__main__":
    sys.exit(main())
