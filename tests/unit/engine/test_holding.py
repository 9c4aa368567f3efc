"""Why a message waits: never typed into a dialog, a draft, a person's keys or a dead pane, and never out of order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.agent import Activity, Agent, AgentState, Ask, AskKind, PauseCause
from agentctl.domain.evidence import Sight
from agentctl.domain.message import Message, MessageState
from agentctl.domain.names import AgentId, PaneId
from agentctl.domain.ports import Pane
from agentctl.engine.holding import Held, Reader, hold

NOW = datetime(2026, 11, 20, 12, 0, 0, 500_000, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DEV = AgentId("shop/dev")
PANE = Pane(PaneId("%1"), DEV, 3, 0, "Task-shop", "Shop-Dev", "@1", 0, 4711, False, None, False, True)
AGENT = Agent(DEV, AgentState.RUNNING, generation=3, activity=Activity.IDLE)
COMPOSER = Sight(Activity.IDLE, "composer", composer=True)
READER = Reader(AGENT, "typing", False, True, COMPOSER, PANE, 2 * SECOND, None, NOW)
MESSAGE = Message("1c9e04ab", DEV, "go on", "person")
KEYS = replace(MESSAGE, text="", keys=("Escape",))
ASK = Ask("a1", AskKind.PERMISSION, "Run rm?")
LIMIT = Ask("a2", AskKind.LIMIT, "You've hit your limit", until="7pm (Europe/Berlin)")
AT_LIMIT = Sight(Activity.WAITING, "limit", ask=LIMIT, composer=True)
KEYED = int(NOW.timestamp()) - 1


def agent(**facts) -> Reader:
    return replace(READER, agent=replace(AGENT, **facts))


def sight(**facts) -> Reader:
    return replace(READER, sight=replace(COMPOSER, **facts))


def pane(**facts) -> Reader:
    return replace(READER, pane=replace(PANE, **facts))


def before(state: MessageState, generation: int = 3) -> Reader:
    return replace(READER, unproven=Message("0000beef", DEV, "first", "person", state=state, generation=generation))


def reason(message: Message, reader: Reader) -> str:
    held = hold(message, reader)
    return held.reason if held is not None else ""


# reader -> (why a message waits, whether raw keys wait too)
HELD = {
    "pending": (agent(state=AgentState.PENDING), "it is not running: pending", True),
    "ended": (agent(state=AgentState.EXITED), "it is not running: exited", True),
    "stopping": (agent(state=AgentState.STOPPING), "it is not running: stopping", True),
    "starting": (agent(state=AgentState.STARTING), "it is not ready", True),
    "paused": (agent(paused=PauseCause.BUDGET, pause_reason="its budget of 1 USD is used up"),
               "it is paused: its budget of 1 USD is used up", False),
    "paused, no word why": (agent(paused=PauseCause.PERSON), "it is paused: person", False),
    "takes nothing": (replace(READER, taking="none"), "its program takes no messages", False),
    "out of sight": (replace(READER, pane=None), "tmux does not show its window now", True),
    "dead": (pane(dead=True), "its window shows no program that runs", True),
    "another generation": (pane(generation=2), "its window shows no program that runs", True),
    "copy mode": (pane(mode=True), "its window is in copy mode", True),
    "a person types": (pane(watched=True, keyed=KEYED), "a person types there", True),
    "asks": (sight(activity=Activity.WAITING, ask=ASK), "it asks: Run rm?", False),
    "asks, as signals say": (agent(activity=Activity.WAITING, asking=ASK), "it asks: Run rm?", False),
    "asks something": (sight(activity=Activity.WAITING), "it asks: see its window", False),
    "limit": (replace(agent(activity=Activity.WAITING, asking=LIMIT), sight=AT_LIMIT),
              "its provider takes no more for now, until 7pm (Europe/Berlin)", False),
    "order": (before(MessageState.TYPED), "nothing has shown so far that it took message 0000beef", False),
    "order, told": (before(MessageState.UNSEEN), "message 0000beef was typed and never seen: a person has to look",
                    False),
    "draft": (sight(draft="dont del"), "an unsent text stands in its composer", False),
    "working": (agent(activity=Activity.WORKING), "it is working", False),
    "no composer": (sight(composer=False), "its composer is not to be seen", False),
    "no look": (replace(READER, sight=None), "its composer is not to be seen", False),
    "unknown": (agent(activity=Activity.UNKNOWN), "nothing tells what it does", False),
    "pulse": (replace(READER, last_operation=NOW - SECOND / 2), "its pulse leaves 2s between messages", False),
}  # fmt: skip


def test_nothing_keeps_a_message_from_an_idle_agent() -> None:
    assert hold(MESSAGE, READER) is None
    assert hold(KEYS, READER) is None


@pytest.mark.parametrize(("reader", "why", "keys"), HELD.values(), ids=HELD)
def test_the_table(reader: Reader, why: str, keys: bool) -> None:
    assert reason(MESSAGE, reader) == why
    assert reason(KEYS, reader) == (why if keys else "")


# --- time ---


def test_what_no_event_tells_of_is_looked_at_again() -> None:
    assert hold(MESSAGE, pane(mode=True)) == Held("its window is in copy mode", SECOND)
    assert hold(MESSAGE, pane(watched=True, keyed=KEYED)) == Held("a person types there", 1.5 * SECOND)
    pulse = hold(MESSAGE, replace(READER, last_operation=NOW - SECOND / 2))
    assert pulse is not None
    assert pulse.again == 1.5 * SECOND


def test_what_an_event_tells_of_is_waited_for() -> None:
    for name in ("starting", "asks", "order", "draft", "working", "no composer", "unknown"):
        held = hold(MESSAGE, HELD[name][0])
        assert held is not None
        assert held.again is None, name


def test_a_limit_holds_until_its_reset_and_then_no_longer() -> None:
    ask = replace(LIMIT, until_at=NOW + timedelta(hours=2))
    limited = replace(agent(activity=Activity.WAITING, asking=ask), sight=replace(AT_LIMIT, ask=ask))
    held = hold(MESSAGE, limited)
    assert held is not None
    assert held.again == timedelta(hours=2)
    assert hold(MESSAGE, replace(limited, now=NOW + timedelta(hours=2))) is None


def test_a_limit_that_names_no_end_is_tried_again_after_a_while() -> None:
    limited = replace(agent(activity=Activity.WAITING, asking=replace(LIMIT, since=NOW, until="")), sight=AT_LIMIT)
    assert reason(MESSAGE, limited)
    assert hold(MESSAGE, replace(limited, now=NOW + timedelta(minutes=5))) is None


def test_a_limit_whose_dialog_is_open_is_a_question_whatever_the_time() -> None:
    dialog = replace(AT_LIMIT, composer=False)
    limited = replace(agent(activity=Activity.WAITING, asking=LIMIT), sight=dialog, now=NOW + timedelta(days=1))
    assert reason(MESSAGE, limited).startswith("it asks")


def test_a_person_who_stopped_typing_keeps_nothing_back() -> None:
    assert reason(MESSAGE, pane(watched=True, keyed=KEYED - 2)) == ""


def test_keys_pressed_where_nobody_watches_went_elsewhere() -> None:
    assert reason(MESSAGE, pane(watched=False, keyed=KEYED)) == ""


def test_a_clock_that_was_set_back_holds_nothing_for_ever() -> None:
    assert reason(MESSAGE, pane(watched=True, keyed=KEYED + 3600)) == ""
    assert reason(MESSAGE, replace(READER, last_operation=NOW + timedelta(hours=1))) == ""


def test_the_pulse_is_over_when_it_is_over() -> None:
    assert reason(MESSAGE, replace(READER, last_operation=NOW - 2 * SECOND)) == ""


# --- when, and what the program can ---

WORKS = replace(READER, agent=replace(AGENT, activity=Activity.WORKING))
QUEUES = replace(WORKS, queues=True)
UNSURE = replace(READER, agent=replace(AGENT, activity=Activity.UNKNOWN))


@pytest.mark.parametrize(
    ("when", "reader", "why"),
    [
        ("", WORKS, "it is working"),
        ("now", WORKS, "it is working"),
        ("", QUEUES, ""),
        ("now", QUEUES, ""),
        ("idle", QUEUES, "it is working"),
        ("idle", READER, ""),
        ("now", UNSURE, "nothing tells what it does"),
        ("now", replace(UNSURE, queues=True), ""),
        ("", replace(UNSURE, queues=True), "nothing tells what it does"),
        ("idle", replace(UNSURE, queues=True), "nothing tells what it does"),
        ("", replace(UNSURE, reads_screen=False, sight=None), ""),
        ("idle", replace(UNSURE, reads_screen=False, sight=None), "nothing tells what it does"),
    ],
)
def test_a_message_waits_as_its_sender_and_the_program_want(when: str, reader: Reader, why: str) -> None:
    assert reason(replace(MESSAGE, when=when), reader) == why


@pytest.mark.parametrize("activity", Activity)
def test_an_inbox_takes_what_comes_and_keeps_it(activity: Activity) -> None:
    worker = replace(before(MessageState.TYPED), taking="inbox", pane=None, sight=None)
    worker = replace(worker, agent=replace(AGENT, activity=activity))
    assert reason(MESSAGE, worker) == ""
    assert (reason(replace(MESSAGE, when="idle"), worker) == "") == (activity is Activity.IDLE)


def test_a_program_that_takes_no_messages_takes_keys_without_a_look_at_its_window() -> None:
    assert reason(KEYS, replace(READER, taking="none", pane=None)) == ""


def test_what_an_earlier_generation_never_saw_keeps_nothing_back() -> None:
    assert reason(MESSAGE, before(MessageState.UNSEEN, generation=2)) == ""


def test_what_a_program_asks_is_cleaned_and_short() -> None:
    hostile = Ask("a", AskKind.QUESTION, "{state}\x1b[2J\n" + "x" * 5000)
    said = reason(MESSAGE, sight(activity=Activity.WAITING, ask=hostile))
    assert said.startswith("it asks: {state} xxx")
    assert len(said) < 100


# --- whatever is the case ---

READERS = st.builds(
    lambda sight, activity, taking, queues, reads, mode, pane: Reader(
        replace(AGENT, activity=activity, asking=ASK if activity is Activity.WAITING else None),
        taking, queues, reads, sight, replace(PANE, mode=mode) if pane else None, SECOND, None, NOW,
    ),
    st.sampled_from([None, COMPOSER, replace(COMPOSER, draft="half"), Sight(Activity.WAITING, ask=ASK), Sight(None)]),
    st.sampled_from(Activity), st.sampled_from(["typing", "inbox", "none"]), st.booleans(), st.booleans(),
    st.booleans(), st.booleans(),
)  # fmt: skip


@given(READERS, st.sampled_from(["", "now", "idle", "raw"]))
def test_nothing_is_ever_typed_into_a_dialog_a_draft_or_copy_mode(reader: Reader, when: str) -> None:
    if hold(replace(MESSAGE, when=when), reader) is not None or reader.taking != "typing":
        return
    assert reader.pane is not None
    assert not reader.pane.mode
    assert reader.sight is None or (not reader.sight.draft and reader.sight.activity is not Activity.WAITING)
    assert reader.agent.activity is not Activity.WAITING
    assert not reader.reads_screen or (reader.sight is not None and reader.sight.composer)
