"""The rein of one tree against a machine in numbers: moments pass when the test says so."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

from agentctl.domain.agent import Identity
from agentctl.domain.names import AgentId
from agentctl.domain.resources import Leash, Level
from agentctl.drivers.governor.bucket import BURST
from agentctl.drivers.governor.rein import Rein

TICK = 0.002


class Burner:
    """A tree on *cores* cores that spends all of them while it is *awake* and not stopped."""

    level, duty = Level.SIGNALS, True

    def __init__(self, cores: int) -> None:
        self.cores, self.used, self.awake, self.stopped = cores, 0.0, False, False

    def pass_time(self, seconds: float) -> None:
        self.used += self.cores * seconds if self.awake and not self.stopped else 0.0

    def used_seconds(self) -> float:
        return self.used

    def slow(self, share: float) -> None:
        del share
        self.stopped = True

    def let_go(self) -> None:
        self.stopped = False

    freeze, thaw, close = slow, let_go, let_go


class Wide(Burner):
    """A tree that the kernel holds, at a third more than it is told to, as one that is wider than one processor."""

    level, duty = Level.QUOTA, False
    share = math.inf

    def pass_time(self, seconds: float) -> None:
        self.used += min(float(self.cores), 1.3 * self.share) * seconds if self.awake else 0.0

    def slow(self, share: float) -> None:
        self.share = share

    def let_go(self) -> None:
        self.share = math.inf

    def throttled_seconds(self) -> float:
        return 0.0

    freeze, thaw, close = slow, let_go, let_go


def share_of(cores: int, percent: float, work: float, rest: float, kind: type[Burner] = Burner) -> float:
    """Return the percent of a core that a tree takes which works and rests by turns, stepped as the loop does."""
    burner = kind(cores)
    tree: Any = SimpleNamespace(threads=1)  # as a sleeper showed when it was looked at last
    leash = Leash(AgentId("t/a"), Identity("boot", 1, 1), cpu_percent=percent)
    rein, now = Rein(tree, burner, leash, cores, 0.0), 0.0  # type: ignore[arg-type]
    end = 40 * (work + rest)
    while now < end:
        burner.awake = now % (work + rest) >= rest
        burner.pass_time(TICK)
        now += TICK
        if rein.early <= now:  # the worst case: each step comes as early as it may
            rein.step(now)
    return 100 * burner.used / end


@pytest.mark.parametrize("cores", [1, 2, 4, 8])
@pytest.mark.parametrize("percent", [20.0, 40.0])
def test_who_rests_and_then_takes_all_cores_takes_no_more_on_average(cores: int, percent: float) -> None:
    assert share_of(cores, percent, 0.9, 6.3) <= percent * 1.08


def test_a_wide_tree_of_several_cores_is_held_to_them() -> None:
    assert share_of(16, 800.0, 1.0, 0.0, Wide) == pytest.approx(800.0, rel=0.02)


@pytest.mark.parametrize("kind", [Burner, Wide])
@pytest.mark.parametrize("cores", [1, 2])
@pytest.mark.parametrize("percent", [10.0, 20.0, 40.0, 60.0])
def test_who_always_wants_more_gets_its_limit(cores: int, percent: float, kind: type[Burner]) -> None:
    saved_up = 100 * BURST / 40  # it begins with that, and is watched for 40 s
    assert share_of(cores, percent, 1.0, 0.0, kind) == pytest.approx(percent + saved_up, rel=0.02)


def test_a_tighter_limit_holds_at_once() -> None:
    burner, tree = Burner(1), SimpleNamespace(threads=1)
    leash = Leash(AgentId("t/a"), Identity("boot", 1, 1), cpu_percent=80.0)
    rein = Rein(tree, burner, leash, 1, 0.0)  # type: ignore[arg-type]
    rein.step(0.0)
    assert rein.due > 0.2
    rein.obey(Leash(leash.agent, leash.root, cpu_percent=10.0), 0.1)
    assert rein.due <= 0.1
