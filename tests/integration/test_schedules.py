"""Stories of schedules on a machine whose clock the test owns: each slot once, whatever ends and whoever sleeps."""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agentctl.domain.agent import AgentState
from agentctl.domain.events import EventType
from agentctl.domain.schedule import Cron, Every, Schedule, ScheduleKind
from agentctl.engine.schedule import MOST_MISSED
from tests.integration.machine import Machine, request, team

PERIOD = timedelta(minutes=1)

Story = Callable[["Timed"], Awaitable[None]]


class Timed(Machine):
    """A machine with one agent in a git repository, and what its schedules have done."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.repository = folder / "work"
        self.repository.mkdir()
        for words in (("init", "-q"), ("commit", "-q", "--allow-empty", "-m", "first")):
            self.git(*words)

    def git(self, *words: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.invalid")
        ran = subprocess.run(
            ["git", *identity, *words], cwd=self.repository, check=True, capture_output=True, text=True
        )
        return ran.stdout

    async def deploy(self, *schedules: Schedule) -> None:
        spec = replace(team("t", "a", folder=str(self.repository)), schedules=schedules)
        await self.ask("deploy", **request(spec, wait=False))
        await self.until(self.is_in("t/a", AgentState.RUNNING))

    def told(self, kind: EventType) -> list[dict[str, Any]]:
        return [event.data for event in self.log.read() if event.type == kind]

    def slots(self, kind: EventType = EventType.AGENT_TICKED) -> list[datetime]:
        return [datetime.fromisoformat(data["at"]) for data in self.told(kind)]

    def kept(self) -> str:
        """Return the newest checkpoint that the repository holds."""
        place = self.repository / ".git" / "refs" / "agentctl" / "t" / "a"
        return place.read_text().strip() if place.exists() else ""

    async def settle_messages(self) -> None:
        """Take all messages out of the way, as if they had been answered."""
        waiting = [message.id for message in self.world.ledger.fleet.messages.values() if message.state != "dead"]
        if waiting:
            await self.ask("drop", ids=waiting)


@pytest.fixture
def timed(tmp_path: Path) -> Callable[[Story], None]:
    def run(story: Story) -> None:
        async def main() -> None:
            machine = Timed(tmp_path)
            await machine.start()
            await story(machine)
            await machine.stop()
            assert not machine.told(EventType.UNIT_CRASHED)

        asyncio.run(asyncio.wait_for(main(), 60))

    return run


def save(every: timedelta = PERIOD, **facts: Any) -> Schedule:
    return Schedule("save", ScheduleKind.COMMIT, Every(every), ("a",), **facts)


def ask(**facts: Any) -> Schedule:
    return Schedule("ask", ScheduleKind.MESSAGE, Every(PERIOD), ("a",), text="how far?", **facts)


def test_what_an_agent_changes_is_kept_once_a_slot_and_nothing_where_nothing_changed(
    timed: Callable[[Story], None],
) -> None:
    async def story(machine: Timed) -> None:
        (machine.repository / "a.py").write_text("a = 1\n")
        await machine.deploy(save())
        await machine.until(lambda: len(machine.slots(EventType.AGENT_NOT_CHECKPOINTED)) >= 2, 30)
        (made,) = machine.told(EventType.AGENT_CHECKPOINTED)
        assert machine.git("show", f"{made['commit']}:a.py") == "a = 1\n"
        assert made["subject"]
        slots = [*machine.slots(EventType.AGENT_CHECKPOINTED), *machine.slots(EventType.AGENT_NOT_CHECKPOINTED)]
        assert {after - before for before, after in itertools.pairwise(slots)} == {PERIOD}
        assert machine.git("status", "--porcelain") == "?? a.py\n"

    timed(story)


def test_a_supervisor_that_dies_before_it_records_a_checkpoint_makes_no_second_one(
    timed: Callable[[Story], None],
) -> None:
    async def story(machine: Timed) -> None:
        await machine.deploy(save())
        for number in range(5):
            before = machine.kept()
            (machine.repository / "a.py").write_text(f"a = {number}\n")
            await machine.until(lambda before=before: machine.kept() != before, 30)
            await machine.kill()
            await machine.start()
            await machine.until(lambda number=number: len(machine.told(EventType.AGENT_CHECKPOINTED)) == number + 1, 30)
        commits = machine.git("rev-list", "--first-parent", f"HEAD..{machine.kept()}").split()
        assert commits == [made["commit"] for made in reversed(machine.told(EventType.AGENT_CHECKPOINTED))]

    timed(story)


def test_after_a_gap_only_the_newest_slot_is_made_up_for(timed: Callable[[Story], None]) -> None:
    async def story(machine: Timed) -> None:
        await machine.deploy(ask())
        await machine.until(lambda: len(machine.slots()) == 1, 30)
        await machine.settle_messages()
        await machine.kill()
        machine.clock.advance(8 * 60 * 60)
        await machine.start()
        await machine.until(lambda: len(machine.slots()) == 2, 30)
        first, second = machine.slots()
        assert timedelta(hours=8) - PERIOD < second - first <= timedelta(hours=8) + PERIOD
        assert machine.told(EventType.AGENT_TICKED)[1]["missed"] == MOST_MISSED

    timed(story)


def test_a_message_waits_for_the_end_of_the_one_before(timed: Callable[[Story], None]) -> None:
    async def story(machine: Timed) -> None:
        await machine.deploy(ask())
        await machine.until(lambda: len(machine.slots()) == 1, 30)
        await machine.until(lambda: machine.clock.now() > machine.slots()[0] + 3.5 * PERIOD, 30)
        assert len(machine.slots()) == 1
        (row,) = (await machine.ask("schedules"))["schedules"]
        assert machine.told(EventType.AGENT_TICKED)[0]["message"] in row["evidence"]
        await machine.settle_messages()
        await machine.until(lambda: len(machine.slots()) == 2, 30)
        assert machine.slots()[1] - machine.slots()[0] >= 3 * PERIOD

    timed(story)


def test_a_clock_that_is_set_back_repeats_no_slot(timed: Callable[[Story], None]) -> None:
    async def story(machine: Timed) -> None:
        await machine.deploy(save())
        await machine.until(lambda: len(machine.slots(EventType.AGENT_NOT_CHECKPOINTED)) == 2, 30)
        machine.clock._start -= 3 * PERIOD
        await machine.until(lambda: len(machine.slots(EventType.AGENT_NOT_CHECKPOINTED)) == 4, 30)
        slots = machine.slots(EventType.AGENT_NOT_CHECKPOINTED)
        assert slots == sorted(set(slots))

    timed(story)


def test_who_does_not_run_is_asked_nothing_and_not_afterwards(timed: Callable[[Story], None]) -> None:
    async def story(machine: Timed) -> None:
        hourly = Schedule("ask", ScheduleKind.MESSAGE, Cron("0 * * * *", "Asia/Kathmandu"), ("a",), text="?")
        await machine.deploy(hourly)
        await machine.ask("stop", selectors=["t"], grace=1.0)
        ended = machine.clock.now()
        machine.clock.advance(65 * 60)
        await machine.until(lambda: machine.clock.now() > ended + timedelta(minutes=66), 30)
        assert machine.slots() == []
        await machine.deploy(hourly)
        up = machine.clock.now()
        machine.clock.advance(55 * 60)
        await machine.until(lambda: len(machine.slots()) == 1, 30)
        assert machine.slots()[0] >= up - PERIOD
        assert machine.slots()[0].minute == 15

    timed(story)


def test_ticks_beside_the_scheduler_take_no_slot_twice_whoever_is_killed(timed: Callable[[Story], None]) -> None:
    async def story(machine: Timed) -> None:
        await machine.deploy(save(), ask())
        told: list[str] = []
        for number in range(12):
            machine.clock.advance(PERIOD.total_seconds() * 0.7)
            for done in await asyncio.gather(*(machine.ask("tick", wait=30) for _ in range(3))):
                assert done["finished"]
                told += done["taken"]
            await machine.settle_messages()
            if number % 4 == 3:
                await machine.kill()
                await machine.start()
        taken = [
            (data["schedule"], data["at"])
            for kind in (EventType.AGENT_TICKED, EventType.AGENT_CHECKPOINTED, EventType.AGENT_NOT_CHECKPOINTED)
            for data in machine.told(kind)
        ]
        assert len(set(taken)) == len(taken) >= 10
        assert len(set(told)) == len(told) > 0
        ids = {f"t/a:{name}@{datetime.fromisoformat(at).replace(tzinfo=None).isoformat()}Z" for name, at in taken}
        assert set(told) <= ids

    timed(story)


def test_a_schedule_that_is_added_is_not_done_for_times_before_that(timed: Callable[[Story], None]) -> None:
    async def story(machine: Timed) -> None:
        await machine.deploy()
        machine.clock.advance(24 * 60 * 60)
        added = machine.clock.now()
        await machine.deploy(Schedule("ask", ScheduleKind.MESSAGE, Cron("0 * * * *"), ("a",), text="?"))
        machine.clock.advance(60 * 60)
        await machine.until(lambda: len(machine.slots()) == 1, 30)
        assert machine.slots()[0] > added

    timed(story)


def test_a_checkpoint_that_is_being_made_is_told_as_such(timed: Callable[[Story], None]) -> None:
    async def story(machine: Timed) -> None:
        await machine.deploy(save())
        await machine.until(lambda: len(machine.slots(EventType.AGENT_NOT_CHECKPOINTED)) == 1, 30)
        (lock,) = machine.home.git.glob("*/lock")
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            row, deadline = {"next": "soon"}, asyncio.get_running_loop().time() + 20
            while row["next"] is not None and asyncio.get_running_loop().time() < deadline:
                machine.clock.advance(1)  # it stands while it is asked
                (row,) = (await machine.ask("schedules"))["schedules"]
        assert "being made" in row["evidence"]

    timed(story)
