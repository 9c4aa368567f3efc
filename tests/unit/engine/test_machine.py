"""Who may be started: as many as the bounds leave room for, and why the others wait."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.agent import Agent, AgentState, Identity
from agentctl.domain.names import AgentId
from agentctl.domain.team import AgentSpec, TeamSpec
from agentctl.engine.machine import CODING_TAKES, Bounds, Refusal, Room, refusals
from agentctl.engine.reconcile import Observed, Start, decide, next_deadline
from agentctl.views.fleet import Fleet, Team

NOW = datetime(2026, 11, 29, tzinfo=UTC)
SERVER = Identity("b", 10, 1)
GIB = 2**30
NAMES = [AgentId(f"t/a{n}") for n in range(10)]


def words(room: Room, agent: AgentId = NAMES[0]) -> str:
    refusal = room.refusal(agent)
    return refusal.words if refusal is not None else ""


# --- bounds ---


@pytest.mark.parametrize(
    ("bounds", "memory", "reserve"),
    [
        (Bounds(), 8 * GIB, int(0.8 * GIB)),
        (Bounds(), 64 * GIB, 2 * GIB),
        (Bounds(reserve_share=0.25), 64 * GIB, 16 * GIB),
        (Bounds(reserve_bytes=GIB), 64 * GIB, GIB),
        (Bounds(reserve_bytes=0), 64 * GIB, 0),
    ],
)
def test_a_tenth_of_the_memory_stays_free_unless_it_is_said_otherwise(
    bounds: Bounds, memory: int, reserve: int
) -> None:
    assert bounds.reserve(memory) == reserve


def test_the_band_is_a_share_of_all_cores() -> None:
    assert Bounds().band(2) == 120
    assert Bounds(25).band(8) == 200


@pytest.mark.parametrize(("cores", "starting"), [(1, 4), (2, 4), (8, 16)])
def test_more_cores_start_more_at_once(cores: int, starting: int) -> None:
    assert Bounds().most_starting(cores) == starting
    assert Bounds(starting=1).most_starting(cores) == 1


# --- room ---


def test_by_default_there_is_room_for_all() -> None:
    assert refusals(Room(), NAMES) == {}


def test_no_more_run_than_may() -> None:
    assert words(Room(agents=8, most_agents=8)) == "8 of at most 8 agents run"
    assert words(Room(agents=7, most_agents=8)) == ""


def test_memory_stays_free() -> None:
    room = Room(left_bytes=900 * 2**20, reserve_bytes=int(1.2 * GIB))
    assert words(room) == "memory: 900MiB are left and 1.2GiB are to stay free"
    coding = Room(left_bytes=GIB, reserve_bytes=GIB - 1, coding=frozenset(NAMES[:1]))
    assert words(coding) == "memory: 1.0GiB are left and 1024MiB are to stay free, and it takes some 256MiB"
    assert words(coding, NAMES[1]) == ""


def test_what_is_not_known_of_memory_keeps_nobody_back() -> None:
    assert words(Room(left_bytes=None, reserve_bytes=GIB)) == ""


def test_coding_agents_start_a_few_at_a_time_and_plain_processes_at_once() -> None:
    room = Room(starting=4, most_starting=4, coding=frozenset(NAMES[:1]))
    assert room.refusal(NAMES[0]) == Refusal("4 coding agents are starting", passes=True)
    assert room.refusal(NAMES[1]) is None


@given(
    st.builds(
        Room,
        agents=st.integers(0, 12),
        most_agents=st.none() | st.integers(1, 12),
        starting=st.integers(0, 12),
        most_starting=st.integers(1, 12),
        left_bytes=st.none() | st.integers(0, 4 * GIB),
        reserve_bytes=st.just(GIB),
        coding=st.frozensets(st.sampled_from(NAMES)),
    )
)
def test_whoever_is_let_in_leaves_the_bounds_whole(room: Room) -> None:
    kept = refusals(room, NAMES)
    admitted = [name for name in NAMES if name not in kept]
    coding = sum(name in room.coding for name in admitted)
    assert room.most_agents is None or not admitted or room.agents + len(admitted) <= room.most_agents
    assert room.most_starting is None or not coding or room.starting + coding <= room.most_starting
    assert room.left_bytes is None or not admitted or room.left_bytes - CODING_TAKES * coding >= GIB


# --- in the loop ---


def fleet(*agents: tuple[str, int, int], state: AgentState = AgentState.PENDING, **facts: object) -> Fleet:
    """Return a fleet of agents, each with its priority and its generation."""
    specs = tuple(
        AgentSpec("t", name, "x", "process", f"W{name}", n, "/", priority=priority)
        for n, (name, priority, _) in enumerate(agents)
    )
    known = (Agent(AgentId(f"t/{n}"), state, NOW, generation=g, **facts) for n, _, g in agents)  # type: ignore[arg-type]
    return Fleet(teams={"t": Team(TeamSpec("t", specs, "Task-t"))}, agents={one.id: one for one in known})


def started(known: Fleet, room: Room) -> set[str]:
    commands = decide(known, Observed(SERVER, {}, room=room), NOW, random.Random(1))
    return set(names(command.agent for command in commands if isinstance(command, Start)))


def names(agents: Iterable[AgentId]) -> Iterable[str]:
    return (agent.removeprefix("t/") for agent in agents)


def test_the_loop_starts_who_finds_room_and_the_most_important_first() -> None:
    known = fleet(("low", 1, 0), ("new", 5, 0), ("again", 5, 3), ("high", 9, 0))
    assert started(known, Room()) == {"low", "new", "again", "high"}
    assert started(known, Room(agents=6, most_agents=7)) == {"high"}
    assert started(known, Room(agents=6, most_agents=8)) == {"high", "again"}
    assert started(known, Room(agents=8, most_agents=8)) == set()


def test_who_is_kept_back_after_its_wait_does_not_keep_the_loop_awake() -> None:
    known = fleet(("a", 5, 1), state=AgentState.BACKOFF, retry_at=NOW - timedelta(seconds=1))
    full = Room(agents=8, most_agents=8)
    assert started(known, full) == set()
    assert next_deadline(known, Observed(SERVER, {}, room=full)) is None
    assert started(known, Room()) == {"a"}
