"""The tmux server is killed or frozen: it is noticed, every command ends in time, and everything comes back."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime, timedelta

from tests.acceptance.stage import Stage, note, until

DEADLINE = 10.0
"""Seconds a command may take while tmux does not answer; tmux's own is 4 s a call."""


def test_kill_9_of_the_tmux_server_is_seen_within_3_s_and_repaired_by_policy(stage: Stage) -> None:
    stubborn = stage.program("stubborn.py", restart="never")
    agents = {"one": stage.stays(), "two": stage.stays(restart="always"), "never": stage.stays(restart="never")}
    stage.deploy(stage.team(agents={**agents, "stubborn": stubborn}))
    before = stage.ps()
    old = {start.agent: start.pid for start in stage.starts()}
    server = stage.tmux_pid()
    killed = datetime.now(UTC)
    os.kill(server, signal.SIGKILL)
    until(lambda: {e["stream"] for e in stage.events("AgentExited")} == {f"agent:{a}" for a in before}, "all are seen")
    seen = max(datetime.fromisoformat(e["at"]) for e in stage.events("AgentExited")) - killed
    note(f"seen after {seen.total_seconds():.2f} s")
    assert seen < timedelta(seconds=3)

    def by_policy() -> bool:
        rows = stage.ps()
        found = {name: (row["state"], row["generation"]) for name, row in rows.items()}
        again, ended = ("running", 2), ("exited", 1)
        return found == {"web/one": again, "web/two": again, "web/never": ended, "web/stubborn": ended}

    until(by_policy, "restarted by policy")
    until(lambda: stage.running() == {"web/one": 1, "web/two": 1}, "what ignored the HUP is ended")
    rows = stage.ps()
    assert "tmux server" in rows["web/never"]["evidence"]
    assert not any(pid == old[agent] for agent, _, pid in stage.starts() if agent in stage.running() and _ == 2)
    assert sorted(pane.agent for pane in stage.panes() if not pane.dead) == ["web/one", "web/two"]
    assert before["web/one"]["pid"] != rows["web/one"]["pid"]


def test_while_the_tmux_server_is_frozen_every_command_ends_in_time_and_then_all_is_as_before(stage: Stage) -> None:
    team = stage.team(agents={"one": stage.stays(), "sh": {"runner": "shell"}, "end": {"runner": "shell"}})
    stage.deploy(team)
    before = stage.ps()
    more = stage.team("more", agents={"new": stage.stays()})
    commands = {
        "deploy": ["deploy", str(more), "--yes"],
        "peek": ["peek", "web/one"],
        "logs": ["logs", "web/one"],
        "send": ["send", "web/sh", "echo hi"],
        "ps": ["ps"],
        "attach": ["attach", "web/one", "--print"],
        "events": ["events"],
        "doctor": ["doctor"],
        "stop": ["stop", "web/end"],
        "plan": ["plan", str(team)],
        "status": ["daemon", "status"],
    }
    with stage.frozen(stage.tmux_pid()):
        done = {name: stage.run(*words, code=None, seconds=30) for name, words in commands.items()}
        note({name: (one.code, round(one.seconds, 1)) for name, one in done.items()})
        assert not [one for one in done.values() if one.seconds > DEADLINE]
        for name in ("deploy", "peek", "logs"):
            assert done[name].code == 5, done[name]
            assert "tmux" in done[name].err
        assert done["doctor"].code == 1
        assert done["ps"].code in (0, 5)
        assert "tmux" in done["ps"].err
        for name in ("send", "attach", "events", "stop", "plan", "status"):
            assert done[name].code in (0, 5), done[name]
    until(lambda: stage.run("peek", "web/one", code=None).code == 0, "tmux is there again")
    stage.deploy(team, more)
    rows = stage.ps()
    assert [(rows[n]["pid"], rows[n]["generation"]) for n in ("web/one", "web/sh")] == [
        (before[n]["pid"], before[n]["generation"]) for n in ("web/one", "web/sh")
    ]
    assert {row["state"] for row in rows.values()} == {"running"}
    assert sorted(pane.agent for pane in stage.panes()) == ["more/new", "web/end", "web/one", "web/sh"]


def test_stop_all_while_the_tmux_server_is_frozen_ends_the_agents_and_their_windows_later(stage: Stage) -> None:
    stage.deploy(stage.team(agents={"one": stage.stays(), "two": stage.program("stubborn.py")}))
    with stage.frozen(stage.tmux_pid()):
        done = stage.run("stop-all", "-y", code=None, seconds=30)
        assert done.seconds < DEADLINE
        assert done.code in (0, 1, 5)
        until(lambda: not stage.running(), "agents end without tmux")
    until(lambda: stage.panes() == [], "their windows close when tmux is back")
