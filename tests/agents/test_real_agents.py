"""Real programs under the real agentctl, from launch to resume; what the model was asked is what arrived.

python -m tests.agents.install                 # once; what is not there is skipped
python -m tests.agents.alone pytest tests/agents -m agents      # in a network that knows only itself
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.stage import until
from tests.agents.model import Step
from tests.agents.stage import AGENT, SLOW, AgentStage

pytestmark = [pytest.mark.agents, pytest.mark.timeout(300)]

LINES = 'first `line` $HOME\n  second: "quoted" # @README.md\n\n    third \u00e9\u4e16\U0001f600 /help !ls'


@dataclass(frozen=True)
class Tool:
    """How the model of a program asks it to make the file `made`, in a way that a person has to allow."""

    step: Step


TOOLS = {
    "claude": Tool(Step(tool="Bash", given={"command": "touch made", "description": "Make a file"})),
    "codex": Tool(
        Step(
            tool="exec_command",
            given={"cmd": "touch made", "sandbox_permissions": "require_escalated", "justification": "May I?"},
        )
    ),
    "opencode": Tool(Step(tool="bash", given={"command": "touch made", "description": "Make a file"})),
}
SHELL: dict[str, tuple[str, str, dict[str, object]]] = {
    "claude": ("Bash", "command", {"description": "Make a file"}),
    "codex": ("exec_command", "cmd", {}),
    "opencode": ("bash", "command", {"description": "Make a file"}),
    "pi": ("bash", "command", {}),
}
"""By program whose tool calls the pulse holds: what runs a command, the key of that, and what else it wants."""
SAYS_NOTHING = ("aider",)
"""Without signals of its own: that a turn has ended is read off the screen, and what was said in it stays there."""

PROGRAMS = ("claude", "codex", "opencode", "aider")

each = pytest.mark.parametrize("stage", PROGRAMS, indirect=True)
each_with_tools = pytest.mark.parametrize("stage", tuple(TOOLS), indirect=True)


@each
def test_every_message_arrives_once_and_word_for_word(stage: AgentStage) -> None:
    stage.begin()
    for text in ("hello", LINES, "x" * 3000):
        stage.lane.script(Step(text="well done"))
        said = stage.say(text, "--wait", "40s")
        assert "well done" in said or stage.real.program in SAYS_NOTHING, stage.told()
        assert len(stage.arrived(text)) == 1, stage.lane.conversation
        assert stage.message(text[:5])["state"] == "answered"


@each_with_tools
def test_a_permission_is_shown_and_a_person_answers_it(stage: AgentStage) -> None:
    stage.begin()
    stage.lane.script(TOOLS[stage.real.program].step, Step(text="it is made"))
    stage.say("make it")
    assert "touch made" in stage.asked("permission")["title"]
    assert not (stage.place.cwd / "made").exists()
    stage.run("approve", AGENT)
    stage.wait_for("idle", 30)
    assert (stage.place.cwd / "made").exists()
    assert stage.message("make it")["state"] == "answered"


@each_with_tools
def test_what_is_denied_is_not_done(stage: AgentStage) -> None:
    stage.begin()
    stage.lane.script(TOOLS[stage.real.program].step, Step(text="never said"))
    stage.say("make it")
    stage.asked("permission")
    stage.run("deny", AGENT)
    stage.wait_for("idle", 30)
    assert not (stage.place.cwd / "made").exists()


@each_with_tools
def test_it_works_until_it_is_interrupted(stage: AgentStage) -> None:
    stage.begin()
    stage.lane.script(Step(text="word ", pause=0.05, endless=True))
    stage.say("go on for ever")
    stage.wait_for("working", 20)
    stage.lane.wait_for("go on for ever")
    time.sleep(1.0)  # it goes on: no single event tells that
    assert stage.row()["activity"] == "working"
    twice = stage.real.program == "opencode"  # it asks for a second one
    stage.run("send", AGENT, "--keys", "Escape,Escape" if twice else "Escape")
    stage.wait_for("idle", 30)


@pytest.mark.parametrize("stage", tuple(SHELL), indirect=True)
def test_its_tool_calls_are_a_pulse_apart(stage: AgentStage) -> None:
    stage.begin(approve="auto", limits={"cpu": "none", "memory": "4GiB", "pulse": "6s"})
    stage.lane.script(*(_touches(stage.real.program, name) for name in ("one", "two", "three")), Step(text="done"))
    stage.say("make all three", "--wait", "60s")
    made = [(stage.place.cwd / name).stat().st_mtime for name in ("one", "two", "three")]
    gaps = [after - before for before, after in itertools.pairwise(made)]
    assert min(gaps) > 4.0, f"{gaps}: it takes its own time from what is let go to the file, the first one longest"
    kept = stage.row()["pulse"]
    assert kept["holds"] == ["messages", "tools"]
    assert (kept["operations"], kept["violations"]) == (5, 0), "two messages and three calls"
    assert kept["least_gap_seconds"] >= 6.0
    assert kept["waits"] >= 1


@pytest.mark.parametrize("stage", tuple(SHELL), indirect=True)
def test_a_tool_that_is_interrupted_while_the_pulse_holds_it_does_not_run(stage: AgentStage) -> None:
    stage.begin(approve="auto", limits={"cpu": "none", "memory": "4GiB", "pulse": "15s"})
    stage.lane.script(*(_touches(stage.real.program, name) for name in ("one", "two")), Step(text="never said"))
    stage.say("make both")
    until(lambda: any(asked.results for asked in stage.lane.requests), "the first is made", SLOW)
    stage.lane.settled()
    time.sleep(3.0)  # nothing tells that the second is held
    stage.run("send", AGENT, "--keys", "Escape,Escape" if stage.real.program == "opencode" else "Escape")
    stage.wait_for("idle", 30)
    time.sleep(15.0)
    assert not (stage.place.cwd / "two").exists()


@each
def test_it_comes_back_in_its_own_conversation(stage: AgentStage) -> None:
    stage.begin(restart="always")
    stage.lane.script(Step(text="noted"))
    stage.say("remember the word marigold", "--wait", "40s")
    before = stage.row()
    time.sleep(2.0)  # it answers first and writes down its conversation then; nothing tells when
    _kill(before["pid"])
    until(lambda: stage.row()["generation"] > before["generation"], "another generation", SLOW)
    stage.wait_for("idle", SLOW)
    stage.say("which word was it?", "--wait", "40s")
    assert stage.arrived("marigold"), stage.lane.conversation
    assert len(stage.arrived("which word was it?")) == 1


def _touches(program: str, name: str) -> Step:
    """The model asks for a file to be made; nobody has to allow it."""
    tool, key, more = SHELL[program]
    return Step(tool=tool, given={key: f"touch {name}", **more})


def _kill(pid: int) -> None:
    """Kill the program that *pid*, which is in its pane, runs."""
    for child in _below(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def _below(pid: int) -> list[int]:
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*(below for child in children for below in _below(child)), *children] or [pid]
