"""The recorder: a minute at hand, all of it written down, and no fault of the disk that reaches anybody else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

import pytest

from agentctl.domain.errors import StoreError
from agentctl.domain.events import EventType
from agentctl.domain.names import AgentId
from agentctl.domain.resources import Level, Load, Round, Sample
from agentctl.domain.samples import Figures, Resolution
from agentctl.drivers.clock import FakeClock
from agentctl.store.memory import MemoryLog
from agentctl.store.samples_memory import MemorySamples
from agentctl.supervisor.ledger import Ledger
from agentctl.supervisor.recorder import Recorder

PM = AgentId("web/pm")


class Fickle(MemorySamples):
    """A store that can be told to fail; counts what it was asked to write, and stays open when a process ends."""

    def __init__(self) -> None:
        super().__init__()
        self.fault: Exception | None = None
        self.writes = 0
        self.closings = 0

    def append(self, rows: Sequence[Figures]) -> None:
        self.writes += 1
        if self.fault is not None:
            raise self.fault
        super().append(rows)

    def close(self) -> None:
        self.closings += 1


class Bench:
    """A recorder on a clock of the test's own."""

    def __init__(self) -> None:
        self.clock = FakeClock(jumps=False)
        self.log = MemoryLog(host="here", clock=self.clock.now)
        self.store = Fickle()
        self.start()

    def start(self) -> None:
        self.recorder = Recorder(self.store, self.clock, Ledger(self.log))

    def pass_seconds(self, count: int, cpu: float = 50.0) -> None:
        """Let rounds come, one a second."""
        for _ in range(count):
            self.clock.advance(1.0)
            sample = Sample(PM, cpu, 1.0, 2**20, "rss", 1, 0.0, 0.0, Level.WATCH)
            self.recorder.take(Round(self.clock.now(), 1.0, (sample,), Load(2, 100.0, 2**33, 2**32)))

    def write(self) -> None:
        asyncio.run(self.recorder._write_apart())

    def read(self, resolution: Resolution = Resolution.SECOND) -> list[Figures]:
        """Return all rows, as a request does."""
        return asyncio.run(self.recorder.read([PM], 0, 2**40, resolution))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_last_minute_is_at_hand(bench: Bench) -> None:
    assert (bench.recorder.last(), bench.recorder.recent()) == (None, [])
    bench.pass_seconds(70)
    recent = bench.recorder.recent()
    assert len(recent) == 60
    assert recent[-1] is bench.recorder.last()
    assert recent[-1].at - recent[0].at == timedelta(seconds=59)
    assert bench.recorder.recent(3) == recent[-3:]
    assert bench.recorder.recent(0) == bench.recorder.recent(-1) == []


def test_rounds_that_have_stopped_say_nothing_of_now(bench: Bench) -> None:
    bench.pass_seconds(10)
    bench.clock.advance(6)
    assert bench.recorder.last() is None
    assert len(bench.recorder.recent()) == 10
    bench.clock.advance(60)
    assert bench.recorder.recent() == []


def test_whoever_reads_gets_the_last_second_too(bench: Bench) -> None:
    bench.pass_seconds(3)
    assert len(bench.read()) == 3
    bench.pass_seconds(2)
    assert len(bench.read()) == 5
    assert sum(row.millis for row in bench.read(Resolution.HOUR)) == 5000


def test_it_writes_in_batches_by_itself_and_what_is_left_at_the_end(bench: Bench) -> None:
    async def story() -> None:
        task = asyncio.create_task(bench.recorder.run())
        for _ in range(25):
            await asyncio.sleep(0.01)
            bench.pass_seconds(1)
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(story())
    assert bench.store.writes == 2
    bench.recorder.close()
    assert bench.store.closings == 1
    assert len(bench.read()) == 25


def test_nothing_new_writes_nothing(bench: Bench) -> None:
    async def story() -> None:
        task = asyncio.create_task(bench.recorder.run())
        for _ in range(30):
            bench.clock.advance(1.0)
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(story())
    assert bench.store.writes == 0


def test_a_full_disk_is_one_warning_and_what_waits_is_written_after_it(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bench.store.fault = StoreError("the disk is full")
    for _ in range(5):
        bench.pass_seconds(10)
        bench.write()
    assert [record.message for record in caplog.records] == ["samples are not written"]
    bench.store.fault = None
    assert len(bench.read()) == 50
    assert caplog.records[-1].message == "samples are written again"
    bench.store.fault = StoreError("the disk is full")
    bench.write()
    assert caplog.records[-1].message == "samples are not written"


def test_a_disk_that_stays_full_costs_the_oldest_and_no_more_memory(bench: Bench) -> None:
    bench.store.fault = StoreError("the disk is full")
    for _ in range(7):
        bench.pass_seconds(100)
        bench.write()
    bench.store.fault = None
    rows = bench.read()
    assert len(rows) == 600
    assert rows[-1].at == int(bench.clock.now().timestamp())


def test_a_store_that_cannot_be_read_says_so(bench: Bench) -> None:
    MemorySamples.close(bench.store)
    with pytest.raises(StoreError):
        bench.read()


@pytest.mark.parametrize("cpu", [float("nan"), float("inf")])
def test_a_fault_of_ours_costs_the_batch_and_is_recorded(bench: Bench, cpu: float) -> None:
    bench.pass_seconds(1, cpu)
    bench.write()
    assert [event.type for event in bench.log.read()] == [EventType.UNIT_CRASHED]
    bench.pass_seconds(1)
    assert len(bench.read()) == 1


def test_it_ends_even_where_the_last_write_is_a_fault_of_ours(bench: Bench) -> None:
    bench.pass_seconds(1, float("nan"))
    bench.recorder.close()
    assert bench.store.closings == 1


def test_seconds_of_a_minute_that_two_supervisors_saw_are_its_sum(bench: Bench) -> None:
    bench.pass_seconds(20)
    bench.recorder.close()
    bench.start()
    bench.pass_seconds(20)
    (minute,) = bench.read(Resolution.MINUTE)
    assert minute.millis == 40_000
