"""Whole turns of real programs, replayed on their own clock: what agentctl says of them must be what was true.

Signs and sights are taken in as `agentctl.supervisor.senses` does it, screens at the pace at which tmux tells of them.
With `-s` this prints for each program how much of the time its state was right, and how late.
"""

from __future__ import annotations

import bisect
import functools
import heapq
import itertools
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agentctl.domain.agent import Activity, Phase
from agentctl.domain.evidence import Looked, Meaning, Sight, Sign, Verdict
from agentctl.domain.ports import Shown
from agentctl.drivers.tmux.drawing import AFTERWARDS
from agentctl.engine.looking import look_again
from agentctl.engine.verdict import judge, next_verdict, speaks
from agentctl.runners.manifest import load
from agentctl.runners.reading import read_screen
from agentctl.runners.runner import SHIPPED, Runner
from agentctl.runners.signs import read_signal
from tests.agents.turns import TURNS, Recording, Truth, read, truths

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
STANDS_BEFORE = 5.0
"""Seconds for which the first screen has stood when the recording begins."""
TICK = 1.0
"""Seconds between two comparisons of tmux; where in that second a change falls is chance."""
CHANCES = (0.0, 0.25, 0.5, 0.75)

EARLY = 0.5
"""Seconds by which a state may be known before it is noted: the recorder sees it a moment late."""
BY_SIGNAL = 0.25
BY_SCREEN = 0.5 + 1.5
"""Half a second for the program to draw it."""
SETTLES = 1.0
BROKEN_OFF = 0.5 + 3.0 + 1.5

RECORDINGS = sorted(TURNS.glob("*/*/*.jsonl"))


@dataclass(frozen=True)
class State:
    """What agentctl said from a moment on."""

    t: float
    activity: Activity
    phase: Phase
    evidence: str


@dataclass
class Replay:
    """What the supervisor knows of one agent while a recording is played to it."""

    runner: Runner
    recording: Recording
    chance: float
    screens: list[tuple[float, Shown]]
    sight_at: Callable[[int], Sight]
    states: list[State] = field(default_factory=lambda: [State(-STANDS_BEFORE, Activity.UNKNOWN, Phase.IDLE, "")])
    sign: Sign | None = None
    looked: Looked | None = None
    screen: int = -1
    """The number of the screen that was looked at last."""
    last_input: datetime | None = None
    session: str = ""
    turns: set[tuple[str, str]] = field(default_factory=set)
    _due: list[tuple[float, int, Callable[[float], None]]] = field(default_factory=list)
    _number: Iterator[int] = field(default_factory=itertools.count)
    _weigh_at: float = float("inf")
    _again_at: float = float("inf")

    def run(self) -> list[State]:
        """Play it all, and return what was said."""
        answering = False
        for fact in self.recording.facts:
            answering = self._plan(fact, answering=answering)
        ticks = int(self.recording.end + STANDS_BEFORE) + 1
        for tick in range(ticks):
            self._at(-STANDS_BEFORE + tick * TICK + self.chance, self._tick)
        self._at(-STANDS_BEFORE, self._look)
        while self._due:
            t, _, act = heapq.heappop(self._due)
            if t > self.recording.end:
                break
            act(t)
        return self.states

    def _plan(self, fact: dict[str, Any], *, answering: bool) -> bool:
        """Put what happened in its place; return whether the keys that follow answer a question."""
        t = float(fact["t"])
        if "signal" in fact:
            self._at(t, lambda now: self._hear(now, fact["signal"]))
        elif "typed" in fact:
            self._at(t, self._typed)
        elif fact.get("fact") == "permission-answered":
            self._at(t, self._look)
            return True
        elif "keys" in fact:
            if fact["by"] == "agentctl":
                self._at(t, self._typed if answering else self._look)
            return False
        return answering

    def _at(self, t: float, act: Callable[[float], None]) -> None:
        heapq.heappush(self._due, (t, next(self._number), act))

    # --- as the supervisor's senses ---

    def _typed(self, t: float) -> None:
        self.last_input = _moment(t)

    def _hear(self, t: float, signal: dict[str, Any]) -> None:
        sign = read_signal(self.runner, signal["kind"], signal.get("payload"), _moment(t))
        if sign is None or self._is_foreign(sign):
            return
        turn = (sign.meaning.value, sign.id)
        if sign.id and turn in self.turns and sign.meaning is Meaning.PROMPT:
            return
        self.turns.add(turn)
        if sign.meaning is Meaning.SESSION and sign.session:
            self.session = sign.session
        if speaks(sign, self.sign):
            self.sign = sign
        self._weigh(t)

    def _is_foreign(self, sign: Sign) -> bool:
        if not sign.session or not self.session or sign.session == self.session:
            return False
        return sign.meaning is not Meaning.SESSION or self.states[-1].phase is Phase.EXECUTING

    def _look(self, t: float) -> None:
        screen = max(0, bisect.bisect_right(self.screens, t, key=lambda one: one[0]) - 1)
        drawn = self.screen < 0 or self.screens[screen][1].text != self.screens[self.screen][1].text
        self.looked = look_again(self.looked, self.sight_at(screen), _moment(t), drawn=drawn)
        self.screen = screen
        self._weigh(t)

    def _tick(self, t: float) -> None:
        """Look where something was drawn since the last tick, and once more afterwards."""
        if any(t - TICK < at <= t for at, _ in self.screens):
            self._look(t)
            self._again_at = t + AFTERWARDS
            self._at(self._again_at, self._afterwards)

    def _afterwards(self, t: float) -> None:
        if t >= self._again_at:
            self._look(t)

    def _weigh(self, t: float) -> None:
        evidence, now, last = (self.sign, self.looked, self.last_input), _moment(t), self.states[-1]
        signals, tools = bool(self.runner.reports), _signals_tools(self.runner)
        said, phase = last.activity, last.phase
        verdict = judge(*evidence, now, own_signals=signals, own_tools=tools, said=said, phase=phase)
        due = next_verdict(*evidence, now, own_signals=signals, own_tools=tools, said=said, phase=phase)
        self._weigh_at = _seconds(due) if due is not None else float("inf")
        if due is not None:
            self._at(self._weigh_at, self._weigh_due)
        if verdict is not None:
            self._say(t, verdict)

    def _weigh_due(self, t: float) -> None:
        if t >= self._weigh_at:
            self._weigh(t)

    def _say(self, t: float, verdict: Verdict) -> None:
        last = self.states[-1]
        keeps = verdict.activity in {Activity.WAITING, Activity.UNKNOWN}
        phase = last.phase if keeps else verdict.phase
        if (last.activity, last.phase) != (verdict.activity, phase):
            self.states.append(State(t, verdict.activity, phase, verdict.evidence))


def _moment(t: float) -> datetime:
    return EPOCH + timedelta(seconds=t)


def _seconds(moment: datetime) -> float:
    return (moment - EPOCH).total_seconds()


# --- holding it against the truth ---


@dataclass
class Score:
    """How a program was judged."""

    seconds: float = 0.0
    right: float = 0.0
    late: list[float] = field(default_factory=list)
    """By change of the truth: seconds until it was said."""
    faults: list[str] = field(default_factory=list)

    def add(self, other: Score) -> None:
        self.seconds += other.seconds
        self.right += other.right
        self.late += other.late
        self.faults += other.faults


def score(runner: Runner, recording: Recording, states: list[State]) -> Score:
    """Hold what was said against what was true."""
    found, changes = Score(), truths(recording)
    for before, truth, following in zip([None, *changes], changes, [*changes[1:], None], strict=False):
        if not truth.activities:
            continue
        end = following.t if following is not None else recording.end
        begins = -1.0 if truth.t == 0.0 else truth.t
        found.seconds += end - begins
        found.right += _length(states, begins, end, lambda state, truth=truth: state.activity in truth.activities)
        by, until = _deadline(runner, recording, truth, before, end), end
        if following is not None and following.activities != truth.activities:
            until = end - EARLY
        if by < until or truth.t == 0.0:
            found.faults += _faults(runner, recording, truth, states, (by, until))
        if truth.t > 0.0 and by < until:
            found.late.append(_latency(states, truth, end))
    return found


def _deadline(runner: Runner, recording: Recording, truth: Truth, before: Truth | None, end: float) -> float:
    """Return by when it has to be said: soon after the signal that says it, later where only the screen does.

    What was asked is gone only when the screen says so, whatever is signalled.
    """
    if before is None:
        return -1.0
    by = truth.t + (BROKEN_OFF if truth.broken_off else BY_SCREEN + SETTLES * (Activity.IDLE in truth.activities))
    if before.why.startswith("permission") or truth.why == "permission-answered":
        return by
    for fact in recording.facts:
        if "signal" in fact and truth.t - EARLY <= fact["t"] < min(by, end):
            sign = read_signal(runner, fact["signal"]["kind"], fact["signal"].get("payload"), EPOCH)
            verdict = judge(sign, None, None, EPOCH, own_signals=True) if sign is not None else None
            if verdict is not None and verdict.activity in truth.activities and _fits(runner, truth, verdict.phase):
                return min(by, max(truth.t, float(fact["t"])) + BY_SIGNAL)
    return by


def _faults(
    runner: Runner, recording: Recording, truth: Truth, states: list[State], span: tuple[float, float]
) -> Iterator[str]:
    wanted = " or ".join(sorted(truth.activities)) + (f" {truth.phase}" if truth.phase else "")
    for state, end in _spans(states, *span):
        if state.activity not in truth.activities or not _fits(runner, truth, state.phase):
            said = f"it said {state.activity} {state.phase} ({state.evidence})"
            true = f"true was {wanted} since {truth.t:.2f} s ({truth.why})"
            yield f"{recording.program} {recording.turn}: {max(span[0], state.t):.2f} to {end:.2f} s {said}, {true}"


def _fits(runner: Runner, truth: Truth, phase: Phase) -> bool:
    return truth.phase is None or truth.phase is phase or not _knows_phases(runner)


def _knows_phases(runner: Runner) -> bool:
    """Tell whether the program says or shows anything of its tools."""
    return _signals_tools(runner) or any(rule.phase == "executing" for rule in runner.rules)


def _signals_tools(runner: Runner) -> bool:
    return any(report.means is Meaning.TOOL for report in runner.reports.values())


def _latency(states: list[State], truth: Truth, end: float) -> float:
    right = (s.t for s, until in _spans(states, truth.t, end) if s.activity in truth.activities and until > truth.t)
    return max(0.0, next(right, end) - truth.t)


def _spans(states: list[State], begin: float, end: float) -> Iterator[tuple[State, float]]:
    """Yield what was said between two moments, each with its end there."""
    for state, following in itertools.pairwise([*states, None]):
        until = following.t if following is not None else end
        if state is not None and state.t < end and until > begin:
            yield state, min(until, end)


def _length(states: list[State], begin: float, end: float, holds: Callable[[State], bool]) -> float:
    return sum(until - max(state.t, begin) for state, until in _spans(states, begin, end) if holds(state))


# --- the tests ---


@functools.cache
def _runner(program: str) -> Runner:
    return load(SHIPPED / f"{program}.toml", checks_patterns=False)


@functools.cache
def play(path: Path) -> Score:
    """Replay the recording, with each chance of when tmux compares."""
    recording = read(path)
    runner, screens, total = _runner(recording.program), recording.screens(), Score()

    @functools.cache
    def sight_at(number: int) -> Sight:
        return read_screen(runner, screens[number][1], now=EPOCH)

    for chance in CHANCES:
        states = Replay(runner, recording, chance, screens, sight_at).run()
        total.add(score(runner, recording, states))
    return total


def _id(path: Path) -> str:
    return "-".join(path.relative_to(TURNS).with_suffix("").parts)


@pytest.mark.parametrize("path", RECORDINGS, ids=_id)
def test_what_is_said_of_a_recorded_turn_is_what_was_true(path: Path) -> None:
    assert play(path).faults == []


@pytest.mark.parametrize("program", sorted({path.parts[-3] for path in RECORDINGS}))
def test_a_program_is_judged_rightly_most_of_the_time(program: str) -> None:
    total = Score()
    for path in RECORDINGS:
        if path.parts[-3] == program:
            total.add(play(path))
    share = total.right / total.seconds
    cuts = statistics.quantiles(total.late, n=20)
    print(f"{program}: right {share:.1%} of the time; late p50 {cuts[9]:.2f} s, p95 {cuts[18]:.2f} s")  # noqa: T201
    assert share > 0.75
