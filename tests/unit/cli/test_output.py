"""Data on stdout in every format, with nothing in it that a terminal would obey."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from agentctl.cli.ansi import only_colors
from agentctl.cli.states import look, word_of
from tests.unit.cli.conftest import row

HOSTILE = "\x1b]52;c;ZXZpbA==\x07[bold]x[/x]\x9b31m\u202e\x1b[2Jend\nline\ttab"


@pytest.fixture
def hostile(supervisor):
    supervisor.on("ps", {"agents": [row("frontend/pm", evidence=HOSTILE), row("frontend/ui", "fatal")], "teams": []})
    return supervisor


@pytest.mark.parametrize("form", ["table", "wide", "json", "yaml", "jsonl", "name", "csv"])
def test_nothing_hostile_passes_in_any_format(hostile, agentctl, form) -> None:
    done = agentctl("ps", "-o", form, "--color", "never")
    assert done.code == 0
    assert not any(letter in done.out for letter in "\x1b\x07\x9b\u202e")
    assert "frontend/pm" in done.out


def test_a_pipe_gets_tabs_a_header_and_nothing_cut(hostile, agentctl) -> None:
    done = agentctl("ps")
    rows = [line.split("\t") for line in done.lines]
    assert rows[0][:3] == ["AGENT", "STATE", "FOR"]
    assert len({len(cells) for cells in rows}) == 1
    assert rows[1][-1] == "[bold]x[/x]end line tab"


def test_json_is_an_envelope_with_every_key(hostile, agentctl) -> None:
    document = json.loads(agentctl("ps", "--json").out)
    assert (document["apiVersion"], document["kind"]) == ("agentctl/v1", "AgentList")
    assert document["items"][0]["evidence"] == HOSTILE
    assert {"team", "agent", "role", "runner", "state", "since", "generation", "restarts", "pid", "pane", "session",
            "window", "cpu_percent", "memory_bytes", "limits"} <= document["items"][0].keys()  # fmt: skip


def test_yaml_and_csv_can_be_read_back(hostile, agentctl) -> None:
    assert yaml.safe_load(agentctl("ps", "-o", "yaml").out)["items"][0]["evidence"] == HOSTILE
    rows = list(csv.DictReader(io.StringIO(agentctl("ps", "-o", "csv").out)))
    assert [r["agent"] for r in rows] == ["frontend/pm", "frontend/ui"]


def test_names_only(hostile, agentctl) -> None:
    assert agentctl("ps", "-q").lines == ["frontend/pm", "frontend/ui"]


def test_a_format_that_is_none_is_a_usage_error(hostile, agentctl) -> None:
    done = agentctl("ps", "-o", "xml")
    assert done.code == 2
    assert "not 'xml'" in done.err


@pytest.mark.parametrize(
    ("given_row", "word", "glyph"),
    [
        (row("a/b"), "running", "●"),
        (row("a/b", activity="working"), "working", "●"),
        (row("a/b", activity="idle"), "idle", "○"),
        (row("a/b", activity="waiting"), "waiting", "◐"),
        (row("a/b", paused={"cause": "pressure"}), "paused", "‖"),
        (row("a/b", paused={"cause": "pressure"}, unwell="no answer"), "unhealthy", "▲"),
        (row("a/b", paused={"cause": "budget"}, asking={"id": "a"}), "waiting", "◐"),
        (row("a/b", "stopping", paused={"cause": "person"}), "stopping", "◐"),
        (row("a/b", "starting", late=True), "late", "◐"),
        (row("a/b", unwell="no answer"), "unhealthy", "▲"),
        (row("a/b", "exited", exit_code=3), "exited 3", "✗"),
        (row("a/b", "exited", exit_code=0), "exited 0", "○"),
        (row("a/b", "closed"), "closed", "▲"),
        (row("a/b", "fatal"), "fatal", "✗"),
        (row("a/b", "from-a-later-version"), "from-a-later-version", "?"),
    ],
)
def test_a_state_is_a_glyph_and_a_word(given_row, word, glyph) -> None:
    assert word_of(given_row) == word
    assert look(word)[0] == glyph


@given(st.text(st.sampled_from("\x1b[]0;31mKJHab\x07\x9b\u202e:\n\\P?")))
def test_peek_in_colour_lets_only_colours_through(text: str) -> None:
    clean = only_colors(text)
    rest = re.sub("\x1b\\[[0-9;:]*m", "", clean)
    assert not any(letter in rest for letter in "\x1b\x07\x9b\u202e")
