"""The runners there are: those shipped beside this file, changed and extended by a user's folder; and which to take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agentctl.domain.errors import NotFound, SpecError
from agentctl.domain.units import format_bytes
from agentctl.runners.manifest import load
from agentctl.runners.runner import SHIPPED, Found, Launch, Runner, Submit

__all__ = ["AUTO", "FALLBACK", "Choice", "Found", "Launch", "Runner", "Runners"]

AUTO = "auto"
FALLBACK = "shell"
"""What `auto` takes where no coding agent is installed."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The runner an agent gets, and why, in words for a person."""

    runner: Runner
    reason: str
    program: str | None = None


class Runners:
    """All runners by name."""

    def __init__(self, runners: dict[str, Runner]) -> None:
        self._runners = dict(sorted(runners.items()))

    @classmethod
    def load(cls, user_folder: Path | None = None) -> Runners:
        """Read the shipped manifests and those in *user_folder*, which need not exist.

        A file named like a shipped one changes the keys that it gives; any other adds a runner. Raises `SpecError`
        with every problem of the file.
        """
        shipped = {path.stem: load(path, checks_patterns=False) for path in sorted(SHIPPED.glob("*.toml"))}
        runners = dict(shipped)
        for path in _files(user_folder):
            runners[path.stem] = load(path, shipped)
        return cls(runners)

    def names(self) -> tuple[str, ...]:
        """Return the names of all runners, sorted."""
        return tuple(self._runners)

    def coding(self) -> tuple[Runner, ...]:
        """Return the coding agents in the order in which `auto` looks for them."""
        return tuple(sorted((r for r in self._runners.values() if r.coding), key=lambda r: (r.order, r.name)))

    def get(self, name: str) -> Runner:
        """Return the runner called *name*; raise `NotFound` with the names there are."""
        try:
            return self._runners[name]
        except KeyError:
            raise NotFound(f"there is no runner {name!r}", hint=f"there are: auto, {', '.join(self.names())}") from None

    def known(self, name: str) -> Runner:
        """Return the runner called *name*; where its file has gone since, one of which nothing is known.

        Agents that were started by it run on: they are watched and ended like any other, and not spoken to.
        """
        return self._runners.get(name) or Runner(name, name, (), submit=Submit(channel="none"))

    def find(self, name: str, path: str) -> Found:
        """Look for the program of runner *name* on *path*; runs nothing. Raises `NotFound` for an unknown name."""
        return self.get(name).find(path)

    def choose(self, wanted: str, path: str) -> Choice:
        """Return the runner that *wanted* (a name, or `auto`) means with *path*.

        Raises `NotFound` for an unknown name, or one whose program is not installed.
        """
        if wanted == AUTO:
            return self._first_installed(path)
        runner = self.get(wanted)
        found = runner.find(path)
        if not found.ok:
            raise NotFound(f"{runner.title} is not installed: {found.why}", hint="install it, or write runner: auto")
        return Choice(runner, f"the team file says {wanted}", found.program)

    def check_memory(self, runner: str, limit_bytes: int) -> str:
        """Return why an agent of *runner* cannot live with *limit_bytes* of memory, empty where it can.

        For `auto` too the answer is empty: what it will be is not known. Raises `NotFound` for an unknown name.
        """
        if runner == AUTO:
            return ""
        asked = self.get(runner)
        if limit_bytes >= asked.least_memory_bytes:
            return ""
        why = f": {asked.least_memory_why}" if asked.least_memory_why else ""
        return f"{asked.title} needs at least {format_bytes(asked.least_memory_bytes)} of memory{why}"

    def _first_installed(self, path: str) -> Choice:
        candidates = self.coding()
        for runner in candidates:
            found = runner.find(path)
            if found.ok:
                return Choice(runner, f"{runner.title} is the first coding agent installed", found.program)
        return Choice(self.get(FALLBACK), "no coding agent is installed")


def _files(folder: Path | None) -> list[Path]:
    if folder is None:
        return []
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SpecError(f"cannot read the runners in {folder}: {error.strerror}") from None
