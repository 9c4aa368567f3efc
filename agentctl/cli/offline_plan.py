"""A plan without a supervisor: the wanted team against what the log last knew."""

from __future__ import annotations

import os
from typing import Any

from agentctl.cli.log_file import open_log
from agentctl.control.home import Home
from agentctl.domain.codec import encode
from agentctl.domain.errors import AgentctlError
from agentctl.domain.team import AgentSpec, TeamSpec
from agentctl.engine.plan import plan
from agentctl.runners.registry import Runners
from agentctl.spec.settings import config_folder
from agentctl.views.fleet import Fleet


def offline_plan(spec: TeamSpec, home: Home) -> dict[str, Any]:
    """Return the plan document that the supervisor would give; nothing is started or changed."""
    runners = Runners.load(config_folder() / "runners")

    def runner_of(agent: AgentSpec) -> str:
        try:
            choice = runners.choose(agent.runner, os.environ.get("PATH", ""))
        except AgentctlError as error:
            return f"runner {agent.runner}: {error.message}"
        return f"runner {choice.runner.name}" + (f" ({choice.reason})" if choice.reason else "")

    planned = plan(spec, _fleet(home), runner_of)
    return {**encode(planned), "counts": planned.counts()}


def _fleet(home: Home) -> Fleet:
    fleet = Fleet()
    log, _ = open_log(home)
    if log is not None:
        try:
            fleet.apply_all(log.read())
        finally:
            log.close()
    return fleet
