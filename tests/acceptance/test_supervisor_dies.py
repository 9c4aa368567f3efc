"""The supervisor is killed, restarted, started twenty times: one lives, no agent notices, none is lost or doubled."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.acceptance.stage import PATIENCE, Done, Stage, note, until

KILLS = 100 if os.environ.get("AGENTCTL_CAMPAIGN") == "full" else 12
AGENTS = 8


class Kills:
    """Kills whatever supervisor runs at random moments, and counts."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage, self.chance, self.done = stage, random.Random(seed), 0

    def strike(self) -> None:
        """Wait for some sign of work, or none, then a moment, and kill."""
        sign = self.chance.choice((lambda: False, self._log_grows(), self._agents_start()))
        deadline = time.monotonic() + self.chance.uniform(0.2, 0.6)
        while not sign() and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(self.chance.uniform(0, 0.06))
        self.done += len(self.stage.supervisors())
        self.stage.kill_supervisor()

    def _log_grows(self):  # type: ignore[no-untyped-def]
        path = Path(f"{self.stage.home.log}-wal")
        before = path.stat().st_size if path.exists() else 0
        return lambda: path.exists() and path.stat().st_size != before

    def _agents_start(self):  # type: ignore[no-untyped-def]
        before = self.stage.starts_file.stat().st_size
        return lambda: self.stage.starts_file.stat().st_size != before


def one_of_each(stage: Stage, agents: set[str]) -> None:
    assert stage.running() == dict.fromkeys(agents, 1)
    panes = stage.panes()
    assert sorted(pane.agent for pane in panes) == sorted(agents), panes
    assert not any(pane.dead for pane in panes), panes
    assert stage.doubles() == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_deploy_of_eight_survives_kill_9_of_the_supervisor_at_random_moments(stage: Stage) -> None:
    seed = random.randrange(10**6)
    note(f"seed {seed}")
    kills = Kills(stage, seed)
    names = [f"a{number}" for number in range(AGENTS)]
    team = stage.team(agents={name: stage.stays() for name in names})
    agents = {f"web/{name}" for name in names}
    rounds = 0
    while kills.done < KILLS:
        rounds += 1
        deploying = stage.spawn("deploy", str(team), "--yes")
        for _ in range(kills.chance.randrange(1, 6)):
            kills.strike()
            if kills.chance.random() < 0.7:
                stage.spawn_supervisor()
        stage.finish(deploying)
        stage.run("daemon", "start")
        stage.deploy(team)
        one_of_each(stage, agents)
        before = stage.ps()
        assert {row["state"] for row in before.values()} == {"running"}
        if kills.chance.random() < 0.5:
            kills.strike()
            stage.run("daemon", "start")
            assert {n: (r["pid"], r["generation"]) for n, r in stage.ps().items()} == {
                n: (r["pid"], r["generation"]) for n, r in before.items()
            }
        ending = stage.spawn("stop-all", "-y")
        if kills.chance.random() < 0.5:
            kills.strike()
            stage.finish(ending)
            stage.run("daemon", "start")
            ending = stage.spawn("stop-all", "-y")
        assert stage.finish(ending).code == 0
        assert not stage.running()
        assert stage.panes() == []
    assert stage.run("audit", "verify").code == 0
    note(f"{kills.done} kills in {rounds} rounds, {len(stage.starts())} starts")


@pytest.mark.timeout(300)
def test_of_twenty_supervisors_one_lives_and_the_others_name_it(crowd: None, stage: Stage) -> None:
    started = [stage.spawn_supervisor() for _ in range(20)]
    until(lambda: sum(process.poll() is not None for process in started) == 19, "19 have ended")
    (living,) = (process for process in started if process.poll() is None)
    assert stage.supervisor() == living.pid
    for process in started:
        if process is not living:
            out, err = process.communicate()
            assert (process.returncode, out) == (9, b"")
            assert f"pid {living.pid}".encode() in err, err
            assert err.startswith(b"error: ")
            assert err.count(b"\n") <= 2
    assert stage.run("daemon", "status", "--json").items[0]["pid"] == living.pid
    living.kill()
    living.communicate()
    late = stage.spawn_supervisor()
    until(lambda: stage.run("daemon", "status", code=None).code == 0, "the next one answers")
    assert stage.supervisor() == late.pid
    late.terminate()
    assert late.wait(timeout=10) == 0
    late.communicate()


def test_a_second_supervisor_names_the_one_that_lives_and_not_a_dead_one(stage: Stage) -> None:
    stage.run("daemon", "start")
    first = stage.supervisor()
    with stage.frozen(first):
        second = stage.spawn_supervisor()
        _, err = second.communicate(timeout=PATIENCE)
        assert f"pid {first}".encode() in err


@pytest.mark.timeout(300)
def test_twenty_deploys_at_once_make_one_supervisor_and_one_set_of_windows(crowd: None, stage: Stage) -> None:
    team = stage.team(agents={"one": stage.stays(), "two": stage.stays()})
    deploys = [stage.spawn("deploy", str(team), "--yes") for _ in range(20)]
    assert {stage.finish(deploy).code for deploy in deploys} == {0}
    assert stage.supervisor()
    one_of_each(stage, {"web/one", "web/two"})
    assert len(stage.starts()) == 2


@pytest.mark.parametrize("how", ["asked", "killed"])
def test_a_new_supervisor_adopts_what_runs_and_goes_on_watching(stage: Stage, how: str) -> None:
    well, ready = stage.work / "well", stage.work / "ready"
    well.touch()
    health = {"command": ["test", "-e", str(well)], "every": "300ms", "failures": 1}
    agents = {f"a{number}": stage.stays() for number in range(4)}
    agents["sick"] = stage.stays(health=health)
    agents["slow"] = stage.stays() | {
        "ready": {"command": ["test", "-e", str(ready)], "every": "200ms", "timeout": "1m"}
    }
    stage.run("deploy", str(stage.team(agents=agents)), "--yes", "--no-wait")
    until(lambda: sorted(stage.states().values()) == ["running"] * 5 + ["starting"], "five run")
    before, pid = stage.ps(), stage.supervisor()
    if how == "asked":
        stage.run("daemon", "stop")
    else:
        os.kill(pid, signal.SIGKILL)
    assert _offline(stage).code == 0
    stage.run("daemon", "start")
    assert stage.supervisor() != pid
    after = stage.ps()
    assert {n: (r["pid"], r["generation"], r["state"]) for n, r in after.items()} == {
        n: (r["pid"], r["generation"], r["state"]) for n, r in before.items()
    }
    one_of_each(stage, set(before))
    ready.touch()
    well.unlink()
    until(lambda: stage.states()["web/slow"] == "running", "readiness is still waited for")
    until(lambda: stage.events("AgentUnhealthy", "web/sick"), "health is still watched")
    well.touch()
    until(lambda: stage.ps()["web/sick"]["generation"] == 2 and stage.all_in("running"), "the unwell one is restarted")
    rows = stage.ps()
    assert [rows[name]["pid"] for name in before if name != "web/sick"] == [
        row["pid"] for name, row in before.items() if name != "web/sick"
    ]


def _offline(stage: Stage) -> Done:
    """Look while there is no supervisor: what the log knows is shown, and said to be no more than that."""
    done = stage.run("ps")
    assert "supervisor" in done.err
    return done
