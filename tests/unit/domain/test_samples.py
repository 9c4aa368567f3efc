"""From rounds to figures, and figures that add up."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.names import AgentId
from agentctl.domain.resources import Level, Load, Round, Sample
from agentctl.domain.samples import Figures, Resolution, figures, roll_up

AT = datetime(2030, 1, 1, 12, 0, 59, 999_000, tzinfo=UTC)


def sample(**facts: object) -> Sample:
    plain = {
        "cpu_percent": 48.26, "cpu_seconds": 9.0, "memory_bytes": 3 * 2**20 + 1, "memory_kind": "pss", "processes": 4,
        "throttled_percent": 12.5, "longest_stop": 0.0504, "level": Level.SIGNALS,
    }  # fmt: skip
    return Sample(AgentId("web/pm"), **(plain | facts))  # type: ignore[arg-type]


def one(seen: Round) -> Figures:
    (row,) = figures(seen)
    return row


def seen(seconds: float = 1.0, **facts: object) -> Round:
    return Round(AT, seconds, (sample(**facts),), Load(2, 100.0, 2**33, 2**32))


def test_a_round_is_a_second_in_whole_numbers() -> None:
    row = one(seen(1.004))
    assert (row.at, row.millis) == (int(AT.timestamp()), 1004)
    assert (row.cpu_millis, row.cpu_most) == (485, 483)
    assert (row.memory_most, row.memory_area) == (3 * 1024, 3 * 1024 * 1004)
    assert (row.throttled_millis, row.longest_stop, row.processes) == (126, 50, 4)
    assert abs(row.cpu_percent - 48.26) < 0.1
    assert row.cpu_percent_most == 48.3


def test_what_cannot_be_is_nought() -> None:
    row = one(seen(-1.0, cpu_percent=-3.0, memory_bytes=-5, throttled_percent=-1.0, longest_stop=-1.0, processes=-1))
    assert set(row[2:]) == {0}
    assert (row.cpu_percent, row.memory_bytes, row.throttled_percent) == (0.0, 0, 0.0)


counts = st.integers(0, 10**6)
rows = st.builds(
    Figures, st.sampled_from([AgentId("a/b"), AgentId("c/d")]), st.integers(0, 8000),
    counts, counts, counts, counts, counts, counts, counts, counts,
)  # fmt: skip


@given(st.lists(rows, max_size=30), st.randoms(use_true_random=False))
def test_rows_add_up_to_the_same_in_any_order_and_by_way_of_minutes(given_rows: list[Figures], rng) -> None:
    hours = sorted(roll_up(given_rows, Resolution.HOUR))
    rng.shuffle(given_rows)
    assert sorted(roll_up(given_rows, Resolution.HOUR)) == hours
    assert sorted(roll_up(roll_up(given_rows, Resolution.MINUTE), Resolution.HOUR)) == hours


def test_the_longest_are_kept_the_longest_time() -> None:
    kept = [resolution.keeps for resolution in Resolution]
    assert kept == sorted(kept)
    assert [resolution.seconds for resolution in Resolution] == [1, 60, 3600]
