"""Stories of check-ins on a machine whose clock the test owns: each is answered, or counted, once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agentctl.domain.agent import Activity, AgentState
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.message import Message, MessageState
from agentctl.domain.names import AgentId
from agentctl.domain.report import CHECK_IN, Report
from agentctl.domain.schedule import Every, Schedule, ScheduleKind
from agentctl.supervisor.ledger import Ledger
from tests.integration.machine import Machine, request, team

PERIOD = timedelta(minutes=1)
ANSWER = "Done: the cart\nDoing: its tests\nBlocked: none\nNeeds a person: which database?"
REPORT = Report(("the cart",), ("its tests",), (), ("which database?",))

Story = Callable[["Asked"], Awaitable[None]]


class Asked(Machine):
    """A machine with agents that are asked how far they are; what they do about it is the test's to say."""

    async def deploy(self, *agents: str, **changes: Any) -> None:
        schedule = Schedule(CHECK_IN, ScheduleKind.CHECK_IN, Every(PERIOD), agents, "How far?")
        spec = team("t", *agents, **changes)
        specs = tuple(replace(one, role="pm" if one.name == "pm" else "dev") for one in spec.agents)
        await self.ask("deploy", **request(replace(spec, agents=specs, schedules=(schedule,)), wait=False))
        for agent in agents:
            await self.until(self.is_in(f"t/{agent}", AgentState.RUNNING))

    def told(self, kind: EventType, agent: str = "t/a") -> list[dict[str, Any]]:
        return [event.data for event in self.log.read(stream=agent_stream(agent)) if event.type == kind]

    def ticks(self, agent: str = "t/a") -> list[dict[str, Any]]:
        return self.told(EventType.AGENT_TICKED, agent)

    def asked(self, agent: str = "t/a") -> list[Message]:
        """Return the check-ins that *agent* is sent."""
        return [m for m in self.world.ledger.fleet.of(AgentId(agent)) if m.kind == CHECK_IN]

    async def is_asked(self, agent: str = "t/a") -> Message:
        """Wait for a check-in that has no answer; return it."""

        def waits() -> list[Message]:
            return [message for message in self.asked(agent) if message.state is not MessageState.ANSWERED]

        await self.until(lambda: bool(waits()), 30)
        return waits()[-1]

    def takes(self, message: Message) -> None:
        facts = {"message": message.id, "generation": self.agent(message.agent).generation, "number": 1}
        self.world.ledger.append([Draft(agent_stream(message.agent), EventType.MESSAGE_TYPED, facts)])

    def answers(self, message: Message, text: str = ANSWER, ledger: Ledger | None = None) -> None:
        facts = {"message": message.id, "evidence": "hook Stop", "answer": text}
        draft = Draft(agent_stream(message.agent), EventType.MESSAGE_ANSWERED, facts)
        (ledger or self.world.ledger).append([draft])


@pytest.fixture
def asking(tmp_path: Path) -> Callable[[Story], None]:
    def run(story: Story) -> None:
        async def main() -> None:
            machine = Asked(tmp_path)
            await machine.start()
            await story(machine)
            await machine.stop()
            assert not [event.data for event in machine.log.read() if event.type == EventType.UNIT_CRASHED]

        asyncio.run(asyncio.wait_for(main(), 60))

    return run


def test_an_answer_becomes_a_report_and_nothing_else(asking: Callable[[Story], None]) -> None:
    async def story(machine: Asked) -> None:
        await machine.deploy("a")
        message = await machine.is_asked()
        assert (message.text, message.sender) == ("How far?", "agentctl")
        machine.answers(message)
        await machine.until(lambda: machine.agent("t/a").report is not None)
        (told,) = machine.told(EventType.AGENT_REPORTED)
        assert (told["message"], told["needs"]) == (message.id, ["which database?"])
        agent = machine.agent("t/a")
        assert (agent.report, agent.activity, agent.asking) == (REPORT, Activity.UNKNOWN, None)
        (row,) = (await machine.ask("ps", selectors=[]))["agents"]
        assert (row["report"]["done"], row["activity"], row["missed_check_ins"]) == (["the cart"], "unknown", 0)

    asking(story)


def test_an_answer_that_a_crash_left_without_a_report_gets_one(asking: Callable[[Story], None]) -> None:
    async def story(machine: Asked) -> None:
        await machine.deploy("a")
        message = await machine.is_asked()
        await machine.kill()
        machine.answers(message, ledger=Ledger(machine.log))
        await machine.start()
        await machine.until(lambda: machine.agent("t/a").report == REPORT)
        await machine.kill()
        await machine.start()
        await machine.is_asked()
        assert [told["message"] for told in machine.told(EventType.AGENT_REPORTED)] == [message.id]

    asking(story)


def test_the_history_of_reports_is_the_newest_last(asking: Callable[[Story], None]) -> None:
    async def story(machine: Asked) -> None:
        await machine.deploy("a", "b")
        for text in ("Done: 1", "Done: 2", "Done: 3"):
            for agent in ("t/a", "t/b"):
                machine.answers(await machine.is_asked(agent), text)
        await machine.until(lambda: len(machine.told(EventType.AGENT_REPORTED, "t/b")) == 3)
        reports = (await machine.ask("reports", limit=3))["reports"]
        assert [(one["agent"], one["done"]) for one in reports] == [("t/b", ["2"]), ("t/a", ["3"]), ("t/b", ["3"])]
        (one,) = (await machine.ask("reports", selectors=["t/a"], limit=1))["reports"]
        assert (one["agent"], one["done"], one["needs"]) == ("t/a", ["3"], [])

    asking(story)


def test_who_takes_check_ins_and_answers_none_is_told_of_once(asking: Callable[[Story], None]) -> None:
    async def story(machine: Asked) -> None:
        await machine.deploy("a")
        message = await machine.is_asked()
        machine.takes(message)
        await machine.until(lambda: machine.agent("t/a").missed_check_ins >= 4, 30)
        assert [told["missed"] for told in machine.told(EventType.AGENT_SILENT)] == [2]
        assert machine.asked() == [machine.world.ledger.fleet.messages[message.id]], "no second one is sent"
        skipped = [tick["skipped"] for tick in machine.ticks() if "unanswered" in tick]
        assert set(skipped) == {f"check-in {message.id} is not answered"}
        machine.answers(message)
        await machine.until(lambda: machine.agent("t/a").missed_check_ins == 0)
        assert (await machine.is_asked()).id != message.id

    asking(story)


def test_one_that_waits_to_be_handed_over_is_nobodys_silence(asking: Callable[[Story], None]) -> None:
    async def story(machine: Asked) -> None:
        await machine.deploy("a")
        message = await machine.is_asked()
        await machine.until(lambda: len(machine.ticks()) >= 4, 30)
        assert [one.id for one in machine.asked()] == [message.id]
        assert machine.agent("t/a").missed_check_ins == 0

    asking(story)


def test_who_is_paused_is_not_asked(asking: Callable[[Story], None]) -> None:
    async def story(machine: Asked) -> None:
        await machine.deploy("a")
        await machine.ask("pause", selectors=["t/a"])
        await machine.until(lambda: len(machine.ticks()) >= 2, 30)
        assert all(tick["skipped"].startswith(("it is paused", "it has just begun")) for tick in machine.ticks())
        assert machine.asked() == []
        await machine.ask("resume", selectors=["t/a"])
        await machine.is_asked()

    asking(story)


def test_a_pm_is_told_what_its_team_has_reported(asking: Callable[[Story], None]) -> None:
    async def story(machine: Asked) -> None:
        await machine.deploy("pm", "a")
        machine.answers(await machine.is_asked("t/a"))
        await machine.until(lambda: machine.agent("t/a").report is not None)
        for message in machine.asked("t/pm"):  # it may have been asked before that
            machine.answers(message, "Done: planned")
        told = (await machine.is_asked("t/pm")).text.splitlines()
        assert told[0] == "How far?"
        assert told[-1].startswith("> a, ")
        assert told[-1].endswith("ago: needs a person: which database? | doing: its tests | done: the cart")

    asking(story)
