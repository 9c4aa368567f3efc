"""What every clock does, the machine's and the one that tests own."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from agentctl.domain.ports import Clock
from agentctl.drivers.clock import FakeClock, SystemClock


@pytest.fixture(params=[SystemClock, FakeClock])
def clock(request: pytest.FixtureRequest) -> Clock:
    made: Clock = request.param()
    return made


def test_the_moment_is_in_utc(clock: Clock) -> None:
    assert clock.now().utcoffset() == timedelta(0)


def test_a_sleep_takes_as_long_as_it_says(clock: Clock) -> None:
    before, moment = clock.monotonic(), clock.now()
    asyncio.run(clock.sleep(0.03))
    assert clock.monotonic() - before >= 0.03
    assert clock.now() - moment >= timedelta(seconds=0.029)


def test_time_does_not_go_back(clock: Clock) -> None:
    async def look() -> list[float]:
        seen = []
        for seconds in (0.001, 0, 0.002, -1, 0.001):
            seen.append(clock.monotonic())
            await clock.sleep(seconds)
        return seen

    seen = asyncio.run(look())
    assert seen == sorted(seen)


def test_an_empty_sleep_lets_others_run(clock: Clock) -> None:
    async def take_turns() -> list[str]:
        ran: list[str] = []

        async def other() -> None:
            ran.append("other")

        task = asyncio.create_task(other())
        await clock.sleep(0)
        ran.append("sleeper")
        await task
        return ran

    assert asyncio.run(take_turns()) == ["other", "sleeper"]


def test_sleepers_wake_in_the_order_of_their_deadlines(clock: Clock) -> None:
    async def sleep_all() -> list[float]:
        woken: list[float] = []

        async def sleeper(seconds: float) -> None:
            await clock.sleep(seconds)
            woken.append(seconds)

        await asyncio.gather(*(sleeper(seconds) for seconds in (0.09, 0.03, 0.06)))
        return woken

    assert asyncio.run(sleep_all()) == [0.03, 0.06, 0.09]


def test_a_cancelled_sleeper_holds_up_nobody(clock: Clock) -> None:
    async def cancel_one() -> float:
        before = clock.monotonic()
        given_up = asyncio.create_task(clock.sleep(0.01))
        await clock.sleep(0)
        given_up.cancel()
        await clock.sleep(0.05)
        return clock.monotonic() - before

    assert 0.05 <= asyncio.run(cancel_one()) < 5


def test_the_fake_sleeps_a_day_at_once_and_to_the_moment() -> None:
    clock, begun = FakeClock(datetime(2031, 5, 1, tzinfo=UTC)), time.monotonic()
    asyncio.run(clock.sleep(86_400))
    assert clock.now() == datetime(2031, 5, 2, tzinfo=UTC)
    assert time.monotonic() - begun < 5


def test_the_fake_stands_still_while_anything_is_at_work() -> None:
    clock = FakeClock()

    async def work() -> float:
        async def sleep_long() -> None:
            await clock.sleep(100)

        async def hand_over() -> float:
            queue: asyncio.Queue[int] = asyncio.Queue()
            for number in range(10):
                await queue.put(number)
                await asyncio.sleep(0)
                await queue.get()
            return clock.monotonic()

        sleeping = asyncio.create_task(sleep_long())
        seen = await hand_over()
        await sleeping
        return seen

    assert asyncio.run(work()) == 0
    assert clock.monotonic() == 100


def test_a_fake_that_does_not_jump_moves_only_when_told() -> None:
    clock = FakeClock(jumps=False)

    async def drive() -> list[tuple[float, float]]:
        woken: list[tuple[float, float]] = []

        async def sleeper(seconds: float) -> None:
            await clock.sleep(seconds)
            woken.append((seconds, clock.monotonic()))

        tasks = [asyncio.create_task(sleeper(seconds)) for seconds in (3, 1)]
        for _ in range(100):
            await asyncio.sleep(0)
        assert woken == []
        clock.advance(2)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert woken == [(1, 2)]
        clock.advance(1)
        await asyncio.gather(*tasks)
        return woken

    assert asyncio.run(drive()) == [(1, 2), (3, 3)]
