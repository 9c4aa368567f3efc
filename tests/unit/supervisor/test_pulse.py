"""The pulse as the supervisor keeps it: what it counts of messages and calls, and what it tells hooks and people."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agentctl.domain.agent import Agent, AgentState
from agentctl.domain.evidence import Meaning, Sign
from agentctl.domain.message import Message
from agentctl.domain.names import AgentId
from agentctl.domain.team import Limits
from agentctl.runners.registry import Runners
from agentctl.supervisor.pulse import Pulse

SECOND = timedelta(seconds=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
RUNNERS = Runners.load()


class World:
    """As much of it as the pulse knows."""

    def __init__(self, folder: Path) -> None:
        self.at = START
        self.limits = Limits(pulse=2 * SECOND)
        self.agents: dict[AgentId, Agent] = {}
        self.clock = SimpleNamespace(now=lambda: self.at)
        fleet = SimpleNamespace(limits=lambda _agent: self.limits, agents=self.agents)
        self.ledger = SimpleNamespace(fleet=fleet)
        self.runners = RUNNERS
        self.folder = folder

    def agent_folder(self, agent: str) -> Path:
        return self.folder / agent


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def pulse(world: World) -> Pulse:
    return Pulse(world)  # type: ignore[arg-type]


def agent(runner: str = "claude", name: str = "t/a") -> Agent:
    return Agent(AgentId(name), state=AgentState.RUNNING, runner=runner, generation=1)


def message(name: str, **facts: Any) -> Message:
    return Message(name, AgentId("t/a"), "hello", "person", **facts)


def test_messages_and_calls_are_counted_each_with_its_own_gap(world: World, pulse: Pulse) -> None:
    one = agent()
    pulse.handed(one, message("m1"))
    pulse.heard(one, {"waited_ms": 0, "since_ms": None}, Sign(Meaning.TOOL, START, "PreToolUse"))
    world.at += SECOND
    pulse.heard(one, {"waited_ms": 1000, "since_ms": 2000}, Sign(Meaning.TOOL, START, "PreToolUse"))
    pulse.holds(message("m2"))
    world.at += SECOND
    pulse.holds(message("m2"))
    pulse.handed(one, message("m2"))
    assert pulse.row(one) == {
        "seconds": 2.0, "holds": ["messages", "tools"], "operations": 4, "waits": 2, "waited_seconds": 2.0,
        "least_gap_seconds": 2.0, "violations": 0,
    }  # fmt: skip


def test_a_message_that_something_else_kept_back_meanwhile_waited_for_a_pulse_at_most(
    world: World, pulse: Pulse
) -> None:
    pulse.holds(message("m1"))
    world.at += 600 * SECOND
    pulse.handed(agent(), message("m1"))
    pulse.holds(message("m2"))
    pulse.handed(agent(), message("m3"))
    row = pulse.row(agent())
    assert (row["waits"], row["waited_seconds"]) == (1, 2.0)


def test_keys_mark_the_time_and_are_no_operation(world: World, pulse: Pulse) -> None:
    pulse.handed(agent(), message("m1", keys=("Escape",)))
    assert pulse.last_handed(agent()) == START
    assert pulse.row(agent())["operations"] == 0


def test_a_clock_that_is_set_back_is_no_violation(world: World, pulse: Pulse) -> None:
    pulse.handed(agent(), message("m1"))
    world.at -= 60 * SECOND
    pulse.handed(agent(), message("m2"))
    row = pulse.row(agent())
    assert (row["operations"], row["least_gap_seconds"], row["violations"]) == (2, None, 0)


def test_a_call_of_which_no_hook_says_when_it_came_is_counted_and_no_more(pulse: Pulse) -> None:
    tool = Sign(Meaning.TOOL, START, "BeforeTool")
    for sign in (tool, tool, Sign(Meaning.TOOL_END, START, "AfterTool"), None):
        pulse.heard(agent("gemini"), {"payload": {}}, sign)
    row = pulse.row(agent("gemini"))
    assert (row["holds"], row["operations"], row["least_gap_seconds"]) == (["messages"], 2, None)


def test_calls_that_come_too_soon_are_told_of(pulse: Pulse) -> None:
    for since in (None, 150, 90):
        pulse.heard(agent(), {"waited_ms": 0, "since_ms": since}, None)
    row = pulse.row(agent())
    assert (row["operations"], row["violations"], row["least_gap_seconds"]) == (3, 2, 0.09)


@pytest.mark.parametrize("runner", ["process", ""])
def test_what_takes_no_messages_has_no_pulse(world: World, pulse: Pulse, runner: str) -> None:
    one = agent(runner)
    for number in range(3):
        pulse.handed(one, message(f"m{number}"))
    row = pulse.row(one)
    assert (row["seconds"], row["holds"], row["operations"], row["violations"]) == (None, [], 3, 0)
    assert pulse.of(one) == timedelta(0)


def test_a_shell_has_the_pulse_that_its_limits_name(pulse: Pulse) -> None:
    for number in range(3):
        pulse.handed(agent("shell"), message(f"m{number}"))
    row = pulse.row(agent("shell"))
    assert (row["seconds"], row["holds"], row["operations"], row["violations"]) == (2.0, ["messages"], 3, 2)


def test_hooks_of_agents_that_run_are_told_and_one_that_spoiled_its_folder_is_passed_over(
    world: World, pulse: Pulse, tmp_path: Path
) -> None:
    for name, runner in (("t/a", "claude"), ("t/spoiled", "claude"), ("t/b", "aider"), ("t/c", "codex")):
        world.agents[AgentId(name)] = agent(runner, name)
        (tmp_path / name).mkdir(parents=True)
    world.agents[AgentId("t/c")] = replace(world.agents[AgentId("t/c")], state=AgentState.STOPPED)
    (tmp_path / "t/spoiled/pulse").touch()
    world.limits = Limits(pulse=5 * SECOND)
    asyncio.run(pulse._tell(pulse._alive()))
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.glob("t/*/pulse/*")] == ["t/a/pulse/gap.5000"]
