"""Plans: what a deploy would do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentctl.domain.agent import Agent, AgentState
from agentctl.domain.team import AgentSpec, Dependency, Limits, TeamSpec
from agentctl.engine.plan import Plan, plan
from agentctl.views.fleet import Fleet, Team

ONE = AgentSpec("t", "one", "dev", "shell", "T-One", 0, "/srv", env={"A": "1"})
TWO = AgentSpec("t", "two", "dev", "process", "T-Two", 1, "/srv", argv=("serve",), depends_on=(Dependency("one"),))
SPEC = TeamSpec("t", (ONE, TWO), "Task-t", "/t.yaml")


def running(spec: TeamSpec = SPEC, state: AgentState = AgentState.RUNNING) -> Fleet:
    agents = {a.id: Agent(a.id, state, generation=1, digest=a.digest()) for a in spec.agents}
    return Fleet(teams={"t": Team(spec)}, agents=agents)


def made(wanted: TeamSpec, fleet: Fleet) -> Plan:
    return plan(wanted, fleet, lambda spec: f"runner {spec.runner}")


def signs(wanted: TeamSpec, fleet: Fleet) -> str:
    return "".join(change.sign for change in made(wanted, fleet).changes)


def test_everything_is_new_at_first() -> None:
    planned = made(SPEC, Fleet())
    assert [change.sign for change in planned.changes] == ["+", "+"]
    said = " ".join(planned.changes[1].what)
    for part in ("runner process", "command serve", "in /srv", "cpu 50%", "memory 512MiB", "after one (ready)"):
        assert part in said


def test_an_unchanged_running_team_is_kept() -> None:
    assert signs(SPEC, running()) == "=="
    assert made(SPEC, running()).counts() == {"create": 0, "change": 0, "remove": 0, "keep": 2}


@pytest.mark.parametrize("state", [AgentState.STOPPED, AgentState.FATAL, AgentState.CLOSED, AgentState.EXITED])
def test_what_has_ended_is_brought_up_again(state: AgentState) -> None:
    assert signs(SPEC, running(state=state)) == "++"
    assert f"it is {state} now" in made(SPEC, running(state=state)).changes[0].what


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"runner": "process", "argv": ("x",)}, "runner: shell → process"),
        ({"cwd": "/other"}, "folder: /srv → /other"),
        ({"env": {"A": "2", "B": "3"}}, "environment: A, B"),
        ({"prompt": "Do it."}, "prompt changed"),
    ],
)
def test_what_only_a_new_process_takes_up_restarts(changes: dict[str, object], words: str) -> None:
    wanted = replace(SPEC, agents=(replace(ONE, **changes), TWO))
    change = made(wanted, running()).changes[0]
    assert (change.sign, change.restart) == ("~", True)
    assert words in change.what


@pytest.mark.parametrize("changes", [{"limits": Limits(20.0)}, {"window": "Other"}, {"labels": {"a": "b"}}])
def test_what_can_be_changed_in_place_restarts_nothing(changes: dict[str, object]) -> None:
    change = made(replace(SPEC, agents=(replace(ONE, **changes), TWO)), running()).changes[0]
    assert (change.sign, change.restart) == ("~", False)


def test_the_values_of_variables_are_not_said() -> None:
    wanted = replace(SPEC, agents=(replace(ONE, env={"A": "hunter2"}), TWO))
    assert "hunter2" not in repr(made(wanted, running()))


def test_what_is_no_longer_wanted_is_removed() -> None:
    assert signs(replace(SPEC, agents=(ONE,)), running()) == "=-"


def test_other_teams_are_nobodys_business() -> None:
    fleet = running()
    other = Agent(replace(ONE, team="u").id, AgentState.RUNNING)
    fleet.agents[other.id] = other
    assert signs(SPEC, fleet) == "=="
