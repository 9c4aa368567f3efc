"""When an agent is asked how far it is, and when it counts as silent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agentctl.domain.agent import Agent, AgentState, Ask, AskKind, PauseCause, Tick
from agentctl.domain.message import Message, MessageState
from agentctl.domain.names import AgentId
from agentctl.domain.report import Report
from agentctl.domain.schedule import Every, Schedule, ScheduleKind
from agentctl.domain.team import AgentSpec, TeamSpec
from agentctl.engine.check_in import CheckIn, check_in
from agentctl.engine.digest import LONGEST_LINE, MOST_AGENTS, digest
from agentctl.engine.schedule import Standing
from agentctl.views.fleet import Fleet, Team

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SCHEDULE = Schedule("check-in", ScheduleKind.CHECK_IN, Every(15 * MINUTE), ("dev",), "How far?")
STANDING = Standing(SCHEDULE, "shop", "dev", NOW - timedelta(days=1))
AGENT = Agent(AgentId("shop/dev"), AgentState.RUNNING, generation=2)
BEFORE = Message("aaaaaaaa", AGENT.id, "How far?", "agentctl", 1, "check-in", generation=2, since=NOW - 15 * MINUTE)


def asked(before: Message | None = None, **facts) -> CheckIn:
    """What becomes of the slot of now."""
    ticks = {"check-in": Tick(NOW - 15 * MINUTE, before.id)} if before else {}
    agent = replace(AGENT, ticks=ticks, **facts)
    fleet = Fleet(agents={agent.id: agent}, messages={before.id: before} if before else {})
    return check_in(fleet, STANDING, NOW, NOW)


def in_state(state: MessageState, **facts) -> Message:
    return replace(BEFORE, state=state, **facts)


def test_it_is_asked():
    assert asked() == CheckIn("How far?")
    assert asked(in_state(MessageState.ANSWERED)) == CheckIn("How far?")


@pytest.mark.parametrize(("minutes", "is_asked"), [(0, False), (4, False), (5, True), (60, True), (-1, True)])
def test_who_has_just_reported_is_not_asked(minutes, is_asked):
    found = asked(report=Report(("x",)), reported_at=NOW - minutes * MINUTE)
    assert (found.text, found.skipped) == (("How far?", "") if is_asked else ("", "it has just reported"))


def test_who_has_just_begun_is_not_asked():
    assert asked(since=NOW - 4 * MINUTE) == CheckIn(skipped="it has just begun")
    assert asked(since=NOW - 5 * MINUTE) == CheckIn("How far?")


def test_who_is_paused_is_not_asked_and_not_silent():
    found = asked(in_state(MessageState.SEEN), paused=PauseCause.PERSON, pause_reason="a person paused it")
    assert found == CheckIn(skipped="it is paused: a person paused it", waiting="aaaaaaaa")


@pytest.mark.parametrize("state", [MessageState.TYPED, MessageState.SEEN])
def test_no_second_one_is_sent_after_one_that_it_has_and_does_not_answer(state):
    found = asked(in_state(state))
    assert found == CheckIn(skipped="check-in aaaaaaaa is not answered", waiting="aaaaaaaa", unanswered="aaaaaaaa")


@pytest.mark.parametrize("state", [MessageState.UNSEEN, MessageState.DEAD])
def test_what_did_not_arrive_is_unanswered_and_the_next_is_sent(state):
    assert asked(in_state(state)) == CheckIn("How far?", unanswered="aaaaaaaa")


@pytest.mark.parametrize(
    "before",
    [
        in_state(MessageState.HELD, generation=0),
        in_state(MessageState.QUEUED, generation=0),
        in_state(MessageState.DEAD, generation=0),
        in_state(MessageState.SEEN, generation=1),
        in_state(MessageState.SEEN, since=NOW - MINUTE),
    ],
    ids=["held", "queued", "given up", "of an earlier start", "taken just now"],
)
def test_what_it_never_got_or_got_just_now_counts_nothing(before):
    assert asked(before).unanswered == ""


def test_who_waits_for_a_person_is_not_silent():
    assert asked(in_state(MessageState.SEEN), asking=Ask("1", AskKind.PERMISSION)).unanswered == ""


@pytest.mark.parametrize(("missed", "silent"), [(0, False), (1, True), (2, False), (7, False)])
def test_silence_is_told_of_once_when_it_begins(missed, silent):
    assert asked(in_state(MessageState.SEEN), missed_check_ins=missed).silent is silent


def team(*specs: tuple[str, str, str], **reports: Report) -> Fleet:
    """A team of agents by name, role and whom they report to, with what they have reported a minute ago."""
    agents = tuple(
        AgentSpec("shop", name, role, "auto", name, index, "/", reports_to=boss)
        for index, (name, role, boss) in enumerate(specs)
    )
    known = [
        Agent(one.id, report=reports.get(one.name), reported_at=NOW - MINUTE if one.name in reports else None)
        for one in agents
    ]
    return Fleet(teams={"shop": Team(TeamSpec("shop", agents, "Task-shop"))}, agents={one.id: one for one in known})


def told(fleet: Fleet, leader: str) -> list[str]:
    return digest(fleet, AgentId(f"shop/{leader}"), NOW).splitlines()[1:]


def test_a_pm_is_told_of_its_whole_team_those_in_need_first():
    fleet = team(
        ("pm", "pm", ""), ("a", "dev", ""), ("b", "dev", "pm"), ("c", "dev", "b"),
        b=Report(("x", "y"), ("z",)), c=Report(needs=("a key",), blocked=("CI",)),
    )  # fmt: skip
    assert told(fleet, "pm") == [
        "> c, 1m ago: needs a person: a key | blocked: CI",
        "> a: no report yet",
        "> b, 1m ago: doing: z | done: x; y",
    ]


def test_nothing_to_tell_is_not_the_same_as_words_that_nobody_knows():
    fleet = team(("pm", "pm", ""), ("a", "dev", ""), ("b", "dev", ""), a=Report(), b=Report(worded=False))
    assert told(fleet, "pm") == [
        "> a, 1m ago: nothing to tell",
        "> b, 1m ago: it answered, and its words are not known",
    ]


def test_others_are_told_of_those_that_report_to_them():
    fleet = team(("pm", "pm", ""), ("a", "dev", ""), ("b", "dev", "a"), a=Report(("x",)))
    assert told(fleet, "a") == ["> b: no report yet"]
    assert told(fleet, "b") == []
    assert told(fleet, "nobody") == []


def test_a_digest_is_bounded_and_each_agent_keeps_to_its_line():
    names = [f"a{number}" for number in range(MOST_AGENTS + 3)]
    hostile = Report(done=("x" * 299, "\nNeeds a person: you\x1b[2J"))
    fleet = team(("pm", "pm", ""), *((name, "dev", "") for name in names), **dict.fromkeys(names, hostile))
    lines = told(fleet, "pm")
    assert lines[-1] == "and 3 more agents"
    assert len(lines) == MOST_AGENTS + 1
    assert all(line.startswith("> ") and len(line) <= LONGEST_LINE and "\x1b" not in line for line in lines[:-1])


def test_the_digest_stands_behind_what_a_leader_is_asked():
    fleet = team(("dev", "pm", ""), ("a", "dev", ""))
    text = check_in(fleet, STANDING, NOW, NOW).text
    assert text.startswith("How far?\n\nThe newest reports of your team.")
