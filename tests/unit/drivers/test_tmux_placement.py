"""Quoting, listings and places, without a server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.names import AgentId, PaneId
from agentctl.domain.ports import Opening
from agentctl.drivers.tmux.closing import closing
from agentctl.drivers.tmux.listing import Row, launched, owned, parse
from agentctl.drivers.tmux.placement import Map
from agentctl.drivers.tmux.quote import line, literal, quote

HOME = "c0ffee"
RUN = Path("/run/agentctl")
NAMES = ["pm", "dev", "qa", "server"]

agents = st.builds("{}/{}".format, st.sampled_from(["web", "db"]), st.sampled_from(NAMES)).map(AgentId)


def opening(agent: AgentId, generation: int, index: int) -> Opening:
    return Opening(agent, generation, f"Task-{agent.split('/')[0]}", "Window", index, ("cat", "-"), "/")


def row(
    number: int, agent: str, generation: int, session: str, index: int, *, dead: bool = False, home: str = HOME
) -> Row:
    return Row(
        PaneId(f"%{number}"), home if agent else "", agent, generation, 0, dead, None, 100 + number, False,
        f"@{number}", 1, index, f"${session}", "", session, "Window", "cat -",
    )  # fmt: skip


@st.composite
def servers(draw: st.DrawFn) -> list[Row]:
    """Draw a server: agents of ours in some places, a person's windows in others."""
    places = draw(
        st.lists(
            st.tuples(st.sampled_from(["Task-web", "Task-db", "mine"]), st.integers(0, 5)), unique=True, max_size=9
        )
    )
    return [
        row(number, draw(st.one_of(agents, st.just(""))), draw(st.integers(1, 3)), *place, dead=draw(st.booleans()))
        for number, place in enumerate(places)
    ]


wishes = st.lists(st.builds(opening, agents, st.integers(1, 3), st.integers(0, 5)), max_size=8)


@given(servers(), wishes)
def test_no_plan_gives_an_agent_two_windows_or_takes_a_place(rows: list[Row], openings: list[Opening]) -> None:
    ours = owned(rows, HOME, RUN)
    plan = Map(rows, ours, HOME).plan(openings)
    assert [place.opening for place in plan] == openings
    running = {own.agent for own in ours if not own.row.dead}
    occupied = {(r.session, r.index) for r in rows}
    by_pane = {own.row.pane: own for own in ours}
    made: set[tuple[str, int]] = set()
    served: set[AgentId] = set()
    for place in plan:
        agent = place.opening.agent
        if place.act == "refuse":
            assert place.error
            continue
        assert agent not in served
        served.add(agent)
        if place.act in ("session", "window"):
            spot = (place.opening.session, place.index)
            assert agent not in running
            assert spot not in occupied | made
            assert place.index >= place.opening.index
            made.add(spot)
        else:
            own = by_pane[place.pane]
            assert own.agent == agent
            assert own.row.dead if place.act == "reuse" else own.generation == place.opening.generation


@given(servers(), st.data())
def test_closing_names_nothing_but_what_is_to_be_closed(rows: list[Row], data: st.DataObject) -> None:
    doomed = {r.pane for r in rows if data.draw(st.booleans())}
    text = " ".join(closing(rows, doomed))
    for one in rows:
        others = [r for r in rows if r.session == one.session]
        ended = f"kill-session -t '{one.session_id}'" in text.replace("\\$", "$")
        assert ended == all(r.pane in doomed for r in others)
        assert (f"kill-pane -t {one.pane}" in text.split(" kill-") or f"kill-pane -t {one.pane} " in f"{text} ") == (
            one.pane in doomed and not ended
        )


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_a_line_is_one_line(words: list[str]) -> None:
    assert "\n" not in line(*words)
    for word in words:
        assert "\n" not in quote(word)
        assert "~" not in quote(word)


@given(st.text("ab#[](){} ", max_size=12))
def test_hashes_in_a_path_are_escaped(path: str) -> None:
    text, at = literal(path), 0
    back = ""
    while at < len(text):  # tmux's own rule: a run of # before [ stands as it is, else each ## is one #
        run = len(text[at:]) - len(text[at:].lstrip("#"))
        if run and text[at + run : at + run + 1] == "[":
            back, at = back + "#" * run + "[", at + run + 1
        elif run:
            assert run % 2 == 0
            back, at = back + "#" * (run // 2), at + run
        else:
            back, at = back + text[at], at + 1
    assert back == path


@pytest.mark.parametrize(
    ("start", "run_dir"),
    [
        ("python -I -S shim.py /run/agentctl/agents/web/dev/launch.3", "/run/agentctl"),
        ('python "/p r/#(x) \\$a\'\\"b~é\\\\n/agents/web/dev/launch.3"', "/p r/#(x) $a'\"b~é\\n"),
        ("python '/a\"b/agents/web/dev/launch.3'", '/a"b'),
        ("python /a\\tb\\nc/agents/web/dev/launch.3", "/a\tb\nc"),
        ("python /a\\001\\177/agents/web/dev/launch.3", "/a\x01\x7f"),
    ],
)
def test_a_launch_file_is_found_in_a_start_command(start: str, run_dir: str) -> None:
    assert launched(start, Path(run_dir)) == ("web/dev", 3)
    assert launched(start, Path("/other")) is None
    assert launched(start + " more", Path(run_dir)) is None
    assert launched(start.replace("/agents", "x/agents", 1), Path(run_dir)) is None


def test_the_process_says_which_generation_runs() -> None:
    marked = replace(row(1, "web/dev", 2, "Task-web", 0), typed=5, start=f"python {RUN}/agents/web/dev/launch.3")
    (own,) = owned([marked], HOME, RUN)
    assert (own.agent, own.generation, own.marked, own.typed) == ("web/dev", 3, False, 0)


def test_another_homes_pane_is_not_ours() -> None:
    theirs = replace(row(1, "web/dev", 2, "Task-web", 0, home="another"), start=f"x {RUN}/agents/web/dev/launch.2")
    assert owned([theirs], HOME, RUN) == []


def test_free_texts_shift_no_field() -> None:
    fixed = "%7|c0ffee|web/dev|2|5|1||9|123|0|@3|1|4|$2|1|1|2|1795192534|1795192544|0|7|6"
    (one,) = parse((f"{fixed}||a|b|c%d|ü|x%1|cat | -", "rest of a command of a person's | | |"))
    assert (one.session, one.window, one.start) == ("a|b|c%d", "ü|x%1", "cat | -")
    assert (one.dead, one.exit_code, one.typed, one.index) == (True, 137, 5, 4)
    assert (one.watched, one.keyed) == (True, 1795192544)
