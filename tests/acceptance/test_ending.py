"""Ending: all that is ours, however it hides; nothing that is not ours, however it looks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.stage import PROGRAMS, Stage, note, ticks, until

GRACE = 1.0
"""Seconds, as the stage's agents have it."""


@pytest.fixture
def others(stage: Stage) -> Iterator[dict[str, int]]:
    """Return what is the user's own: look-alikes of an agent by command line and folder, and windows of their own."""
    argv = ["/bin/sh", str(PROGRAMS / "stay.sh"), str(stage.starts_file)]
    environ = {"PATH": os.environ["PATH"], "AGENTCTL_AGENT": "user/own", "AGENTCTL_GENERATION": "1"}
    options = {"cwd": stage.work, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    other_home = environ | {"AGENTCTL_HOME_ID": "0" * 8}
    outside = {"AGENTCTL_AGENT": "", "PATH": os.environ["PATH"]}
    same = [subprocess.Popen(["sleep", "1000000"], env=outside, **options) for _ in range(2)]  # type: ignore[call-overload]
    same += [subprocess.Popen([*argv[:2], os.devnull], env=e, **options) for e in (environ, other_home)]  # type: ignore[call-overload]
    supervisor = [sys.executable, "-c", "import time; time.sleep(1000)", "-m", "agentctl.supervisor"]
    same.append(subprocess.Popen(supervisor, env=outside, **options))  # type: ignore[call-overload]
    try:
        yield {f"look-alike {number}": process.pid for number, process in enumerate(same)}
    finally:
        for process in same:
            process.kill()
            process.wait()


def own_windows(stage: Stage) -> dict[str, int]:
    """Make the user's own session, and a window of theirs and a split of an agent's in our session."""
    stage.tmux("new-session", "-d", "-s", "Task-frontend-mine", "sleep", "1000001")
    stage.tmux("new-session", "-d", "-s", "Task-web-2", "sleep", "1000002")
    stage.tmux("new-window", "-d", "-t", "=Task-web:", "-n", "Web-One", "sleep", "1000003")
    stage.tmux("split-window", "-d", "-t", "=Task-web:=Web-Two", "sleep", "1000004")
    rows = stage.tmux("list-panes", "-a", "-F", "#{@agentctl_agent}|#{pane_pid}|#{pane_start_command}").splitlines()
    found = {row.split("|")[2]: int(row.split("|")[1]) for row in rows if row.startswith("|") and "10000" in row}
    assert len(found) == 4, rows
    return found


@pytest.mark.parametrize("how", ["stop-all", "reset", "emergency-cleanup"])
def test_what_is_the_users_own_survives(stage: Stage, others: dict[str, int], how: str) -> None:
    frontend = stage.team("frontend", agents={"one": stage.stays()})
    stage.deploy(stage.team(agents={"one": stage.stays(), "two": stage.stays()}), frontend)
    survivors = {name: (pid, ticks(pid)) for name, pid in (others | own_windows(stage)).items()}
    if how == "stop-all":
        stage.run("stop-all", "-y")
    elif how == "reset":
        stage.run("reset", "web", "--confirm=web")
        assert set(stage.states()) == {"frontend/one"}
        stage.run("reset", "frontend", "--confirm=frontend")
    else:
        stage.run("emergency-cleanup", "-y")
    assert not stage.running()
    assert {name: (pid, ticks(pid)) for name, (pid, _) in survivors.items()} == survivors
    sessions = stage.tmux("list-sessions", "-F", "#{session_name}").split()
    assert {"Task-frontend-mine", "Task-web-2", "Task-web"} <= set(sessions)
    assert "Task-frontend" not in sessions


def test_stop_all_ends_the_stubborn_and_the_scattered_in_time_and_may_be_repeated(stage: Stage) -> None:
    agents = {"soft": stage.stays(), "hard": stage.program("stubborn.py"), "many": stage.program("scatter.py")}
    stage.deploy(stage.team(agents=agents))
    until(lambda: len(stage.starts()) == 8, "all have scattered")
    assert sum(stage.running().values()) == 8
    done = stage.run("stop-all", "-y")
    note(f"ended in {done.seconds:.2f} s")
    assert not stage.running()
    assert done.seconds < GRACE + 8  # of which a busy machine may take the most
    assert stage.panes() == []
    assert stage.run("stop-all", "-y").code == 0
    assert stage.all_in("stopped")
    assert {agent for agent in stage.marked().values() if agent != "supervisor"} == set()


def test_one_agent_is_stopped_with_all_it_started_and_the_others_are_left_alone(stage: Stage) -> None:
    stage.deploy(stage.team(agents={"many": stage.program("scatter.py"), "other": stage.program("scatter.py")}))
    until(lambda: len(stage.starts()) == 12, "all have scattered")
    stage.run("stop", "web/many")
    assert sum(count for name, count in stage.running().items() if name.startswith("web/other")) == 6
    assert sum(stage.running().values()) == 6


def _alive(stage: Stage) -> set[str]:
    return {f"pid {pid}" for pid in (*stage.marked(), *(start.pid for start in stage.starts() if ticks(start.pid)))}


@pytest.mark.parametrize("fault", ["none", "supervisor frozen", "no database", "tmux frozen", "tmux killed"])
def test_emergency_cleanup_ends_all_whatever_else_is_broken(stage: Stage, fault: str) -> None:
    agents = {"soft": stage.stays(), "hard": stage.program("stubborn.py")}
    if fault != "tmux killed":  # with the pane's process a daemon that carries no mark loses its last tie to us
        agents["many"] = stage.program("scatter.py")
    stage.deploy(stage.team(agents=agents))
    until(lambda: len(stage.starts()) == (2 if fault == "tmux killed" else 8), "all have scattered")
    supervisor, server = stage.supervisor(), stage.tmux_pid()
    match fault:
        case "supervisor frozen":
            os.kill(supervisor, signal.SIGSTOP)
        case "no database":
            for path in stage.home.path.glob("log.*"):
                path.unlink()
        case "tmux frozen":
            os.kill(server, signal.SIGSTOP)
        case "tmux killed":
            os.kill(supervisor, signal.SIGSTOP)  # first, or it starts another one
            os.kill(server, signal.SIGKILL)
    before = _alive(stage)
    listed = stage.run("emergency-cleanup", "--dry-run", seconds=20)
    after = _alive(stage)
    said = {
        f"pid {word.split()[1]}"
        for line in listed.out.splitlines()
        for word in line.split("\t")
        if word.startswith("pid ")
    }
    assert before & after <= said <= before | after, "all that were there, and no other"
    assert ticks(supervisor), "a dry run ends nothing"
    done = stage.run("emergency-cleanup", "-y", "--grace", "1s", code=None, seconds=30)
    note(f"{fault}: exit {done.code} in {done.seconds:.2f} s")
    assert not ticks(supervisor)
    assert not stage.running()
    assert set(stage.marked()) == set()
    if fault == "tmux frozen":
        assert done.code == 1
        assert "windows may be left" in done.err
        os.kill(server, signal.SIGCONT)
        stage.run("emergency-cleanup", "-y")
    else:
        assert done.code == 0, done
    assert stage.panes() == []
    assert "nothing of ours is here" in stage.run("emergency-cleanup", "-y").said


def test_emergency_cleanup_loads_neither_store_nor_supervisor_and_asks_first(stage: Stage) -> None:
    stage.deploy(stage.team(agents={"one": stage.stays()}))
    probe = (
        "import json, sys\nfrom agentctl.cli.entry import run\ncode = run(['emergency-cleanup', '--dry-run'])\n"
        "print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", probe], env=stage.env(), capture_output=True, check=True, timeout=20)
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0
    loaded = [name for name in modules if name.startswith(("agentctl.store", "agentctl.supervisor", "sqlite3", "yaml"))]
    assert loaded == []
    assert "nothing was ended" in stage.run("emergency-cleanup").said
    assert "-y" in stage.run("stop-all", "--no-input", code=None).said or stage.running()
    assert stage.running() == {"web/one": 1}


def test_a_pid_that_is_anothers_by_now_is_not_signalled(stage: Stage) -> None:
    stage.deploy(stage.team(agents={"one": stage.stays()}))
    stage.run("daemon", "stop")
    pid_file = stage.home.pid_file
    innocent = subprocess.Popen(["sleep", "1000"])
    try:
        pid_file.write_text(
            f"{innocent.pid} {ticks(innocent.pid)} {Path('/proc/sys/kernel/random/boot_id').read_text().strip()}\n"
        )
        stage.run("emergency-cleanup", "-y")
        time.sleep(0.1)
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()
