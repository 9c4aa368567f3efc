"""What an agent does, weighed from signals and screens: what beats what, and how long it has to wait."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agentctl.domain.agent import Activity, Ask, AskKind, Phase
from agentctl.domain.evidence import Looked, Meaning, Sight, Sign, Verdict
from agentctl.engine.verdict import judge, next_verdict, speaks

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
ASK = Ask("a1", AskKind.PERMISSION, "Run rm?", ("Yes", "No"))
IDLE = Sight(Activity.IDLE, "composer", "> ", composer=True)
WORKING = Sight(Activity.WORKING, "working", "esc to interrupt", composer=True)
TOOL_RUNS = Sight(Activity.WORKING, "tool", "Running…", Phase.EXECUTING, composer=True)
ASKS = Sight(Activity.WAITING, "permission", "Do you want to run rm?", ask=ASK)
VIEWER = Sight(None, "transcript", "Showing detailed transcript")
STRANGE = Sight(None)
BARE = replace(IDLE, composer=False)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def sign(meaning: Meaning, seconds: float, kind: str = "Hook", text: str = "", *, working: bool = False) -> Sign:
    return Sign(meaning, at(seconds), kind, text, working=working)


def looked(
    sight: Sight, since: float, drawn: float | None = None, last: float | None = None, asked: float | None = None
) -> Looked:
    drawn = since if drawn is None else drawn
    last = drawn if last is None else last
    return Looked(sight, at(last), at(since), at(drawn), at(asked) if asked is not None else None)


def weigh(sign: Sign | None, seen: Looked | None, now: float, *, typed: float | None = None, **more) -> Verdict | None:
    last_input = at(typed) if typed is not None else None
    return judge(sign, seen, last_input, at(now), own_signals=more.pop("own_signals", True), **more)


def told(verdict: Verdict | None) -> tuple[Activity, str] | None:
    return (verdict.activity, verdict.source) if verdict is not None else None


HOOK_IDLE, HOOK_WORKS, HOOK_WAITS = (
    (Activity.IDLE, "hook"), (Activity.WORKING, "hook"), (Activity.WAITING, "hook"),
)  # fmt: skip
SEEN_IDLE, SEEN_WORKS, SEEN_WAITS = (
    (Activity.IDLE, "screen"), (Activity.WORKING, "screen"), (Activity.WAITING, "screen"),
)  # fmt: skip

TABLE = {
    # what: (sign, screen, now, typed at) -> verdict
    "nothing is known": (None, None, 5, None, None),
    # --- blockers ---
    "a blocker counts at once": (None, looked(ASKS, 5), 5, None, SEEN_WAITS),
    "a blocker beats a signal of work": (sign(Meaning.TOOL, 9), looked(ASKS, 5), 10, None, SEEN_WAITS),
    "a blocker beats the end of a turn": (sign(Meaning.TURN_END, 9), looked(ASKS, 5), 10, None, SEEN_WAITS),
    "a blocker stands until it is looked at again": (None, looked(ASKS, 5), 20, 8, SEEN_WAITS),
    # --- signals ---
    "a prompt is work": (sign(Meaning.PROMPT, 1), None, 100, None, HOOK_WORKS),
    "a prompt is work on an idle screen": (sign(Meaning.PROMPT, 1), looked(IDLE, -60), 2, None, HOOK_WORKS),
    "the end of a turn is idle": (sign(Meaning.TURN_END, 1), looked(WORKING, 0), 1, None, HOOK_IDLE),
    "an error is idle": (sign(Meaning.ERROR, 1), None, 1, None, HOOK_IDLE),
    "a question without a screen stands": (sign(Meaning.ASKING, 1), None, 60, None, HOOK_WAITS),
    "a question stands on a strange screen": (sign(Meaning.ASKING, 1), looked(STRANGE, 2), 60, None, HOOK_WAITS),
    "background work is work": (sign(Meaning.TURN_END, 1, working=True), looked(IDLE, 2), 60, None, HOOK_WORKS),
    "but not for ever": (sign(Meaning.TURN_END, 1, working=True), looked(IDLE, 2), 602, None, SEEN_IDLE),
    "the beginning of a conversation says nothing": (sign(Meaning.SESSION, 1), None, 60, None, None),
    "the end of a program says nothing": (sign(Meaning.END, 1), None, 60, None, None),
    "a viewer says nothing against a signal": (sign(Meaning.PROMPT, 1), looked(VIEWER, 2), 60, None, HOOK_WORKS),
    # --- the screen against a signal ---
    "an idle screen needs three seconds": (sign(Meaning.PROMPT, 1), looked(IDLE, 2), 4.9, None, HOOK_WORKS),
    "an interrupt shows on the screen alone": (sign(Meaning.PROMPT, 1), looked(IDLE, 2), 5, None, SEEN_IDLE),
    "the three seconds begin with the signal": (sign(Meaning.TOOL, 10), looked(IDLE, 2, 11), 12.9, None, HOOK_WORKS),
    "a screen from before the signal is old": (sign(Meaning.PROMPT, 5), looked(IDLE, 1, 4), 10, None, HOOK_WORKS),
    "a screen that stands still does not work": (sign(Meaning.PROMPT, 5), looked(IDLE, 1, 4), 15, None, SEEN_IDLE),
    "idle without a composer is doubtful": (sign(Meaning.PROMPT, 1), looked(BARE, 2), 9, None, HOOK_WORKS),
    "it works on after its turn": (sign(Meaning.TURN_END, 1), looked(WORKING, 2), 4, None, SEEN_WORKS),
    "its last picture may stay a while": (sign(Meaning.TURN_END, 1), looked(WORKING, 0, 1.1), 2.9, None, HOOK_IDLE),
    "a picture from before the end is old": (sign(Meaning.TURN_END, 5), looked(WORKING, 1, 4), 60, None, HOOK_IDLE),
    "a question that nobody sees was answered": (sign(Meaning.ASKING, 1), looked(WORKING, 0, 2), 3, None, SEEN_WORKS),
    "a question may come late to the screen": (sign(Meaning.ASKING, 1), looked(WORKING, 0, 2), 2.9, None, HOOK_WAITS),
    "a question that came and went was answered": (
        sign(Meaning.ASKING, 1), looked(WORKING, 2, asked=1.5), 2, None, SEEN_WORKS
    ),
    "the question before it was another": (
        sign(Meaning.ASKING, 1), looked(WORKING, 0, 2, asked=0.5), 2.9, None, HOOK_WAITS
    ),
    "a question that was refused leaves it idle": (sign(Meaning.ASKING, 1), looked(IDLE, 2), 4, None, SEEN_IDLE),
    # --- our input ---
    "a signal from before our input is old": (sign(Meaning.TURN_END, 1), None, 20, 10, None),
    "then the screen tells": (sign(Meaning.TURN_END, 1), looked(WORKING, 11), 11, 10, SEEN_WORKS),
    "a signal after our input counts": (sign(Meaning.PROMPT, 10.1), looked(IDLE, 0, 9), 11, 10, HOOK_WORKS),
    "what we typed has not sunk in": (sign(Meaning.TURN_END, 1), looked(IDLE, 1, 10.5), 12.9, 10, None),
    "what we typed began nothing": (sign(Meaning.TURN_END, 1), looked(IDLE, 1, 10.5), 13, 10, SEEN_IDLE),
    "what we typed has not even been drawn": (sign(Meaning.TURN_END, 1), looked(IDLE, 1, 9, 11), 19.9, 10, None),
    "a screen looked at before our input is old": (None, looked(WORKING, 1, 9), 11, 10, None),
    # --- the screen alone ---
    "a screen that works counts at once": (None, looked(WORKING, 1), 1, None, SEEN_WORKS),
    "a screen is idle after a second": (None, looked(IDLE, 1), 1.9, None, None),
    "and then it is": (None, looked(IDLE, 1), 2, None, SEEN_IDLE),
    "drawing does not begin the second anew": (None, looked(IDLE, 1, 1.9), 2, None, SEEN_IDLE),
    "a screen that no rule knows says nothing": (None, looked(STRANGE, 1), 60, None, None),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE)
def test_the_table(case) -> None:
    said, seen, now, typed, expected = case
    assert told(weigh(said, seen, now, typed=typed)) == expected


@pytest.mark.parametrize("meaning", [Meaning.TOOL, Meaning.ASKING])
@pytest.mark.parametrize("typed", [None, 10.0])
def test_a_tool_runs_on_when_its_question_was_answered(meaning: Meaning, typed: float | None) -> None:
    seen = looked(WORKING, 11, asked=5)
    verdict = weigh(sign(meaning, 4), seen, 12, typed=typed, said=Activity.WAITING, phase=Phase.EXECUTING)
    assert verdict is not None
    assert (verdict.activity, verdict.phase) == (Activity.WORKING, Phase.EXECUTING)


def test_a_question_of_no_tool_leaves_it_reasoning() -> None:
    seen = looked(WORKING, 11, asked=5)
    verdict = weigh(sign(Meaning.ASKING, 4), seen, 12, said=Activity.WAITING, phase=Phase.REASONING)
    assert verdict is not None
    assert verdict.phase is Phase.REASONING


@pytest.mark.parametrize("over", [Meaning.TURN_END, Meaning.ERROR, Meaning.IDLE])
def test_a_tool_that_ends_after_its_turn_begins_no_work(over: Meaning) -> None:
    assert not speaks(sign(Meaning.TOOL_END, 2), sign(over, 1))
    assert speaks(sign(Meaning.TOOL_END, 2), sign(Meaning.TOOL, 1))
    assert speaks(sign(Meaning.TOOL, 2), sign(over, 1))


def test_a_program_without_signals_of_prompts_is_taken_at_its_screen_after_a_second() -> None:
    seen = looked(IDLE, 1, 10.5)
    assert weigh(None, seen, 10.9, typed=10, own_signals=False) is None
    assert told(weigh(None, seen, 11, typed=10, own_signals=False)) == SEEN_IDLE


# --- what is said with it ---


def test_evidence_names_its_source_and_no_age() -> None:
    def evidence(said, seen=None, now=1.0) -> str:
        verdict = weigh(said, seen, now)
        assert verdict is not None
        return verdict.evidence

    assert evidence(sign(Meaning.PROMPT, 1, "UserPromptSubmit", "my secret plan")) == "hook UserPromptSubmit"
    assert evidence(sign(Meaning.TURN_END, 1, "Stop", "all done")) == "hook Stop"
    assert evidence(sign(Meaning.TURN_END, 1, "Stop", working=True)) == "hook Stop, with background work"
    assert evidence(sign(Meaning.TOOL, 1, "PreToolUse", "Bash")) == "hook PreToolUse: Bash"
    assert evidence(sign(Meaning.ERROR, 1, "StopFailure", "rate\x1b[2J limit\n")) == "hook StopFailure: rate limit"
    assert evidence(None, looked(WORKING, 0)) == "screen: “esc to interrupt” (rule working)"
    assert evidence(None, looked(Sight(Activity.WORKING), 0)) == "screen"
    assert (
        evidence(sign(Meaning.PROMPT, 1, "UserPromptSubmit"), looked(IDLE, 2), 5)
        == "screen: “>” (rule composer); it was interrupted after hook UserPromptSubmit"
    )


def test_evidence_stays_short_whatever_a_program_says() -> None:
    verdict = weigh(sign(Meaning.ERROR, 1, "k" * 5000, "\u202e" + "x" * 100_000), None, 1)
    assert verdict is not None
    assert len(verdict.evidence) < 300
    assert "\u202e" not in verdict.evidence


def test_tools_are_execution_and_their_end_is_thought() -> None:
    phases = {}
    for meaning in (Meaning.PROMPT, Meaning.TOOL, Meaning.TOOL_END, Meaning.BUSY, Meaning.TURN_END):
        verdict = weigh(sign(meaning, 1), looked(TOOL_RUNS, 0), 1)
        assert verdict is not None
        phases[meaning] = verdict.phase
    assert phases == {
        Meaning.PROMPT: Phase.REASONING,
        Meaning.TOOL: Phase.EXECUTING,
        Meaning.TOOL_END: Phase.REASONING,
        Meaning.BUSY: Phase.EXECUTING,  # it says no more than that it works, so the screen tells at what
        Meaning.TURN_END: Phase.IDLE,
    }


@pytest.mark.parametrize("phase", [Phase.REASONING, Phase.EXECUTING])
def test_where_tools_are_signalled_the_screen_does_not_tell_of_them(phase: Phase) -> None:
    shown = looked(TOOL_RUNS if phase is Phase.REASONING else WORKING, 2)
    verdict = weigh(sign(Meaning.BUSY, 1), shown, 2, own_tools=True, said=Activity.WORKING, phase=phase)
    assert verdict is not None
    assert verdict.phase is phase


def test_what_is_asked_comes_with_the_waiting() -> None:
    by_screen, by_hook = weigh(None, looked(ASKS, 1), 1), weigh(sign(Meaning.ASKING, 1, text="Run rm?"), None, 1)
    assert by_screen is not None
    assert by_screen.ask == ASK
    assert by_hook is not None
    assert by_hook.ask is not None
    assert (by_hook.ask.title, by_hook.ask.kind) == ("Run rm?", AskKind.OTHER)
    again = weigh(sign(Meaning.ASKING, 2, text="Run rm?"), None, 2)
    assert again is not None
    assert again.ask == by_hook.ask


def test_a_blocker_whose_question_cannot_be_read_is_asked_all_the_same() -> None:
    verdict = weigh(None, looked(Sight(Activity.WAITING, "dialog", "Continue?"), 1), 1)
    assert verdict is not None
    assert verdict.ask is not None
    assert verdict.ask.title == "Continue?"


@pytest.mark.parametrize("meaning", Meaning)
def test_only_what_says_something_of_work_speaks(meaning: Meaning) -> None:
    assert speaks(sign(meaning, 1)) == (weigh(sign(meaning, 1), None, 1) is not None)


# --- unknown ---


def test_a_question_that_went_away_and_left_nothing_is_unknown() -> None:
    gone = looked(STRANGE, 10)
    assert weigh(None, gone, 12.9, said=Activity.WAITING) is None
    assert told(weigh(None, gone, 13, said=Activity.WAITING)) == (Activity.UNKNOWN, "")


def test_a_question_that_was_answered_and_left_nothing_is_unknown() -> None:
    asked = sign(Meaning.ASKING, 1)
    assert told(weigh(asked, None, 13, typed=10)) == (Activity.UNKNOWN, "")
    assert told(weigh(asked, looked(STRANGE, 11), 14, typed=10)) == (Activity.UNKNOWN, "")


@pytest.mark.parametrize("said", [Activity.IDLE, Activity.WORKING, Activity.UNKNOWN])
def test_unknown_never_overwrites(said: Activity) -> None:
    assert weigh(None, looked(STRANGE, 1), 600, said=said) is None


def test_a_viewer_only_hides_the_question() -> None:
    assert weigh(None, looked(VIEWER, 1), 600, said=Activity.WAITING) is None


# --- whatever comes, in whatever order ---

SIGHTS = st.sampled_from([IDLE, BARE, WORKING, TOOL_RUNS, ASKS, VIEWER, STRANGE])
MEANINGS = st.sampled_from(Meaning)
WAITS = st.sampled_from([0.0, 0.05, 0.3, 0.9, 1.0, 2.0, 3.0, 5.0, 10.0, 60.0, 700.0])
LONG_ENOUGH = 3600


@dataclass
class Known:
    """What a supervisor keeps of an agent: the last signal that speaks, the last look, our last input."""

    now: float = 0.0
    sign: Sign | None = None
    looked: Looked | None = None
    typed: float | None = None
    own_signals: bool = True
    said: Activity = Activity.UNKNOWN

    def hear(self, heard: Sign) -> None:
        self.sign = heard if speaks(heard, self.sign) else self.sign

    def see(self, sight: Sight) -> None:
        same = self.looked is not None and self.looked.sight == sight
        since = self.looked.since if same and self.looked is not None else at(self.now)
        self.looked = Looked(sight, at(self.now), since, at(self.now))

    def judge(self, later: float = 0.0) -> Verdict | None:
        return weigh(
            self.sign, self.looked, self.now + later, typed=self.typed, own_signals=self.own_signals, said=self.said
        )

    def next(self) -> datetime | None:
        typed = at(self.typed) if self.typed is not None else None
        return next_verdict(
            self.sign, self.looked, typed, at(self.now), own_signals=self.own_signals, said=self.said
        )  # fmt: skip


class AnyOrder(RuleBasedStateMachine):
    """Signs, sights, inputs and time in any order; after each the verdict is recorded as the log would."""

    def __init__(self) -> None:
        super().__init__()
        self.known = Known()

    @rule(meaning=MEANINGS, working=st.booleans())
    def a_sign_comes(self, meaning: Meaning, working: bool) -> None:
        self.known.hear(sign(meaning, self.known.now, working=working))

    @rule(sight=SIGHTS)
    def the_screen_is_drawn(self, sight: Sight) -> None:
        self.known.see(sight)

    @rule()
    def we_type(self) -> None:
        self.known.typed = self.known.now

    @rule(seconds=WAITS)
    def time_goes_by(self, seconds: float) -> None:
        self.known.now += seconds

    @rule(own=st.booleans())
    def the_program_is_another(self, own: bool) -> None:
        self.known = Known(self.known.now, own_signals=own)

    @rule()
    def it_is_recorded(self) -> None:
        verdict = self.known.judge()
        self.known.said = verdict.activity if verdict is not None else self.known.said

    @invariant()
    def a_blocker_on_the_screen_is_waiting_and_nothing_else(self) -> None:
        if self.known.looked is not None and self.known.looked.sight.activity is Activity.WAITING:
            assert told(self.known.judge()) == SEEN_WAITS

    @invariant()
    @precondition(lambda self: self.known.looked is not None and self.known.looked.sight.activity is Activity.IDLE)
    def an_idle_screen_wins_in_the_end(self) -> None:
        seen_since_input = self.known.typed is None or self.known.looked.at >= at(self.known.typed)
        if seen_since_input:
            verdict = self.known.judge(LONG_ENOUGH)
            assert verdict is not None
            assert verdict.activity is Activity.IDLE

    @invariant()
    def what_says_nothing_makes_nothing_unknown_but_a_question(self) -> None:
        verdict = self.known.judge()
        if verdict is not None and verdict.activity is Activity.UNKNOWN:
            assert self.known.said is Activity.WAITING

    @invariant()
    def idle_is_never_said_against_a_screen_that_works_on(self) -> None:
        seen = self.known.looked
        if seen is None or seen.sight.activity is not Activity.WORKING:
            return
        heard, typed = self.known.sign, self.known.typed
        after_sign = heard is None or seen.drawn > heard.at
        after_input = typed is None or seen.at >= at(typed)
        if after_sign and after_input:
            verdict = self.known.judge(2)
            assert verdict is not None
            assert verdict.activity is not Activity.IDLE

    @invariant()
    def nothing_changes_before_the_moment_that_is_named(self) -> None:
        moment, verdict = self.known.next(), self.known.judge()
        until = (moment - at(self.known.now)).total_seconds() if moment is not None else float(LONG_ENOUGH)
        for share in (0.1, 0.5, 0.9, 0.999):
            assert self.known.judge(until * share) == verdict
        if moment is not None:
            assert self.known.judge(until) != verdict


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
test_signs_and_sights_in_any_order = AnyOrder.TestCase


@given(st.lists(st.tuples(MEANINGS, WAITS), min_size=1, max_size=8))
def test_of_signals_alone_the_last_that_speaks_decides(heard: list[tuple[Meaning, float]]) -> None:
    known, spoken = Known(), None
    for meaning, wait in heard:
        known.now += wait
        news = sign(meaning, known.now)
        known.hear(news)
        spoken = news if speaks(news, spoken) else spoken
    alone = weigh(spoken, None, known.now) if spoken is not None else None
    assert known.judge() == alone


@given(SIGHTS, MEANINGS, st.floats(0, 30), st.floats(0, 30))
def test_a_signal_from_before_our_input_decides_nothing(
    sight: Sight, meaning: Meaning, drawn: float, more: float
) -> None:
    """But for a question: that it was answered is known, and nothing else."""
    seen = looked(sight, drawn)
    old, typed = sign(meaning, -1), 0.0
    with_it = weigh(old, seen, drawn + more, typed=typed, said=Activity.IDLE)
    assert with_it == weigh(None, seen, drawn + more, typed=typed, said=Activity.IDLE)
