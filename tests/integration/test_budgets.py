"""Stories of budgets: what a program writes down is counted once, and who has used up the budget is paused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agentctl.control.messages import VERBS
from agentctl.domain.agent import Activity, AgentState, PauseCause, Spent
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.message import MessageState
from agentctl.domain.ports import Pane
from agentctl.domain.team import Budget, TeamSpec
from tests.integration.machine import request, team
from tests.integration.test_speaking_races import AGENT, RULE, Talk

USAGE = """
[usage]
files = ["{folder}/{session}.jsonl"]

[[usage.lines]]
id = "id"
model = "model"
input = "in"
output = "out"
cost = "usd"
"""
SPINNER = "✻ Pondering… (3s · esc to interrupt)"


class Spender(Talk):
    """A machine with one agent whose every turn takes so many tokens, by its program's own record."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        manifest = self.runners / "mute.toml"
        manifest.write_text(manifest.read_text().replace("[ends]", f"{USAGE}\n[ends]"))
        self.world = self._new_world()
        self.window.program = self.takes
        self.a_turn, self.works, self.calls = 100, False, 0

    async def deploy(self, **changes: Any) -> None:
        await self.ask("deploy", **request(self.spec(**changes), environment={"PATH": self.path}, wait=False))
        await self.until(lambda: AGENT in self.world.ledger.fleet.agents and self.agent(AGENT).process is not None)
        self.draw()
        await self.until(lambda: self.agent(AGENT).activity.value == "idle")

    def spec(self, **changes: Any) -> TeamSpec:
        spec = team("t", "a", **changes)
        return replace(spec, agents=tuple(replace(one, argv=(), runner="mute") for one in spec.agents))

    def takes(self, pane: Pane, text: str, keys: Sequence[str]) -> None:
        before = len(self.window.prompts)
        self.window.takes(pane, text, keys)
        if len(self.window.prompts) > before:
            self.spends(self.a_turn)
        self.draw()

    def draw(self) -> None:
        above = [SPINNER] if self.works else []
        self.window.draws(
            self.pane,
            "\n".join(
                [*self.window.prompts, *above, RULE, f"\u276f\u00a0{self.window.composer}", RULE, "  ? for shortcuts"]
            ),
        )

    def spends(self, tokens: int, **more: Any) -> None:
        self.calls += 1
        line = {"id": f"call-{self.calls}", "model": "gpt-5", "in": tokens, "out": 0, **more}
        path = self.world.agent_folder(AGENT) / f"{self.agent(AGENT).session}.jsonl"
        with path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    @property
    def spent(self) -> Spent:
        return self.agent(AGENT).spent

    def paused(self) -> PauseCause | None:
        return self.agent(AGENT).paused

    def told(self, kind: EventType) -> list[dict[str, Any]]:
        return [event.data for event in self.log.read(stream=agent_stream(AGENT)) if event.type == kind]


Story = Callable[[Spender], Awaitable[None]]


@pytest.fixture
def spend(tmp_path: Path) -> Callable[[Story], None]:
    def run(story: Story) -> None:
        async def main() -> None:
            machine = Spender(tmp_path)
            await machine.start()
            await story(machine)
            await machine.stop()
            assert not [event.data for event in machine.log.read() if event.type == EventType.UNIT_CRASHED]

        asyncio.run(asyncio.wait_for(main(), 30))

    return run


def test_a_budget_is_told_of_at_80_percent_and_ends_the_handing_over_at_all_of_it(
    spend: Callable[[Story], None],
) -> None:
    async def story(machine: Spender) -> None:
        await machine.deploy(budget=Budget(tokens=500))
        for number in range(8):
            machine.queue(f"{number:08x}", f"task {number}")
        await machine.until(lambda: machine.paused() is PauseCause.BUDGET)
        await machine.until(lambda: machine.state("00000005") is MessageState.HELD)
        assert len(machine.bodies()) == 5, "the turn that uses it up is finished, and none begins after it"
        assert machine.spent.tokens == 500
        assert [warning["evidence"] for warning in machine.told(EventType.AGENT_BUDGET)] == ["tokens: 400 of 500"]
        assert machine.agent(AGENT).pause_reason == "its budget of 500 tokens is used up"
        assert machine.agent(AGENT).state is AgentState.RUNNING
        assert (
            machine.world.ledger.fleet.messages["00000005"].reason
            == f"it is paused: {machine.agent(AGENT).pause_reason}"
        )
        (row,) = (await machine.ask("ps", selectors=[]))["agents"]
        assert (row["attention"], row["paused"]["cause"], row["used"]["tokens"]) == (0, "budget", 500)

    spend(story)


def test_a_raised_budget_lets_it_go_on_and_nothing_was_lost(spend: Callable[[Story], None]) -> None:
    async def story(machine: Spender) -> None:
        await machine.deploy(budget=Budget(tokens=200))
        for number in range(5):
            machine.queue(f"{number:08x}", f"task {number}")
        await machine.until(lambda: machine.paused() is PauseCause.BUDGET)
        await machine.ask("limit", selectors=["t/a"], budget={"tokens": 400})
        await machine.until(lambda: len(machine.bodies()) == 4 and machine.paused() is PauseCause.BUDGET)
        spec = machine.spec(budget=Budget(tokens=10_000))
        planned = await machine.ask("plan", **request(spec, environment={"PATH": machine.path}))
        (change,) = planned["changes"]
        assert "set by hand, and is taken back: tokens 400" in change["what"]
        await machine.ask("deploy", **request(spec, environment={"PATH": machine.path}, wait=False))
        await machine.until(lambda: len(machine.bodies()) == 5)
        assert machine.agent(AGENT).budget is None
        assert machine.bodies() == [f"task {number}" for number in range(5)]
        assert machine.told(EventType.AGENT_RESUMED)[0]["reason"] == "its budget holds again: tokens: 200 of 400"

    spend(story)


def test_resume_goes_on_until_as_much_again_is_used_up(spend: Callable[[Story], None]) -> None:
    async def story(machine: Spender) -> None:
        await machine.deploy(budget=Budget(tokens=200))
        for number in range(9):
            machine.queue(f"{number:08x}", f"task {number}")
        await machine.until(lambda: machine.paused() is PauseCause.BUDGET)
        assert len(machine.bodies()) == 2
        answer = await machine.ask("resume", selectors=["@paused"])
        assert answer["anew"] == ["t/a"]
        await machine.until(lambda: len(machine.bodies()) == 4 and machine.paused() is PauseCause.BUDGET)
        assert machine.spent.tokens == 400

    spend(story)


def test_a_supervisor_that_is_killed_counts_nothing_twice(spend: Callable[[Story], None]) -> None:
    async def story(machine: Spender) -> None:
        await machine.deploy()
        for number in range(4):
            machine.spends(1000)
            machine.queue(f"{number:08x}", f"task {number}")
            await machine.until(lambda n=number: len(machine.bodies()) == n + 1)
            await machine.kill()
            machine.spends(10)
            await machine.start()
        await machine.until(lambda: machine.spent.tokens == 4 * (1000 + 100 + 10))
        await machine.kill()
        await machine.start()
        await machine.clock.sleep(120)
        assert machine.spent.tokens == 4440
        assert machine.spent.usd == pytest.approx(4440 * 1.25e-6)
        assert machine.spent.estimated

    spend(story)


def test_each_conversation_has_its_own_book_and_all_count(spend: Callable[[Story], None]) -> None:
    async def story(machine: Spender) -> None:
        await machine.deploy()
        machine.queue("aaaaaaaa", "first")
        await machine.until(lambda: machine.spent.tokens == 100)
        await machine.ask("restart", selectors=["t/a"], new=True, wait=False)
        await machine.until(lambda: machine.agent(AGENT).generation == 2 and machine.agent(AGENT).process is not None)
        machine.window.prompts.clear()
        machine.draw()
        await machine.until(lambda: machine.agent(AGENT).activity.value == "idle")
        machine.queue("bbbbbbbb", "second")
        await machine.until(lambda: machine.spent.tokens == 200)
        assert [book.tokens for book in machine.agent(AGENT).books.values()] == [100, 100]

    spend(story)


def test_a_turn_that_is_over_at_once_is_counted_too(spend: Callable[[Story], None]) -> None:
    async def story(machine: Spender) -> None:
        await machine.deploy()
        await machine.clock.sleep(60)
        machine.spends(100)
        facts = {"generation": 1, "evidence": "hook Stop", "source": "hook"}
        kinds = (EventType.AGENT_BUSY, EventType.AGENT_TURN_ENDED, EventType.AGENT_IDLE)
        machine.world.ledger.append([Draft(agent_stream(AGENT), kind, facts) for kind in kinds])
        await machine.until(lambda: machine.spent.tokens == 100)

    spend(story)


def test_working_time_counts_only_while_it_works_and_bounds_it(spend: Callable[[Story], None]) -> None:
    async def story(machine: Spender) -> None:
        await machine.deploy(budget=Budget(time=timedelta(minutes=10)), hang_after=None)
        await machine.clock.sleep(3600)
        assert machine.spent.work == timedelta(0)
        machine.works = True
        machine.draw()
        await machine.until(lambda: machine.agent(AGENT).activity is Activity.WORKING)
        await machine.clock.sleep(9 * 60)
        assert [warning["part"] for warning in machine.told(EventType.AGENT_BUDGET)] == ["time"]
        await machine.clock.sleep(5 * 60)
        assert machine.paused() is None, "the turn that runs is finished"
        machine.queue("aaaaaaaa", "more")
        await machine.until(lambda: machine.paused() is PauseCause.BUDGET)
        assert machine.agent(AGENT).activity is Activity.WORKING, "what it could queue would be its next turn"
        machine.works = False
        machine.draw()
        await machine.until(lambda: machine.agent(AGENT).activity is Activity.IDLE)
        assert timedelta(minutes=14) <= machine.spent.work <= timedelta(minutes=15)
        assert machine.bodies() == []

    spend(story)


def test_a_person_pauses_and_resumes_and_what_stands_still_can_be_stopped(spend: Callable[[Story], None]) -> None:
    async def story(machine: Spender) -> None:
        await machine.deploy()
        assert (await machine.ask("pause", selectors=["t"]))["paused"] == ["t/a"]
        assert (await machine.ask("pause", selectors=["t"]))["already"] == ["t/a"]
        machine.queue("aaaaaaaa", "wait")
        await machine.until(lambda: machine.state("aaaaaaaa") is MessageState.HELD)
        await machine.ask("resume", selectors=["t"])
        await machine.until(lambda: machine.bodies() == ["wait"])
        await machine.ask("pause", selectors=["t"])
        await machine.ask("stop", selectors=["t"])
        assert machine.agent(AGENT).state is AgentState.STOPPED
        assert machine.paused() is None
        assert (await machine.ask("pause", selectors=["t"]))["not_running"] == [{"agent": "t/a", "state": "stopped"}]

    spend(story)


def test_paused_time_is_no_working_time(spend: Callable[[Story], None]) -> None:
    async def story(machine: Spender) -> None:
        await machine.deploy(hang_after=None)
        machine.works = True
        machine.draw()
        await machine.until(lambda: machine.agent(AGENT).activity is Activity.WORKING)
        await machine.clock.sleep(60)
        await machine.ask("pause", selectors=["t"])
        worked = machine.spent.work
        await machine.clock.sleep(3600)
        await machine.ask("resume", selectors=["t"])
        assert machine.spent.work == worked

    spend(story)


def test_limits_are_set_while_it_runs_and_taken_back(spend: Callable[[Story], None]) -> None:
    async def story(machine: Spender) -> None:
        await machine.deploy()
        answer = await machine.ask("limit", selectors=["t/a"], limits={"cpu_percent": 40, "processes": None})
        (row,) = answer["agents"]
        assert (row["limits"]["cpu_percent"], row["limits"]["processes"], row["by_hand"]) == (40.0, None, ["limits"])
        assert machine.agent(AGENT).generation == 1
        (change,) = (await machine.ask("plan", **request(machine.spec(), environment={"PATH": machine.path})))[
            "changes"
        ]
        assert change["sign"] == "="
        assert any("set by hand, and stays: cpu 40%, processes none" in words for words in change["what"])
        (row,) = (await machine.ask("limit", selectors=["t/a"], reset=True))["agents"]
        assert (row["limits"]["cpu_percent"], row["by_hand"]) == (50.0, [])
        (row,) = (await machine.ask("limit", selectors=["t/a"], limits={"cpu_percent": 50}))["agents"]
        assert row["by_hand"] == [], "what the file says anyway is set by nobody"

    spend(story)


def test_an_agent_may_neither_pause_nor_set_limits() -> None:
    assert not any(VERBS[verb].agents for verb in ("limit", "pause", "resume"))


def test_money_without_a_price_is_said_and_not_made_up(spend: Callable[[Story], None]) -> None:
    async def story(machine: Spender) -> None:
        await machine.deploy(budget=Budget(usd=1.0))
        machine.spends(10_000_000, model="nobody-knows")
        machine.queue("aaaaaaaa", "first")
        await machine.until(lambda: bool(machine.told(EventType.AGENT_BUDGET)))
        (warning,) = machine.told(EventType.AGENT_BUDGET)
        assert warning["evidence"] == "usd: no price is known for nobody-knows, so what it costs is not counted"
        assert machine.paused() is None
        machine.spends(5, usd=1.5)
        machine.queue("bbbbbbbb", "second")
        await machine.until(lambda: machine.paused() is PauseCause.BUDGET)
        assert machine.agent(AGENT).pause_reason == "its budget of $1.00 is used up"

    spend(story)


def test_a_hostile_record_counts_nothing(spend: Callable[[Story], None]) -> None:
    async def story(machine: Spender) -> None:
        await machine.deploy(budget=Budget(tokens=1000))
        path = machine.world.agent_folder(AGENT) / f"{machine.agent(AGENT).session}.jsonl"
        lines = [
            b"\xff\xfe",
            b"[" * 100_000,
            b'{"in": 1e999, "id": 1}',
            b'{"in": -5, "id": "x"}',
            b'{"in": "9", "id": "y"}',
        ]
        path.write_bytes(b"\n".join(lines) + b"\n" + b"x" * 3_000_000 + b"\n")
        machine.queue("aaaaaaaa", "first")
        await machine.until(lambda: machine.spent.tokens == 100)

    spend(story)


def test_pauses_in_the_log_are_the_persons(spend: Callable[[Story], None]) -> None:
    async def story(machine: Spender) -> None:
        await machine.deploy()
        await machine.ask("pause", selectors=["t/a"])
        drafts = [Draft(agent_stream(AGENT), EventType.AGENT_BUDGET, {"part": "tokens", "limit": 1, "evidence": ""})]
        machine.world.ledger.append(drafts)
        (paused,) = [e for e in machine.log.read(stream=agent_stream(AGENT)) if e.type == EventType.AGENT_PAUSED]
        assert (paused.actor, paused.data["cause"]) == ("person", "person")

    spend(story)
