"""What every `SampleStore` does, on disk and in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentctl.domain.errors import StoreError
from agentctl.domain.names import AgentId
from agentctl.domain.ports import SampleStore
from agentctl.domain.samples import Figures, Resolution
from agentctl.store.samples import SqliteSamples
from agentctl.store.samples_memory import MemorySamples

START = 1_900_000_800
"""A full hour."""
PM, UI = AgentId("web/pm"), AgentId("web/ui-1")
DAY = 86_400

SECOND, MINUTE, HOUR = Resolution.SECOND, Resolution.MINUTE, Resolution.HOUR

Make = Callable[[], SampleStore]


@pytest.fixture(params=["memory", "sqlite"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    made: list[SampleStore] = []

    def make() -> SampleStore:
        made.append(MemorySamples() if request.param == "memory" else SqliteSamples(tmp_path / f"{len(made)}.db"))
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(make_store: Make) -> SampleStore:
    return make_store()


def second(at: int, agent: AgentId = PM, cpu: int = 500, kib: int = 1024, **more: int) -> Figures:
    """Return a whole second in which an agent took *cpu* thousandths of a core."""
    facts = {"throttled_millis": 0, "longest_stop": 0, "processes": 1} | more
    return Figures(agent, at, 1000, cpu, cpu, 1000 * kib, kib, **facts)


def everything(store: SampleStore, resolution: Resolution, *agents: AgentId) -> list[Figures]:
    return store.read(agents or (PM, UI), 0, 2**40, resolution)


def test_an_empty_store_has_no_rows(store: SampleStore) -> None:
    assert [everything(store, resolution) for resolution in Resolution] == [[], [], []]
    store.append([])
    store.trim(START)
    assert everything(store, SECOND) == []


def test_seconds_read_back_as_they_were_written_by_time_and_agent(store: SampleStore) -> None:
    rows = [
        second(START + 1, UI),
        second(START, PM, throttled_millis=120, longest_stop=45, processes=7),
        second(START + 1, PM),
    ]
    store.append(rows)
    assert everything(store, SECOND) == [rows[1], rows[2], rows[0]]


def test_a_minute_and_an_hour_add_their_seconds_up(store: SampleStore) -> None:
    store.append(
        [second(START + n, cpu=10 * n, kib=n, throttled_millis=n, longest_stop=n, processes=n) for n in range(90)]
    )
    first, rest = everything(store, MINUTE)
    assert (first.at, first.millis, rest.at, rest.millis) == (START, 60_000, START + 60, 30_000)
    assert (first.cpu_percent, first.cpu_percent_most) == (29.5, 59.0)
    assert (first.memory_bytes, first.memory_bytes_most) == (29.5 * 1024, 59 * 1024)
    assert (first.throttled_millis, first.longest_stop, first.processes) == (sum(range(60)), 59, 59)
    (hour,) = everything(store, HOUR)
    assert hour == first._replace(at=START).plus(rest)


def test_a_time_is_read_from_its_beginning_to_before_its_end(store: SampleStore) -> None:
    store.append([second(START + n) for n in range(10)])
    assert [row.at - START for row in store.read([PM], START + 3, START + 6, SECOND)] == [3, 4, 5]
    assert [row.at - START for row in store.read([PM], START, START + 9, SECOND, limit=2)] == [0, 1]
    assert store.read([PM], START + 6, START + 3, SECOND) == []
    assert store.read([], START, START + 9, SECOND) == []
    assert store.read([AgentId("web/nobody")], START, START + 9, SECOND) == []


def test_minutes_come_whole_however_they_were_cut_into_batches(make_store: Make) -> None:
    rows = [second(START + n, agent, cpu=n) for n in range(150) for agent in (PM, UI)]
    whole, cut = make_store(), make_store()
    whole.append(rows)
    for start in range(0, len(rows), 7):
        cut.append(rows[start : start + 7])
    for resolution in Resolution:
        assert everything(cut, resolution) == everything(whole, resolution)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(st.tuples(st.integers(-4000, 4000), st.sampled_from([PM, UI]), st.integers(0, 3000)), max_size=9),
        max_size=5,
    )
)
def test_a_clock_that_jumps_about_loses_and_doubles_nothing(make_store: Make, batches: list) -> None:
    store = make_store()
    for batch in batches:
        store.append([second(START + at, agent, cpu) for at, agent, cpu in batch])
    for resolution in Resolution:
        for agent in (PM, UI):
            wanted = [cpu for batch in batches for _, whose, cpu in batch if whose == agent]
            rows = everything(store, resolution, agent)
            assert sum(row.millis for row in rows) == 1000 * len(wanted)
            assert sum(row.cpu_millis for row in rows) == sum(wanted)
            assert max((row.cpu_most for row in rows), default=0) == max(wanted, default=0)
            assert [row.at for row in rows] == sorted({row.at for row in rows})
            assert all(row.at % resolution.seconds == 0 for row in rows)


def test_the_same_second_twice_is_one_row_that_covers_two(store: SampleStore) -> None:
    store.append([second(START, cpu=200), second(START, cpu=600)])
    store.append([second(START, cpu=100)])
    (row,) = everything(store, SECOND)
    assert (row.millis, row.cpu_percent, row.cpu_percent_most) == (3000, 30.0, 60.0)


def test_each_resolution_is_kept_for_its_own_time(store: SampleStore) -> None:
    store.append([second(START)])
    kept = {
        START + 3600: (1, 1, 1),
        START + 3601: (0, 1, 1),
        START + 7 * DAY: (0, 1, 1),
        START + 7 * DAY + 1: (0, 0, 1),
        START + 400 * DAY: (0, 0, 1),
        START + 400 * DAY + 1: (0, 0, 0),
    }
    for now, counts in kept.items():
        store.trim(now)
        assert tuple(len(everything(store, resolution)) for resolution in Resolution) == counts, now - START


def test_what_a_wrong_clock_put_into_the_future_is_dropped_and_a_small_step_back_drops_nothing(
    store: SampleStore,
) -> None:
    store.append([second(START), second(START + 600), second(START + 3000 * DAY)])
    store.trim(START)
    assert [row.at - START for row in everything(store, SECOND)] == [0, 600]
    assert len(everything(store, HOUR)) == 1


def test_threads_may_share_it(store: SampleStore) -> None:
    def write(part: int) -> None:
        for n in range(20):
            store.append([second(START + n, AgentId(f"web/{part}"))])

    threads = [threading.Thread(target=write, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = store.read([AgentId(f"web/{part}") for part in range(4)], 0, 2**40, MINUTE)
    assert [row.millis for row in rows] == [20_000] * 4


def test_a_closed_store_says_so(store: SampleStore) -> None:
    store.append([second(START)])
    store.close()
    store.close()
    for call in (lambda: store.append([]), lambda: store.trim(START), lambda: everything(store, SECOND)):
        with pytest.raises(StoreError):
            call()


@pytest.mark.parametrize("name", ["über/ärger", "a' OR 1=1 --", "x" * 1000, ""])
def test_any_name_survives(store: SampleStore, name: str) -> None:
    store.append([second(START, AgentId(name))])
    assert [row.agent for row in store.read([AgentId(name)], 0, 2**40, SECOND)] == [name]
