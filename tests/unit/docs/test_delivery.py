"""The pages on delivery and on an agent's work show the tables of the code, no less and no more."""

from __future__ import annotations

import re

from agentctl.domain.agent import PHASE_MOVES, Ending
from agentctl.domain.message import MESSAGE_MOVES, MessageState
from agentctl.engine import holding
from agentctl.engine.traffic import MOST_HOPS, MOST_WAITING

DELIVERY, STATES, GLOSSARY = "docs/design/delivery.md", "docs/design/agent-states.md", "docs/glossary.md"


def _section(texts, page: str, title: str) -> str:
    return texts[page].text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def _rows(text: str) -> list[list[str]]:
    """The cells of each row of the tables in *text*, headings left out."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [cells for cells in lines if not set("".join(cells)) <= set("-| ")][1:]


def test_every_move_of_a_message_is_drawn_and_no_other(texts):
    (drawing,) = texts[DELIVERY].blocks("mermaid")
    drawn = re.findall(r"^\s*(\w+) --> (\w+)", drawing.text, re.MULTILINE)
    assert sorted(drawn) == sorted((old.value, new.value) for old, news in MESSAGE_MOVES.items() for new in news)


def test_every_state_of_a_message_is_explained(texts):
    before_first_section = texts[DELIVERY].text.partition("\n## ")[0]
    assert [row[0].strip("`") for row in _rows(before_first_section)] == [state.value for state in MessageState]
    terms = _section(texts, GLOSSARY, "States of a message")
    assert re.findall(r"^- \*\*([\w-]+)\*\*", terms, re.MULTILINE) == [state.value for state in MessageState]


def test_every_reason_has_its_row_in_the_order_in_which_they_count(texts):
    rows = _rows(_section(texts, DELIVERY, "Held"))
    assert len(rows) == len(holding._ROWS)
    for (told, _, keys, again), row in zip(rows, holding._ROWS, strict=True):
        beginning = re.split(r"[:{]", row.reason)[0].strip()
        assert told.startswith(beginning), row.reason
        assert keys == ("yes" if row.keys else "no"), row.reason
        assert (again == "on an event") == (row.again is holding._by_event), row.reason


def test_the_figures_of_traffic_are_those_of_the_code(texts):
    text = _section(texts, DELIVERY, "Refused at once")
    assert f"more than {MOST_HOPS} agents" in text
    assert f"{MOST_WAITING} wait already" in text


def test_every_phase_has_a_row_with_what_may_follow(texts):
    shown = {row[0].strip("`"): set(re.findall(r"`(\w+)`", row[2])) for row in _rows(_section(texts, STATES, "Phase"))}
    assert shown == {phase.value: {after.value for after in follows} for phase, follows in PHASE_MOVES.items()}


def test_every_phase_and_ending_is_explained(texts):
    text = texts[GLOSSARY].text
    assert [phase for phase in PHASE_MOVES if f"**{phase}**:" not in text and f"**{phase}** " not in text] == []
    endings = _section(texts, GLOSSARY, "Endings of an agent")
    assert set(re.findall(r"^- \*\*([\w-]+)\*\*", endings, re.MULTILINE)) == {ending.value for ending in Ending}


def test_every_ending_has_a_row(texts):
    rows = [row[0].strip("`") for row in _rows(_section(texts, STATES, "Restart policy"))]
    assert {ending.value for ending in Ending} <= set(rows)
