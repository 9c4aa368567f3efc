"""What real programs write down of their turns is found, read and counted once; and their budgets are held to it."""

from __future__ import annotations

import pytest

from tests.acceptance.stage import until
from tests.agents.model import Step
from tests.agents.stage import AGENT, AgentStage

A_CALL = 11
"""Tokens that the scripted model tells of each call: ten sent, one received."""

PROGRAMS = ("claude", "codex", "opencode", "qwen", "gemini", "pi", "aider")


def spent(stage: AgentStage) -> int:
    return int(stage.row()["spent"]["tokens"])


def most(stage: AgentStage) -> int:
    """Return what all that the program asked took; of what it asks beside its turns some keep no record.

    aider counts by itself what a stream does not tell, the words of its own prompt too.
    """
    asked = sum(request.answer == "answered" for request in stage.lane.requests)
    return asked * (A_CALL if stage.real.program != "aider" else 5000)


@pytest.mark.agents
@pytest.mark.timeout(300)
@pytest.mark.parametrize("stage", PROGRAMS, indirect=True)
def test_its_turns_are_counted_from_its_own_record_and_bounded(stage: AgentStage) -> None:
    stage.begin(approve="auto", limits={"cpu": "none", "memory": "4GiB", "pulse": "100ms"})
    for text in ("the first", "the second"):
        stage.lane.script(Step(text="well done"))
        stage.say(text, "--wait", "40s")
        stage.wait_for("idle", 30)
    until(lambda: 3 * A_CALL <= spent(stage) <= most(stage), f"its brief and both turns: {stage.row()['spent']}", 20)
    before = spent(stage)
    stage.kill_supervisor()
    stage.run("daemon", "start")
    stage.wait_for("idle", 30)
    assert before <= spent(stage) <= most(stage), "what was asked beside the turns may have been written down meanwhile"
    before = spent(stage)

    stage.run("limits", "set", AGENT, "--tokens", str(before + 5))
    stage.lane.script(Step(text="the last"))
    stage.say("the third", "--wait", "40s")
    until(lambda: (stage.row()["paused"] or {}).get("cause") == "budget", "it is paused", 20)
    stage.say("the fourth")
    assert stage.message("the fourth")["state"] == "held"
    assert stage.arrived("the fourth") == []
