"""Selectors."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentctl.domain.agent import Activity, Agent, AgentState
from agentctl.domain.errors import Ambiguous, NotFound
from agentctl.domain.names import AgentId
from agentctl.views.select import select, select_one

NAMES = ("front/pm", "front/ui-1", "front/ui-2", "back/pm", "back/ui-tests")
AGENTS = [Agent(AgentId(name)) for name in NAMES]
AGENTS[0] = replace(AGENTS[0], state=AgentState.FATAL)
AGENTS[1] = replace(AGENTS[1], state=AgentState.RUNNING, activity=Activity.IDLE)


@pytest.mark.parametrize(
    ("selectors", "found"),
    [
        ([], NAMES),
        (["front"], NAMES[:3]),
        (["front/ui"], ("front/ui-1", "front/ui-2")),
        (["back/ui"], ()),
        (["front/ui-2"], ("front/ui-2",)),
        (["*/pm"], ("front/pm", "back/pm")),
        (["@fatal"], ("front/pm",)),
        (["@idle"], ("front/ui-1",)),
        (["@running"], ("front/ui-1",)),
        (["@closed"], ()),
        (["back", "@fatal"], ("front/pm", "back/pm", "back/ui-tests")),
    ],
)
def test_selectors(selectors: list[str], found: tuple[str, ...]) -> None:
    if selectors == ["back/ui"]:  # ui-tests is another agent, not a replica of ui
        with pytest.raises(NotFound):
            select(selectors, AGENTS)
    else:
        assert tuple(select(selectors, AGENTS)) == found


def test_a_slip_of_the_pen_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(NotFound) as caught:
        select(["fornt"], AGENTS)
    assert caught.value.hint == "did you mean 'front'?"


def test_where_one_is_asked_for_several_are_listed_and_none_is_guessed() -> None:
    with pytest.raises(Ambiguous) as caught:
        select_one("front/ui", AGENTS)
    assert "front/ui-1, front/ui-2" in caught.value.hint
    assert caught.value.exit_code == 4


def test_nothing_deployed_says_what_to_do() -> None:
    with pytest.raises(NotFound) as caught:
        select(["front"], [])
    assert "agentctl deploy" in caught.value.hint
