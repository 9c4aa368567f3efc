"""Short of memory: one at a time stands still, the least important first, each for a while, and never all."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctl.domain.agent import Activity
from agentctl.domain.names import AgentId
from agentctl.engine.pressure import BEGINS_AFTER, Candidate, Relief, Strain, relieve

MIB = 2**20


def one(name: str, priority: int = 5, activity: Activity = Activity.WORKING, **facts: float) -> Candidate:
    return Candidate(AgentId(name), priority, activity, int(facts.pop("memory", 100) * MIB), **facts)


PRESSED = Strain(on=True, short=1)


def paused(*candidates: Candidate, strain: Strain = PRESSED, now: float = 100.0, acted: float = -math.inf) -> list[str]:
    return list(relieve(strain, candidates, now, acted).pause)


# --- when it begins and ends ---


def after(*rounds: str, begun: Strain | None = None) -> Strain:
    """Return the strain after rounds a second apart: s short, e enough, . neither."""
    strain = begun or Strain()
    for second, kind in enumerate("".join(rounds)):
        strain = strain.after(float(second), short=kind == "s", enough=kind == "e")
    return strain


def test_it_begins_with_the_third_round_in_a_row() -> None:
    assert not after("ss").on
    assert after("sss").on
    assert not after("ss.ss").on
    assert BEGINS_AFTER == 3


def test_it_ends_after_ten_seconds_of_enough_without_a_break() -> None:
    assert after("sss", "e" * 10).on
    assert not after("sss", "e" * 11).on
    assert after("sss", "eeeee.", "e" * 10).on
    assert after("sss", "." * 100).on


@given(st.text("se.", max_size=200))
def test_it_never_changes_twice_within_three_rounds(kinds: str) -> None:
    strain, changes = Strain(), []
    for second, kind in enumerate(kinds):
        before, strain = strain, strain.after(float(second), short=kind == "s", enough=kind == "e")
        changes += [second] if before.on is not strain.on else []
    assert all(b - a >= 3 for a, b in itertools.pairwise(changes))


# --- who stands still ---


def test_the_lowest_priority_first_then_who_does_nothing_then_who_takes_most() -> None:
    assert paused(one("a", 9, Activity.IDLE), one("b", 1), one("c", 5, Activity.IDLE)) == ["b"]
    assert paused(one("a"), one("b", activity=Activity.IDLE), one("c", memory=900)) == ["b"]
    assert paused(one("a"), one("c", memory=900)) == ["c"]


def test_one_at_a_time() -> None:
    assert paused(one("a"), one("b"), acted=98) == []
    assert paused(one("a"), one("b"), acted=97) == ["a"]


def test_never_the_last_one_that_runs() -> None:
    assert paused(one("a")) == []
    assert paused(one("a"), one("b", paused_for=5.0)) == []


def test_nobody_more_while_there_is_just_enough() -> None:
    assert paused(one("a"), one("b"), strain=Strain(on=True, short=0)) == []


def test_nobody_stands_still_without_need() -> None:
    assert relieve(Strain(short=2), [one("a"), one("b")], 100, -math.inf) == Relief()


def test_the_longest_paused_goes_on_first_once_it_has_eased() -> None:
    eased = Strain(enough_since=90.0)
    rows = [one("a", paused_for=20.0), one("b", paused_for=30.0), one("c")]
    assert relieve(eased, rows, 100, -math.inf).resume == ("b",)
    assert relieve(eased, rows, 100, 99).resume == ()
    assert relieve(Strain(enough_since=91.0), rows, 100, -math.inf).resume == ()


def test_after_a_minute_another_has_its_turn_to_stand_still() -> None:
    relief = relieve(PRESSED, [one("a", 1, paused_for=60.0), one("b", 9)], 100, -math.inf)
    assert relief == Relief(("a",), ("b",))


def test_who_has_just_gone_on_is_let_run_for_a_while() -> None:
    assert paused(one("a", 1, ran_for=29.0), one("b", 9)) == ["b"]
    assert paused(one("a", 1, ran_for=30.0), one("b", 9)) == ["a"]
    assert paused(one("a", 1, ran_for=29.0), one("b", 9, ran_for=1.0)) == []


# --- for a long time ---


@dataclass
class World:
    """Agents that run for as long as the pressure lasts."""

    priorities: list[int]
    since: dict[int, float] = field(default_factory=dict)
    resumed: dict[int, float] = field(default_factory=dict)
    ran: dict[int, int] = field(default_factory=dict)
    longest: float = 0.0
    fewest: int = 99
    most_at_once: int = 0

    def play(self, seconds: int) -> None:
        strain, acted = Strain(), -math.inf
        for now in range(seconds):
            strain = strain.after(now, short=True, enough=False)
            relief = relieve(strain, [self.candidate(n, now) for n in range(len(self.priorities))], now, acted)
            for name in relief.resume:
                self.longest = max(self.longest, now - self.since.pop(int(name)))
                self.resumed[int(name)] = now
            for name in relief.pause:
                self.since[int(name)] = acted = now
            self.most_at_once = max(self.most_at_once, len(relief.pause))
            self.fewest = min(self.fewest, len(self.priorities) - len(self.since))
            for n in range(len(self.priorities)):
                self.ran[n] = self.ran.get(n, 0) + (n not in self.since)

    def candidate(self, n: int, now: float) -> Candidate:
        still = now - self.since[n] if n in self.since else None
        ran_for = now - self.resumed.get(n, -math.inf)
        return Candidate(AgentId(str(n)), self.priorities[n], Activity.WORKING, MIB, still, ran_for)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=12))
def test_under_lasting_pressure_nobody_starves_and_somebody_always_runs(priorities: list[int]) -> None:
    world = World(priorities)
    world.play(900)
    assert world.fewest >= 1
    assert world.longest <= 60
    assert world.most_at_once <= 1
    assert min(world.ran.values()) >= 0.3 * 900


@pytest.mark.parametrize("agents", [2, 6])
def test_under_lasting_pressure_the_most_important_run_the_most(agents: int) -> None:
    world = World(list(range(1, agents + 1)))
    world.play(900)
    assert world.ran[agents - 1] >= world.ran[0]
    assert world.ran[0] < 900
