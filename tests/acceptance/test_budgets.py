"""A real supervisor, a real tmux and a program that writes its own record: budgets, limits and pauses by commands."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.acceptance.fake import FakeStage
from tests.acceptance.stage import ticks


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _program(stage: FakeStage, agent: str) -> int:
    (pid,) = (start.pid for start in stage.starts() if start.agent == agent and ticks(start.pid))
    return pid


def test_an_agent_is_paused_when_its_budget_is_used_up_and_goes_on_with_another(fakes: FakeStage) -> None:
    fakes.settings("web/dev", tokens=400)
    fakes.up(dev=fakes.fake(budget={"tokens": "1k"}))
    sent = [fakes.post("web/dev", f"task {number}") for number in range(5)]
    fakes.held(sent[2], "its budget of 1,000 tokens is used up")
    assert fakes.bodies("web/dev") == ["task 0", "task 1"], "its brief was the first of three turns"
    row = fakes.row("web/dev")
    assert (row["spent"]["tokens"], row["attention"], row["paused"]["cause"]) == (3 * 401, 0, "budget")
    assert _state(_program(fakes, "web/dev")) == "S", "nothing of it was ended or stopped"

    fakes.kill_supervisor()
    fakes.run("daemon", "start")
    assert fakes.row("web/dev")["spent"]["tokens"] == 3 * 401, "a new supervisor counts nothing twice"

    fakes.run("limits", "set", "web/dev", "--tokens", "100k", "--cpu", "80%", "--time", "2h")
    fakes.message_is(sent[4], "answered")
    assert fakes.bodies("web/dev") == [f"task {number}" for number in range(5)]
    fakes.until(lambda: fakes.row("web/dev")["used"]["tokens"] == 6 * 401, "all is counted")
    (record,) = json.loads(fakes.run("limits", "--json").out)["items"]
    assert record["by_hand"] == ["limits", "budget"]
    table = fakes.run("limits", "ls", "web").out
    assert "2.41k tokens of 100k tokens" in table
    assert "by hand: limits, budget" in table
    planned = fakes.run("plan", str(fakes.work / "web.yaml"))
    assert "set by hand, and stays: cpu 80%, tokens 100,000, working time 2h" in planned.said
    fakes.run("limits", "reset", "web/dev")
    fakes.until(lambda: fakes.row("web/dev")["paused"], "the file's budget is used up")
    fakes.run("resume", "web/dev")
    assert fakes.row("web/dev")["paused"] is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc to see what stands still")
def test_a_paused_agent_stands_still_and_can_be_resumed_and_stopped(
    fakes: FakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = fakes.env
    monkeypatch.setattr(fakes, "env", lambda **more: plain(AGENTCTL_LIMITS_LEVEL="signals", **more))  # shown by /proc
    fakes.up("dev")
    pid = _program(fakes, "web/dev")
    fakes.run("pause", "web/dev")
    waiting = fakes.post("web/dev", "wait for me")
    fakes.held(waiting, "a person paused it")
    fakes.until(lambda: _state(pid) == "T", "it stands still")
    fakes.run("resume", "@paused")
    fakes.message_is(waiting, "answered")
    fakes.run("pause", "web/dev")
    fakes.until(lambda: _state(pid) == "T", "it stands still again")
    fakes.run("restart", "web/dev")
    assert not ticks(pid)
    fakes.run("pause", "web/dev")
    fakes.run("stop", "web", "--yes")
    assert fakes.row("web/dev")["state"] == "stopped"
    assert "cannot be paused: it is stopped" in fakes.run("pause", "web", code=1).said


def test_limits_that_make_no_sense_or_that_a_program_cannot_live_with_are_refused(fakes: FakeStage) -> None:
    fakes.up("dev")
    assert "needs at least" in fakes.run("limits", "set", "web/dev", "--memory", "8MiB", code=9).said
    assert "for example 200, 500k or 2M" in fakes.run("limits", "set", "web/dev", "--tokens", "many", code=2).said
    assert "there is nothing to set" in fakes.run("limits", "set", "web/dev", code=2).said
    fakes.run_inside("web/dev", "limits", "set", "web/dev", "--tokens", "none")
    assert fakes.row("web/dev")["by_hand"] == [], "no agent gives itself more"
