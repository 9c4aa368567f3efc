"""Limits on real agents in a real tmux: held, told, lifted whatever dies, and never in anybody else's way."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.fake import FakeStage
from tests.acceptance.stage import Stage, note, until

KILLS = 200 if os.environ.get("AGENTCTL_CAMPAIGN") == "full" else 4
SPIN = [sys.executable, "-I", "-S", "-c", "while True: pass"]
BOMB = """
sleep 2
bomb() {
    if [ "$1" = 0 ]; then exec sleep 1000; fi
    bomb $(($1 - 1)) & bomb $(($1 - 1)) & wait
}
bomb 10
"""
"""Doubles as fast as it can, and stops at two thousand: what is tested must not cost the machine that tests it."""

LEVELS = ("freezer", "signals")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc to see what is held")


def state(pid: int) -> str:
    try:
        data = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return ""
    return chr(data[data.rindex(b")") + 2])


def used(pids: list[int]) -> float:
    return sum(time.clock_gettime_ns((~pid << 3) | 2) / 1e9 for pid in pids if state(pid))


def throttled(stage: Stage, agent: str, least: float = 10.0) -> Callable[[], bool]:
    return lambda: (stage.ps()[agent]["throttled_percent"] or 0) > least


def of(stage: Stage, agent: str) -> list[int]:
    return [pid for pid, whose in stage.marked().items() if whose == agent]


@pytest.mark.parametrize("level", LEVELS)
def test_kill_9_of_the_supervisor_leaves_nothing_stopped(stage: Stage, level: str) -> None:
    seed = random.randrange(10**6)
    note(f"seed {seed}")
    chance = random.Random(seed)
    spin = {"command": SPIN, "limits": {"cpu": "5%"}}
    team = stage.team(agents={"a": spin, "b": spin})
    env = stage.env(AGENTCTL_LIMITS_LEVEL=level)
    stage.deploy(team, env=env)
    longest = 0.0
    for _ in range(KILLS):
        until(throttled(stage, "web/a"), "a is held")
        pids, supervisor = [*of(stage, "web/a"), *of(stage, "web/b")], stage.supervisor()
        time.sleep(chance.uniform(0, 0.3))
        os.kill(supervisor, signal.SIGKILL)
        killed, before = time.monotonic(), {pid: used([pid]) for pid in pids}
        spins = [pid for pid in pids if before[pid] > 0.1]
        assert len(spins) >= 2
        until(lambda s=spins, b=before: all(used([pid]) - b[pid] > 0.005 for pid in s), "all run again", 5)
        # A slice that was under way counts as running, and its end comes before the governor hears of the kill.
        until(lambda p=pids: not any(state(pid) == "T" for pid in p), "nobody stands still", 5)
        longest = max(longest, time.monotonic() - killed)
        stage.run("daemon", "start", env=env)
    note(f"{level}: the longest time until all ran again was {longest:.3f}s")
    assert longest < 1.0 + 1.0  # a second, and what two programs of many wait for a core on a busy machine


def test_a_throttled_agent_gets_its_messages_and_keeps_its_terminal(fakes: FakeStage) -> None:
    fakes.up(dev=fakes.fake(limits={"cpu": "8%", "memory": "1GiB", "pulse": "10ms"}))
    fakes.tell("web/dev", "step", "!run (while :; do :; done) >/dev/null 2>&1 &")
    until(throttled(fakes, "web/dev"), "it is held")
    ids = [fakes.post("web/dev", f"word {number}") for number in range(5)]
    for one in ids:
        fakes.message_is(one, "answered", seconds=60)
    assert [body for body in fakes.bodies("web/dev") if body.startswith("word")] == [f"word {n}" for n in range(5)]
    assert throttled(fakes, "web/dev", least=1.0)()


def test_nobody_else_is_ever_stopped(stage: Stage) -> None:
    stranger = subprocess.Popen(SPIN, env={"PATH": os.environ["PATH"]})
    try:
        stage.deploy(
            stage.team(agents={"a": {"command": SPIN, "limits": {"cpu": "5%"}}}),
            env=stage.env(AGENTCTL_LIMITS_LEVEL="signals"),
        )
        until(throttled(stage, "web/a"), "a is held")
        spared = [stranger.pid, stage.tmux_pid(), stage.supervisor(), *(pane.pid for pane in stage.panes())]
        seen = {state(pid) for _ in range(100) for pid in spared if not time.sleep(0.005)}
        assert "T" not in seen
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("level", LEVELS)
def test_a_fork_bomb_is_ended_and_told(crowd: None, stage: Stage, level: str) -> None:
    agent = {"command": ["sh", "-c", BOMB], "limits": {"processes": 60}, "restart": {"policy": "never"}}
    stage.deploy(stage.team(agents={"a": agent}), env=stage.env(AGENTCTL_LIMITS_LEVEL=level))
    until(lambda: stage.events("AgentBraked"), "it is told", 60)
    until(lambda: stage.states()["web/a"] not in ("running", "starting", "stopping"), "it has ended", 60)
    until(lambda: not of(stage, "web/a"), "nothing of it is left", 60)
    assert "processes at once" in stage.ps()["web/a"]["evidence"]


def test_a_hog_is_started_again_and_says_why(stage: Stage) -> None:
    hog = "import time\nkept = []\nwhile True:\n kept.append(b'x' * (2 << 20)); time.sleep(0.02)"
    agent = {"command": [sys.executable, "-I", "-S", "-c", hog], "limits": {"memory": "100MiB"}}
    stage.deploy(stage.team(agents={"a": agent}))
    until(lambda: [e for e in stage.events("AgentMemory") if e["data"]["step"] == "restarted"], "it is restarted", 60)
    told = [event["data"]["evidence"] for event in stage.events("AgentMemory")]
    assert all("of 100MiB" in words for words in told)
    until(lambda: stage.ps()["web/a"]["generation"] > 1, "it is there again", 30)


def test_stopping_what_stands_still_works_at_once(stage: Stage) -> None:
    stage.deploy(stage.team(agents={"a": {"command": SPIN, "limits": {"cpu": "5%"}, "grace": "5s"}}))
    until(throttled(stage, "web/a"), "a is held")
    assert stage.run("stop-all", "-y").seconds < 5
    assert not of(stage, "web/a")


def test_emergency_cleanup_ends_what_stands_still(stage: Stage) -> None:
    stage.deploy(stage.team(agents={"a": {"command": SPIN, "limits": {"cpu": "5%"}}}))
    until(throttled(stage, "web/a"), "a is held")
    os.kill(stage.supervisor(), signal.SIGSTOP)
    stage.run("emergency-cleanup", "-y", "--grace", "1s")
    assert stage.marked() == {}
