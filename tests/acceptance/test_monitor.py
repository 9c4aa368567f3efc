"""`agentctl monitor` and the figures behind it, with real agents, a real screen, and a supervisor that is killed."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from agentctl.control.client import Client
from tests.acceptance.stage import Stage, controls, until

SPIN = [sys.executable, "-I", "-S", "-c", "while True: pass"]


def monitor(stage: Stage, *words: str) -> dict[str, Any]:
    return dict(json.loads(stage.run("monitor", "--once", "--json", *words).out))


def row_of(stage: Stage, agent: str) -> dict[str, Any]:
    return next(row for row in monitor(stage)["items"] if row["agent"] == agent)


def rows(stage: Stage, resolution: str, since: float = 3600) -> list[dict[str, Any]]:
    """Return the figures of the busy agent."""
    args = {"selectors": ["web/busy"], "since": since, "resolution": resolution}
    return list(Client(stage.home).call("samples", args)["rows"])


def looked_at(stage: Stage, resolution: str) -> float:
    return round(float(sum(row["seconds"] for row in rows(stage, resolution))), 3)


def deployed(stage: Stage) -> None:
    busy = {"command": SPIN, "limits": {"cpu": "30%"}}
    stage.deploy(stage.team(agents={"busy": busy, "quiet": stage.stays()}))
    until(lambda: (row_of(stage, "web/busy")["cpu_percent"] or 0) > 5, "the busy agent's use is seen")


def test_the_last_minute_fills_up_and_the_machine_is_told(stage: Stage) -> None:
    deployed(stage)
    until(lambda: len(row_of(stage, "web/busy")["recent"]["cpu_percent"]) >= 3, "three rounds")
    document = monitor(stage)
    machine = document["machine"]
    assert machine["cores"] == os.cpu_count()
    assert 0 < machine["available_bytes"] <= machine["memory_bytes"]
    assert machine["agents_cpu_percent"] <= machine["band_percent"] * 2
    quiet = next(row for row in document["items"] if row["agent"] == "web/quiet")
    assert quiet["memory_bytes"] > 0
    assert len(quiet["recent"]["memory_bytes"]) == len(quiet["recent"]["cpu_percent"])


def test_a_killed_supervisor_doubles_nothing_and_loses_seconds_at_most(stage: Stage) -> None:
    deployed(stage)
    before = looked_at(stage, "hour")  # who reads has all written that was seen
    assert before > 0
    stage.kill_supervisor()
    stage.run("daemon", "start")
    until(lambda: looked_at(stage, "hour") > before, "figures go on")
    seconds, minutes, hours = (looked_at(stage, name) for name in ("second", "minute", "hour"))
    assert before < seconds <= minutes <= hours
    places = [row["at"] for row in rows(stage, "second")]
    assert places == sorted(set(places))


def test_a_ruined_file_of_figures_costs_figures_alone(stage: Stage) -> None:
    deployed(stage)
    looked_at(stage, "hour")
    stage.run("daemon", "stop")
    stage.home.samples.write_bytes(b"this is no database\n" * 1000)
    for left in ("-wal", "-shm"):
        stage.home.samples.with_name(f"samples.db{left}").unlink(missing_ok=True)
    stage.run("daemon", "start")
    until(lambda: looked_at(stage, "hour") > 0, "figures begin anew")
    assert stage.home.samples.with_name("samples.db.aside-1").exists()
    assert "samples begin anew" in (stage.home.logs / "supervisor.log").read_text()
    assert stage.running()["web/quiet"] == 1


def test_a_person_sees_it_in_a_terminal_and_leaves_as_they_came(stage: Stage) -> None:
    deployed(stage)
    pane = stage.tmux(
        "new-session", "-d", "-P", "-F", "#{pane_id}", "-x", "100", "-y", "20", "-s", "mine", "sh"
    ).strip()

    def screen() -> str:
        return stage.tmux("capture-pane", "-p", "-t", pane)

    variables = f"AGENTCTL_HOME={stage.home.path} XDG_CONFIG_HOME={stage.folder}/config"
    stage.tmux("send-keys", "-t", pane, f"clear; {variables} {' '.join(stage.argv('monitor'))}", "Enter")
    words = ("/30%", "CPU: agents", "web/quiet", "q or Ctrl-C ends this; agents run on")
    until(lambda: all(word in found for found in (screen(),) for word in words), "the table is drawn")
    stage.kill_supervisor()
    until(lambda: "supervisor is not running; last known" in screen(), "what is shown is marked as last known")
    stage.run("daemon", "start")
    until(lambda: "not running" not in screen() and "/30%" in screen(), "it goes on by itself")
    stage.tmux("send-keys", "-t", pane, "C-z")
    until(lambda: "CPU: agents" not in screen(), "the shell has its screen back")
    stage.tmux("send-keys", "-t", pane, "stty -a | grep -c -w -- -echo; fg", "Enter")
    until(lambda: "CPU: agents" in screen() and "/30%" in screen(), "it goes on where it was")
    stage.tmux("send-keys", "-t", pane, "C-c")
    until(lambda: "interrupted: agents run on" in screen(), "it ends")
    stage.tmux("send-keys", "-t", pane, "echo code $?", "Enter")
    text = until(lambda: "code 130" in (found := screen()) and found, "the shell is back")
    assert "web/quiet" in text
    assert "q or Ctrl-C" not in text
    assert "\n0\n" in text  # while it stood still what was typed was shown


def test_what_a_hostile_agent_prints_and_asks_reaches_no_terminal(stage: Stage) -> None:
    shout = [sys.executable, "-I", "-S", "-c", "print('\\x1b]0;owned\\x07\\x1b[2J\\x9b31mboo'); raise SystemExit(3)"]
    stage.deploy(stage.team(agents={"a": {"command": shout, "restart": {"policy": "never"}}}), code=None)
    until(lambda: stage.all_in("exited", "fatal"), "it has ended")
    for words in (("--once",), ("--once", "-o", "wide"), ("--once", "--json")):
        done = stage.run("monitor", *words)
        assert controls(done.said) == []
    process = stage.spawn("monitor", "--plain", "--interval", "200ms")
    assert b"web/a" in stage.first_line(process)
    process.send_signal(signal.SIGINT)
    done = stage.finish(process)
    assert (done.code, controls(done.said)) == (130, [])
