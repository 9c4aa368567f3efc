"""Which team files a command means, and all of them loaded at once with all of their problems."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agentctl.domain.errors import NotFound, UsageError
from agentctl.domain.team import TeamSpec

if TYPE_CHECKING:
    from agentctl.runners.registry import Runner
    from agentctl.spec.programs import Program

_ENDINGS = ("*.yaml", "*.yml")


def chosen_files(names: Sequence[str], folder: Path) -> list[Path]:
    """Return the files that *names* (teams or paths) stand for; with none, the only team file near *folder*."""
    from agentctl.spec.load import find_team  # noqa: PLC0415  loads YAML

    if names:
        return list(dict.fromkeys(find_team(name, folder) for name in names))
    near = near_files(folder)
    if len(near) == 1:
        return near
    if not near:
        raise NotFound("there is no team file here", hint="agentctl init writes one; or name a file")
    raise UsageError(
        f"{len(near)} team files are here and none was named",
        hint=f"say which, for example: agentctl deploy {' '.join(path.stem for path in near[:3])}",
    )


def near_files(folder: Path) -> list[Path]:
    """Return the team files of the nearest `teams` folder, upwards from *folder*, or of *folder* if it is one."""
    for place in (folder, *folder.parents):
        teams = place if place.name == "teams" else place / "teams"
        if teams.is_dir():
            return sorted(path for ending in _ENDINGS for path in teams.glob(ending) if path.stem != "base")
    return []


def load_teams(paths: Sequence[Path], folder: Path) -> list[TeamSpec]:
    """Return the teams in *paths*; raises `SpecProblems` with the problems of all files together."""
    import os  # noqa: PLC0415  beside the loader

    from agentctl.spec.load import load_team  # noqa: PLC0415  loads YAML and pydantic
    from agentctl.spec.problems import SpecProblems  # noqa: PLC0415  as above

    runners = programs()
    teams: list[TeamSpec] = []
    problems = []
    for path in paths:
        try:
            teams.append(load_team(path, variables=os.environ, runners=runners, folder=folder))
        except SpecProblems as found:
            problems += found.problems
    if problems:
        raise SpecProblems(problems)
    _refuse_doubles(teams)
    return teams


def programs() -> dict[str, Program]:
    """Return what team files have to fit of each runner, the user's own among them; `auto` is what it is here."""
    import os  # noqa: PLC0415  beside the loader

    from agentctl.runners.registry import AUTO, Runners  # noqa: PLC0415  loads manifests
    from agentctl.spec.settings import config_folder  # noqa: PLC0415  loads YAML

    runners = Runners.load(config_folder() / "runners")
    known = {name: _program(runners.get(name)) for name in runners.names()}
    return known | {AUTO: _program(runners.choose(AUTO, os.environ.get("PATH", "")).runner)}


def _program(runner: Runner) -> Program:
    from agentctl.spec.programs import Program  # noqa: PLC0415  beside the loader

    return Program(
        runner.name,
        runner.coding,
        runner.least_memory_bytes,
        runner.least_memory_why,
        tuple(runner.approve),
        counts=runner.usage is not None,
    )


def _refuse_doubles(teams: Sequence[TeamSpec]) -> None:
    sources: dict[str, str] = {}
    for team in teams:
        if team.name in sources:
            raise UsageError(f"two files are the team '{team.name}': {sources[team.name]} and {team.source}")
        sources[team.name] = team.source
