"""Who waits for whom, and who waits in vain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentctl.domain.agent import Agent, AgentState, Identity
from agentctl.domain.names import AgentId
from agentctl.domain.team import AgentSpec, Dependency, TeamSpec
from agentctl.views.fleet import Fleet, Team
from agentctl.views.waits import waits_for, waits_in_vain


def spec(name: str, *needs: Dependency) -> AgentSpec:
    return AgentSpec("t", name, "dev", "process", f"T-{name}", 0, "/", argv=("x",), depends_on=needs)


def fleet(**states: AgentState) -> Fleet:
    specs = (spec("db"), spec("api", Dependency("db")), spec("web", Dependency("api", "started")))
    agents = {AgentId(f"t/{n}"): Agent(AgentId(f"t/{n}"), state) for n, state in states.items()}
    return Fleet(teams={"t": Team(TeamSpec("t", specs, "Task-t"))}, agents=agents)


def test_ready_needs_running() -> None:
    for state in AgentState:
        met = not waits_for(spec("api", Dependency("db")), fleet(db=state, api=AgentState.PENDING))
        assert met == (state is AgentState.RUNNING)


def test_started_needs_a_process() -> None:
    seen = fleet(db=AgentState.RUNNING, api=AgentState.STARTING, web=AgentState.PENDING)
    wanting = spec("web", Dependency("api", "started"))
    assert waits_for(wanting, seen) == ["t/api"]
    seen.agents[AgentId("t/api")] = replace(seen.agents[AgentId("t/api")], process=Identity("b", 1, 1))
    assert waits_for(wanting, seen) == []


@pytest.mark.parametrize("end", [AgentState.FATAL, AgentState.STOPPED, AgentState.CLOSED, AgentState.EXITED])
def test_it_waits_in_vain_for_what_has_ended_also_at_second_hand(end: AgentState) -> None:
    seen = fleet(db=end, api=AgentState.PENDING, web=AgentState.PENDING)
    assert waits_in_vain(spec("api", Dependency("db")), seen) == ["t/db"]
    assert waits_in_vain(spec("web", Dependency("api", "started")), seen) == ["t/api"]


def test_it_does_not_wait_in_vain_for_what_is_on_its_way() -> None:
    seen = fleet(db=AgentState.BACKOFF, api=AgentState.PENDING)
    assert waits_in_vain(spec("api", Dependency("db")), seen) == []
