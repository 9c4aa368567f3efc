"""Figures as every face shows them."""

from __future__ import annotations

from datetime import UTC, datetime

from agentctl.domain.names import AgentId
from agentctl.domain.resources import Level, Load, Round, Sample
from agentctl.domain.samples import Figures, Resolution
from agentctl.views.figures import figures_row, machine_row, recent_rows

AT = datetime(2030, 1, 1, tzinfo=UTC)
PM, UI = AgentId("web/pm"), AgentId("web/ui")


def seen(**cpu: float) -> Round:
    samples = tuple(
        Sample(AgentId(f"web/{name}"), share, 1.0, 2**20, "rss", 1, 0.0, 0.0, Level.WATCH)
        for name, share in cpu.items()
    )
    return Round(AT, 1.0, samples, Load(2, 150.04, 8 * 2**30, 3 * 2**30))


def test_a_row_of_figures_has_averages_and_peaks() -> None:
    row = figures_row(Figures(PM, 60, 30_000, 3_000, 412, 30_000 * 1024, 2048, 300, 50, 7), Resolution.MINUTE)
    assert row == {
        "agent": PM, "at": "1970-01-01T00:01:00+00:00", "resolution": "minute", "seconds": 30.0, "cpu_percent": 10.0,
        "cpu_percent_most": 41.2, "memory_bytes": 2**20, "memory_bytes_most": 2 * 2**20, "throttled_percent": 1.0,
        "longest_stop": 0.05, "processes": 7,
    }  # fmt: skip


def test_the_last_minute_has_a_place_for_each_round_and_nothing_where_an_agent_was_not_there() -> None:
    rows = recent_rows([seen(ui=1.0), seen(ui=2.0, pm=3.26)], [PM, UI, AgentId("web/new")])
    assert rows[PM] == {"cpu_percent": [None, 3.3], "memory_bytes": [None, 2**20]}
    assert rows[UI]["cpu_percent"] == [1.0, 2.0]
    assert rows[AgentId("web/new")]["cpu_percent"] == [None, None]
    assert recent_rows([], [PM]) == {PM: {"cpu_percent": [], "memory_bytes": []}}


def test_the_machine_is_told_with_what_all_agents_take_of_it() -> None:
    row = machine_row(seen(ui=40.0, pm=3.26), 120.0, 2**30)
    assert (row["cores"], row["cpu_percent"], row["agents_cpu_percent"]) == (2, 150.0, 43.3)
    assert (row["memory_bytes"], row["available_bytes"], row["agents_memory_bytes"]) == (2**33, 3 * 2**30, 2**21)
    assert (row["band_percent"], row["reserve_bytes"]) == (120.0, 2**30)
