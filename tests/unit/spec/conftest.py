"""A folder to write team files in, and their loading with fixed surroundings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agentctl.domain.team import TeamSpec
from agentctl.spec.load import check_team
from agentctl.spec.problems import Problem
from agentctl.spec.programs import Program

POLICIES = ("ask", "plan", "auto-edit", "auto")
RUNNERS = {
    "auto": Program("shell"),
    "claude": Program("claude", coding=True, policies=POLICIES),
    "codex": Program("codex", coding=True, policies=("ask", "auto")),
    "opencode": Program("opencode", True, 896 * 2**20, "it idles at 730 MB", POLICIES),
    "process": Program("process"),
    "shell": Program("shell", least_memory_bytes=32 * 2**20),
}


@dataclass
class Desk:
    """Writes files and loads them."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    runners: dict[str, Program] = field(default_factory=lambda: dict(RUNNERS))

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def check(
        self, content: str | bytes | None = None, name: str = "team.yaml"
    ) -> tuple[TeamSpec | None, list[Problem]]:
        path = self.folder / name if content is None else self.write(name, content)
        return check_team(path, variables=self.variables, runners=self.runners, folder=self.folder)

    def team(self, content: str, head: str = "version: 1\nname: shop\n") -> TeamSpec:
        team, problems = self.check(head + content)
        assert not problems, "\n\n".join(problem.render() for problem in problems)
        assert team is not None
        return team

    def only_problem(self, content: str, head: str = "version: 1\nname: shop\n") -> Problem:
        team, problems = self.check(head + content)
        assert team is None
        assert len(problems) == 1, [problem.message for problem in problems]
        return problems[0]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
