"""The agent's table of moves."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.agent import MOVES, Agent, AgentState
from agentctl.domain.errors import IllegalMove
from agentctl.domain.names import AgentId

states = st.sampled_from(AgentState)


def test_every_state_has_its_moves() -> None:
    assert set(MOVES) == set(AgentState)


@given(st.lists(states))
def test_an_agent_is_only_ever_where_a_legal_move_put_it(wishes: list[AgentState]) -> None:
    agent = Agent(AgentId("team/one"))
    for wish in wishes:
        before = agent.state
        with contextlib.suppress(IllegalMove):
            agent = agent.move(wish)
            assert wish in MOVES[before]
        assert agent.state in (before, *MOVES[before])


@pytest.mark.parametrize("start", list(AgentState))
def test_every_state_can_reach_stopped_and_running(start: AgentState) -> None:
    reached, edge = {start}, {start}
    while edge:
        edge = {to for state in edge for to in MOVES[state]} - reached
        reached |= edge
    assert {AgentState.STOPPED, AgentState.RUNNING} <= reached


def test_an_illegal_move_is_our_own_fault() -> None:
    with pytest.raises(IllegalMove) as caught:
        Agent(AgentId("team/one")).move(AgentState.RUNNING)
    assert caught.value.exit_code == 70
    assert "team/one" in caught.value.message
