"""Schedules come back from the log as they went in, and every slot has a name of its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.codec import decode, encode
from agentctl.domain.schedule import Cron, Every, Schedule, ScheduleKind, Slot
from agentctl.domain.team import TeamSpec

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
NAMES = st.text("az09_-", min_size=1, max_size=31)
SLOTS = st.builds(Slot, NAMES, NAMES, NAMES, st.datetimes(timezones=st.just(UTC)))


@pytest.mark.parametrize("timing", [Every(timedelta(minutes=90)), Cron("0 9 * * 1-5", "Europe/Berlin")])
def test_a_team_with_schedules_comes_back_equal(timing) -> None:
    schedule = Schedule("standup", ScheduleKind.MESSAGE, timing, ("pm", "dev"), "What is next?", timedelta(minutes=2))
    team = TeamSpec("shop", (), "Task-shop", schedules=(schedule,))
    assert decode(TeamSpec, json.loads(json.dumps(encode(team)))) == team


def test_a_log_of_before_there_were_schedules_loads() -> None:
    data = encode(TeamSpec("shop", (), "Task-shop"))
    del data["schedules"]
    assert decode(TeamSpec, data).schedules == ()


def test_a_timing_that_is_neither_is_an_error() -> None:
    data = encode(Schedule("save", ScheduleKind.COMMIT, Every(timedelta(hours=1)), ("dev",)))
    with pytest.raises(ValueError, match="needs interval"):
        decode(Schedule, {**data, "timing": {}})


def test_a_slot_is_named_by_team_agent_schedule_and_moment() -> None:
    slot = Slot("shop", "save", "dev", NOON)
    assert slot.id == "shop/dev:save@2026-11-29T12:00:00Z"
    assert slot.agent_id == "shop/dev"


def test_the_same_moment_has_the_same_name_in_every_zone() -> None:
    elsewhere = NOON.astimezone(ZoneInfo("Asia/Kathmandu"))
    assert Slot("shop", "save", "dev", elsewhere).id == Slot("shop", "save", "dev", NOON).id


@given(one=SLOTS, other=SLOTS)
def test_two_slots_never_share_a_name(one: Slot, other: Slot) -> None:
    assert (one.id == other.id) is (one == other)


@given(st.lists(st.tuples(*[st.sampled_from(["a", "a-b", "a_b", "ab"])] * 3, st.integers(0, 3)), unique=True))
def test_nor_do_slots_that_are_almost_alike(parts) -> None:
    names = {Slot(team, name, agent, NOON + n * timedelta(microseconds=1)).id for team, name, agent, n in parts}
    assert len(names) == len(parts)
