"""Agents end, fail, and are closed by people: what is started again, when, and what is left alone."""

from __future__ import annotations

import os
import signal
from datetime import datetime
from itertools import pairwise

import pytest

from tests.acceptance.stage import Stage, free_port, until


def at(event: dict[str, str]) -> datetime:
    return datetime.fromisoformat(event["at"])


def states_and_generations(stage: Stage) -> dict[str, tuple[str, int]]:
    return {name: (row["state"], row["generation"]) for name, row in stage.ps().items()}


def test_a_crash_loop_waits_longer_each_time(stage: Stage) -> None:
    team = stage.team(agents={"bad": stage.program("crash.sh", 3, restart={"max_restarts": 2})})
    done = stage.deploy(team, code=1)
    assert "exited with code 3" in done.said
    until(lambda: stage.states()["web/bad"] == "fatal", "it is given up")
    exits, starts = stage.events("AgentExited"), stage.events("AgentStarting")
    ends = [datetime.fromisoformat(event["data"]["until"]) for event in stage.events("AgentBackingOff")]
    assert (len(starts), len(ends)) == (3, 2)
    waits = [(end - at(exited)).total_seconds() for exited, end in zip(exits, ends, strict=False)]
    assert 0.85 <= waits[0] <= 1.2
    assert 1.7 <= waits[1] <= 2.2
    assert all(at(start) >= end for start, end in zip(starts[1:], ends, strict=True)), "never before its time"
    row = stage.ps()["web/bad"]
    assert (row["exit_code"], row["restarts"], row["generation"]) == (3, 2, 3)


@pytest.mark.parametrize(
    ("policy", "end", "code", "state"),
    [("never", "5", 5, "exited"), ("never", "KILL", 137, "exited"), ("never", "TERM", 143, "exited"),
     ("on-failure", "0", 0, "exited")],
)  # fmt: skip
def test_what_is_to_stay_ended_stays_so_and_says_how_it_ended(
    stage: Stage, policy: str, end: str, code: int, state: str
) -> None:
    team = stage.team(
        agents={"one": stage.program("crash.sh", end, "last words", restart=policy), "two": stage.stays()}
    )
    done = stage.deploy(team, code=7)
    assert "last words" in done.err
    rows = stage.ps()
    assert (rows["web/one"]["state"], rows["web/one"]["exit_code"], rows["web/one"]["generation"]) == (state, code, 1)
    assert rows["web/two"]["state"] == "running"
    assert len([start for start in stage.starts() if start.agent == "web/one"]) == 1


def test_not_ready_in_time_is_told_with_the_last_lines_and_the_cause(stage: Stage) -> None:
    ready = {"tcp": f"127.0.0.1:{free_port()}", "timeout": "3s", "every": "200ms"}
    late = stage.program("crash.sh", "STOP", "waiting for the database") | {"ready": ready}
    team = stage.team(agents={"late": late, "fine": stage.stays()})
    done = stage.deploy(team, code=7)
    assert "not ready after 3s" in done.said
    assert "waiting for the database" in done.err
    assert done.seconds < 15  # not the 20 that a start has where nothing is said


def test_dependencies_come_first_and_a_failed_one_holds_the_others_back(stage: Stage) -> None:
    agents = {
        "ui": stage.stays(depends_on=["api"]),
        "api": stage.stays(depends_on={"db": "ready"}),
        "db": stage.stays(),
        "bad": stage.program("crash.sh", 1, restart="never") | {"ready": {"command": ["false"], "timeout": "5s"}},
        "held": stage.stays(depends_on=["bad"]),
    }
    done = stage.deploy(stage.team(agents=agents), code=7)
    assert [start.agent for start in stage.starts() if start.agent != "web/bad"] == ["web/db", "web/api", "web/ui"]
    assert "waits for web/bad" in done.err
    ready = {event["stream"]: at(event) for event in stage.events("AgentReady")}
    starting = {event["stream"]: at(event) for event in stage.events("AgentStarting")}
    for before, after in pairwise(["agent:web/db", "agent:web/api", "agent:web/ui"]):
        assert ready[before] <= starting[after]


def test_what_a_person_closed_stays_closed_until_the_next_deploy(stage: Stage) -> None:
    team = stage.team(
        agents={"one": stage.stays(), "two": stage.stays(), "back": stage.stays(restart={"closed": "restart"})}
    )
    stage.deploy(team)
    panes = {pane.agent: pane for pane in stage.panes()}
    for agent in ("web/one", "web/back"):
        stage.tmux("kill-window", "-t", panes[agent].id)
    # web/back is shown as running, too, until it is seen that its window is gone
    seen = {"web/one": ("closed", 1), "web/two": ("running", 1), "web/back": ("running", 2)}
    until(lambda: states_and_generations(stage) == seen, "one stays closed, the other is back")
    until(lambda: stage.running() == {"web/two": 1, "web/back": 1}, "nothing of it runs on")
    before = stage.ps()
    stage.deploy(team)
    rows = stage.ps()
    assert {row["state"] for row in rows.values()} == {"running"}
    assert rows["web/one"]["generation"] == 2
    assert [rows[name]["pid"] for name in ("web/two", "web/back")] == [
        before[n]["pid"] for n in ("web/two", "web/back")
    ]


def test_windows_that_were_renamed_or_moved_are_put_back(stage: Stage) -> None:
    stage.deploy(stage.team(agents={name: stage.stays() for name in ("one", "two", "three")}))
    before = sorted(stage.panes())
    stage.tmux("rename-window", "-t", before[0].id, "mine; #(true)")
    stage.tmux("new-session", "-d", "-s", "elsewhere", "cat", "-")
    stage.tmux("move-window", "-d", "-s", before[1].id, "-t", "=elsewhere:")
    stage.tmux("set-option", "-p", "-u", "-t", before[2].id, "@agentctl_agent")
    until(lambda: sorted(stage.panes()) == before, "all is as before")
    kinds = {event["data"]["drift"] for event in stage.events("AgentDrifted")}
    assert {"renamed", "moved", "unmarked"} <= kinds
    assert [start.generation for start in stage.starts()] == [1, 1, 1]


def test_an_unchanged_deploy_starts_nothing_and_a_change_touches_only_its_own(stage: Stage) -> None:
    agents = {"one": stage.stays(), "two": stage.stays(), "gone": stage.stays()}
    stage.deploy(stage.team(agents=agents))
    first = stage.ps()
    stage.deploy(stage.team(agents=agents))
    assert {n: r["pid"] for n, r in stage.ps().items()} == {n: r["pid"] for n, r in first.items()}
    assert len(stage.starts()) == 3

    agents["one"]["limits"] = {"cpu": "30%"}
    stage.deploy(stage.team(agents=agents))
    assert {n: r["pid"] for n, r in stage.ps().items()} == {n: r["pid"] for n, r in first.items()}
    assert stage.ps()["web/one"]["limits"]["cpu_percent"] == 30

    agents["two"]["env"] = {"NEW": "1"}
    del agents["gone"]
    agents["pair"] = stage.stays(replicas=2)
    stage.deploy(stage.team(agents=agents))
    until(lambda: "web/gone" not in stage.ps(), "who was taken out has ended")
    rows = stage.ps()
    assert set(rows) == {"web/one", "web/two", "web/pair-1", "web/pair-2"}
    assert rows["web/one"]["pid"] == first["web/one"]["pid"]
    assert rows["web/two"]["pid"] != first["web/two"]["pid"]
    assert stage.running() == dict.fromkeys(rows, 1)
    assert {pane.agent for pane in stage.panes()} == set(rows)


def test_an_end_by_signal_and_by_code_is_told_exactly_and_restarted(stage: Stage) -> None:
    team = stage.team(agents={"one": stage.stays(restart="always"), "two": stage.stays(restart="never")})
    stage.deploy(team)
    for start in stage.starts():
        os.kill(start.pid, signal.SIGSEGV)
    # web/one is shown as running, too, until its end is seen
    seen = {"web/one": ("running", 2), "web/two": ("exited", 1)}
    until(lambda: states_and_generations(stage) == seen, "policies hold")
    rows = stage.ps()
    assert rows["web/two"]["exit_code"] == 128 + signal.SIGSEGV
    assert "signal 11" in rows["web/two"]["evidence"]
    assert (rows["web/one"]["generation"], rows["web/one"]["restarts"]) == (2, 1)
    assert stage.running() == {"web/one": 1}
