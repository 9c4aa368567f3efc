"""The drawing of an agent's states is the table of its moves, no less and no more."""

from __future__ import annotations

import re

from agentctl.domain.agent import MOVES, Activity, AgentState
from agentctl.domain.message import MessageState
from agentctl.domain.team import Backoff, RestartPolicy

PAGE = "docs/design/agent-states.md"
_EDGE = re.compile(r"^\s*(\[\*\]|\w+) --> (\w+)(?:\s*:.*)?$", re.MULTILINE)
_ROW = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


def _edges(texts) -> list[tuple[str, str]]:
    (drawing,) = texts[PAGE].blocks("mermaid")
    lines = [line for line in drawing.text.splitlines() if line.strip()]
    assert lines[0] == "stateDiagram-v2"
    edges = _EDGE.findall("\n".join(lines[1:]))
    assert len(edges) == len(lines) - 1, "a line of the drawing is no arrow"
    return edges


def test_every_move_is_drawn_and_no_other(texts):
    drawn = [edge for edge in _edges(texts) if edge[0] != "[*]"]
    legal = {(old.value, new.value) for old, news in MOVES.items() for new in news}
    assert set(drawn) == legal
    assert len(drawn) == len(legal), "an arrow is drawn twice"


def test_the_drawing_begins_where_an_agent_begins(texts):
    assert [edge[1] for edge in _edges(texts) if edge[0] == "[*]"] == [AgentState.PENDING]


def test_every_state_has_a_row(texts):
    rows = set(_ROW.findall(texts[PAGE].text))
    assert {state.value for state in AgentState} <= rows


def test_every_activity_is_named(texts):
    for activity in Activity:
        assert f"`{activity.value}`" in texts[PAGE].text


def test_every_state_of_a_message_has_a_row(texts):
    rows = set(_ROW.findall(texts[PAGE].text.partition("## Messages")[2]))
    assert rows == {state.value for state in MessageState}


def test_the_figures_of_the_restart_policy_are_the_defaults(texts):
    text = " ".join(texts[PAGE].text.split())
    policy, backoff = RestartPolicy(), Backoff()
    assert (policy.policy, policy.most, backoff.factor) == ("on-failure", 5, 2.0)
    assert "`on-failure` (default)" in text
    assert (
        f"is {backoff.initial.total_seconds():g} s and doubles up to {backoff.longest.total_seconds() / 60:g} min"
        in text
    )
    assert (policy.window.total_seconds(), policy.well_after.total_seconds()) == (3600, 600)
    assert f"More than {policy.most} ends within an hour" in text
    assert "Ten minutes of running wipe the count" in text
