"""The glossary explains every word that the program shows."""

from __future__ import annotations

import re

from agentctl.domain.agent import Activity, AgentState
from agentctl.domain.events import EventType
from agentctl.runners.registry import FALLBACK

PAGE = "docs/glossary.md"
_TERM = re.compile(r"\*\*([\w -]+)\*\*")


def _explained(texts) -> set[str]:
    """The terms that stand before a colon, several of one line included."""
    terms = set()
    for line in texts[PAGE].prose.splitlines():
        if line.startswith("- "):
            terms.update(_TERM.findall(line.partition(": ")[0]))
            terms.update(_TERM.findall(line) if ";" in line else ())
    return terms


def test_every_state_is_explained(texts):
    assert {state.value for state in AgentState} - _explained(texts) == set()


def test_every_activity_is_explained(texts):
    assert {activity.value for activity in Activity} - _explained(texts) == set()


def test_every_event_is_explained(texts):
    named = set(re.findall(r"`([A-Z][A-Za-z]+)`", texts[PAGE].text))
    events = {event.value for event in EventType}
    assert events - named == set(), "not in the glossary"
    assert named - events == set(), "no such event"


def test_every_family_of_events_has_a_row(texts):
    families = {re.match("[A-Z][a-z]+", event.value)[0] for event in EventType}
    rows = re.findall(r"^\| (\w+)", texts[PAGE].text.partition("| Family |")[2], re.MULTILINE)
    assert families - set(rows) == set()


def test_every_entry_is_one_sentence_with_an_end(texts):
    prose = texts[PAGE].prose
    entries = re.findall(r"^- .+?(?=\n\n|\n- |\n#|\Z)", prose, re.DOTALL | re.MULTILINE)
    assert len(entries) > 40
    for entry in entries:
        assert entry.startswith("- **"), entry
        assert entry.rstrip().endswith("."), entry


def test_the_fallback_of_auto_is_the_one_named(texts):
    assert f"else `{FALLBACK}`" in texts[PAGE].text
