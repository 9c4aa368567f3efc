"""Ctrl-C, a closed pipe, a closed terminal: the command ends as commands do, and what was begun is not half done."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

import agentctl
from tests.acceptance.stage import Stage, note, until

_EARLY = -signal.SIGINT
"""Python itself was not there yet; for a shell this is 130, too."""

_OURS = str(Path(agentctl.__file__).parent)


def interrupt(stage: Stage, words: list[str], delay: float) -> int:
    process = stage.spawn(*words)
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"{words} goes on after Ctrl-C") from None
    text = (out + err).decode()
    code = _EARLY if _python_was_starting(process.returncode, text) else process.returncode
    assert code in (0, 130, _EARLY), (words, delay, code, text)
    assert "Traceback" not in text or code == _EARLY, (words, delay, text)
    return code


def _python_was_starting(code: int, text: str) -> bool:
    """Tell whether Ctrl-C met Python before a line of ours ran: on a busy machine that takes longer than any delay.

    It then ends with 1 where its own `site` or `runpy` was being imported.
    """
    return code == 1 and text.rstrip().endswith("KeyboardInterrupt") and _OURS not in text


def test_ctrl_c_at_random_moments_of_deploy_and_stop_all_leaves_no_half_state(stage: Stage) -> None:
    seed = random.randrange(10**6)
    note(f"seed {seed}")
    chance = random.Random(seed)
    team = stage.team(agents={"one": stage.stays(), "two": stage.stays(depends_on=["one"]), "three": stage.stays()})
    agents = {"web/one": 1, "web/two": 1, "web/three": 1}
    codes = []
    for _ in range(8):
        codes.append(interrupt(stage, ["deploy", str(team), "--yes"], chance.uniform(0.05, 1.0)))
        if "TeamDeployed" in {event["type"] for event in stage.events()}:
            stage.run("daemon", "start")
        if set(stage.states().values()) - {"stopped"}:
            until(lambda: stage.all_in("running") and len(stage.states()) == 3, "the deploy goes on by itself")
            assert stage.running() == agents
        stage.deploy(team)
        assert stage.running() == agents
        codes.append(interrupt(stage, ["stop-all", "-y"], chance.uniform(0.05, 0.4)))
        until(lambda: stage.all_in("running", "stopped") and len(set(stage.states().values())) == 1, "all or none")
        stage.run("stop-all", "-y")
        assert not stage.running()
    note(codes)
    assert stage.run("audit", "verify").code == 0


@pytest.mark.parametrize("words", [["ps", "-w"], ["logs", "-f"], ["events", "-f"]], ids=" ".join)
def test_ctrl_c_ends_what_follows(stage: Stage, words: list[str]) -> None:
    stage.deploy(stage.team(agents={"one": stage.stays()}))
    process = stage.spawn(*words)
    assert stage.first_line(process)
    process.send_signal(signal.SIGINT)
    assert stage.finish(process, 5).code == 130
    for delay in (0.1, 0.3):
        assert interrupt(stage, words, delay) != 0
    assert stage.running() == {"web/one": 1}


@pytest.mark.parametrize(
    "words", [["ps"], ["events"], ["events", "-f"], ["logs", "-f"], ["ps", "-w"], ["schema"], ["--help"]], ids=" ".join
)
def test_a_reader_that_leaves_is_no_fault(stage: Stage, words: list[str]) -> None:
    stage.deploy(stage.team(agents={"one": stage.stays()}))
    process = stage.spawn(*words)
    stage.first_line(process)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    for _ in range(3):  # something more to say, so that the pipe is noticed
        if process.poll() is None and words[-1].startswith("-"):
            stage.run("restart", "web/one")
    until(lambda: process.poll() is not None, "it ends")
    assert process.stderr is not None
    err = process.stderr.read()
    assert process.returncode in (0, -signal.SIGPIPE), err
    assert err == b""


def test_nobody_reads_at_all(stage: Stage) -> None:
    stage.deploy(stage.team(agents={"one": stage.stays()}))
    for words in (["ps"], ["version"], ["events"], ["nonsense"]):
        reader, writer = os.pipe()
        os.close(reader)
        process = stage.spawn(*words, stdout=writer, stderr=writer)
        os.close(writer)
        assert process.wait(timeout=20) in (0, 1, 2, 120, -signal.SIGPIPE), words


def test_a_terminal_that_goes_away_takes_no_agent_and_no_supervisor_along(stage: Stage) -> None:
    primary, secondary = os.openpty()
    deploy = stage.spawn(
        "deploy",
        str(stage.team(agents={"one": stage.stays()})),
        "--yes",
        stdin=secondary,
        stdout=secondary,
        stderr=secondary,
    )
    os.close(secondary)
    until(stage.supervisors, "the supervisor is there")
    os.close(primary)
    deploy.send_signal(signal.SIGHUP)
    deploy.wait(timeout=20)
    until(lambda: stage.states().get("web/one") == "running" or stage.deploy(*stage.work.glob("*.yaml")), "it runs")
    assert stage.running() == {"web/one": 1}
    assert stage.supervisor()
