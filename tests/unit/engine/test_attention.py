"""Attention: what stands, and when a person is told of it; never twice, not too often, not at night."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.agent import Activity, Agent, AgentState, Ask, AskKind, Ending, PauseCause
from agentctl.domain.message import Message
from agentctl.domain.names import AgentId
from agentctl.domain.notice import WAYS, Notice, Told, Why, named
from agentctl.domain.quiet import parse_quiet
from agentctl.engine.attention import COOLDOWN, DWELL, TOGETHER, Habits, Known, Occasion, decide, occasions

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ALL = Notice(tuple(Why), ("bell",))
DEV, PM = AgentId("shop/dev"), AgentId("shop/pm")
SECOND = timedelta(seconds=1)


class Person:
    """A person, what they were told, and the rules that they are told by."""

    def __init__(self, *notices: Notice, quiet: str = "") -> None:
        self.habits = Habits(notices or (ALL,), quiet=parse_quiet(quiet) if quiet else None)
        self.memory: dict[AgentId, dict[str, Told]] = {}
        self.heard: list[tuple[datetime, tuple[str, ...], tuple[Occasion, ...]]] = []
        self.seen: dict[AgentId, datetime] = {}

    @property
    def known(self) -> Known:
        return Known(self.habits, lambda _: self.habits.notices, lambda a: self.memory.get(a, {}), self.seen)

    def decide(self, standing, now):
        """Decide, and remember what is told as the log does."""
        decision = decide(standing, self.known, now)
        for telling in decision.tellings:
            self.heard.append((now, telling.ways, telling.occasions))
            for one in telling.occasions:
                before = self.memory.setdefault(one.agent, {}).get(one.why)
                same = before is not None and (before.ask, before.since) == (one.ask, one.since)
                ways = ((*before.ways,) if same else ()) + telling.ways
                self.memory[one.agent][one.why] = Told(one.ask, one.since, ways, now)
        return decision

    def live(self, standing, now, until):
        """Go from look to look, as one does to whom nothing else happens; return when each thing was told."""
        while now <= until:
            decision = self.decide(standing, now)
            look = decide(standing, self.known, now).look if decision.tellings else decision.look
            if look is None:
                break
            assert look > now, "it would look again at once, for ever"
            now = look
        return [at for at, _, _ in self.heard]


def asks(agent=DEV, why=Why.QUESTION, since=NOON, ask="q1"):
    return Occasion(agent, why, since, ask, "May I?")


# --- what stands ---


@pytest.mark.parametrize(
    ("kind", "why"),
    [(AskKind.PERMISSION, Why.APPROVAL), (AskKind.TRUST, Why.APPROVAL), (AskKind.QUESTION, Why.QUESTION),
     (AskKind.LOGIN, Why.QUESTION), (AskKind.LIMIT, Why.LIMIT), (AskKind.OTHER, Why.QUESTION)],
)  # fmt: skip
def test_what_an_agent_asks_stands_while_it_lives(kind, why):
    agent = Agent(DEV, AgentState.RUNNING, asking=Ask("q1", kind, "May I?", since=NOON))
    assert occasions(agent) == [Occasion(DEV, why, NOON, "q1", "May I?")]
    assert occasions(replace(agent, state=AgentState.STOPPED)) == []


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"state": AgentState.FATAL}, Why.ERROR),
        ({"state": AgentState.EXITED, "exit_code": 3}, Why.ERROR),
        ({"state": AgentState.EXITED, "exit_code": None}, Why.ERROR),
        ({"state": AgentState.EXITED, "exit_code": 0}, Why.DONE),
        ({"state": AgentState.STOPPED, "ending": Ending.MEMORY}, Why.ERROR),
        ({"state": AgentState.STOPPED}, None),
        ({"state": AgentState.BACKOFF, "exit_code": 3}, None),
        ({"state": AgentState.RUNNING, "activity": Activity.IDLE, "turn_ended": NOON}, Why.DONE),
        ({"state": AgentState.RUNNING, "activity": Activity.IDLE}, None),
        ({"state": AgentState.RUNNING, "activity": Activity.WORKING, "turn_ended": NOON}, None),
        ({"state": AgentState.RUNNING, "paused": PauseCause.BUDGET, "paused_since": NOON}, Why.BUDGET),
        ({"state": AgentState.RUNNING, "paused": PauseCause.PERSON, "paused_since": NOON}, None),
    ],
)
def test_how_an_agent_is_stands_where_a_person_should_know(facts, why):
    assert [one.why for one in occasions(Agent(DEV, since=NOON, **facts))] == ([why] if why else [])


def test_the_last_message_that_it_wrote_to_the_person_stands():
    def mail(name: str, sender: str, at: datetime) -> Message:
        return Message(name, AgentId("person"), f"text {name}", sender, queued_at=at)

    inbox = [mail("a1", DEV, NOON), mail("b2", DEV, NOON + SECOND), mail("c3", PM, NOON)]
    agent = Agent(DEV, AgentState.RUNNING)
    assert occasions(agent, inbox) == [Occasion(DEV, Why.MESSAGE, NOON + SECOND, "b2", "text b2")]


def test_waiting_is_what_goes_on_only_with_an_answer():
    assert named(["waiting", "done"]) == (Why.APPROVAL, Why.QUESTION, Why.MESSAGE, Why.DONE)
    with pytest.raises(ValueError, match="there are: waiting, approval"):
        named(["whatever"])


# --- when ---


def test_it_is_told_once_it_has_stood_for_a_while():
    person = Person()
    decision = person.decide([asks()], NOON + 4 * SECOND)
    assert (decision.tellings, decision.look) == ((), NOON + DWELL)
    assert person.live([asks()], NOON, NOON + timedelta(days=2)) == [NOON + DWELL]


def test_an_agent_is_told_of_once_a_minute_but_for_approvals():
    person = Person()
    person.live([asks()], NOON, NOON + 10 * SECOND)
    then = NOON + 20 * SECOND
    assert person.live([asks(since=then, ask="q2")], then, NOON + timedelta(hours=1))[-1] == NOON + DWELL + COOLDOWN
    later = NOON + 70 * SECOND
    approval = asks(why=Why.APPROVAL, since=later, ask="q3")
    assert person.live([approval], later, later + timedelta(hours=1))[-1] == later + DWELL


def test_the_same_question_asked_again_is_another_occasion():
    person = Person()
    person.live([asks()], NOON, NOON + 10 * SECOND)
    again = NOON + timedelta(minutes=5)
    assert person.live([asks(since=again)], again, again + timedelta(hours=1)) == [NOON + DWELL, again + DWELL]


def test_what_comes_in_quiet_hours_is_one_digest_at_their_end_and_approvals_come_at_once():
    person = Person(quiet="22:00-07:00 UTC")
    night = datetime(2026, 6, 1, 23, 0, tzinfo=UTC)
    standing = [asks(DEV, since=night), asks(PM, Why.ERROR, night + timedelta(hours=2), "")]
    standing += [asks(AgentId("shop/ui"), Why.APPROVAL, night + timedelta(hours=1))]
    person.live([standing[0]], night, night + timedelta(hours=1) - SECOND)
    person.live(standing, night + timedelta(hours=1), night + timedelta(days=2))
    morning = datetime(2026, 6, 2, 7, 0, tzinfo=UTC)
    assert [(at, [one.agent for one in told]) for at, _, told in person.heard] == [
        (night + timedelta(hours=1) + DWELL, ["shop/ui"]),
        (morning, [DEV, PM]),
    ]


def test_quiet_hours_of_a_notice_come_to_the_persons_own():
    notice = replace(ALL, quiet="07:00-09:00 UTC")
    person = Person(notice, quiet="22:00-07:00 UTC")
    night = datetime(2026, 6, 1, 23, 0, tzinfo=UTC)
    assert person.live([asks(since=night)], night, night + timedelta(days=2)) == [night.replace(day=2, hour=9)]


def test_who_looks_at_the_window_is_not_told_and_not_at_once_after():
    person = Person()
    now = NOON + DWELL
    person.seen[DEV] = now
    decision = person.decide([asks(), asks(PM)], now)
    assert [[one.agent for one in telling.occasions] for telling in decision.tellings] == [[PM]]
    assert decision.look == now + COOLDOWN
    assert person.decide([asks(), asks(PM)], now + COOLDOWN).tellings[0].occasions == (asks(),)


def test_more_than_three_at_once_are_one_word():
    person = Person()
    agents = [AgentId(f"shop/dev-{number}") for number in range(1, 6)]
    standing = [asks(agent, since=NOON + number * 0.3 * SECOND) for number, agent in enumerate(agents)]
    person.live(standing, NOON + 2 * SECOND, NOON + timedelta(hours=1))
    assert [(at, len(told)) for at, _, told in person.heard] == [(NOON + DWELL + 1.2 * SECOND, 5)]


def test_three_at_once_are_told_one_by_one():
    person = Person()
    person.live([asks(AgentId(f"shop/dev-{number}")) for number in range(3)], NOON, NOON + timedelta(hours=1))
    assert [len(told) for _, _, told in person.heard] == [1, 1, 1]


def test_a_second_notice_is_for_what_still_stands_later():
    person = Person(ALL, Notice(tuple(Why), ("slack:#shop",), timedelta(minutes=10)))
    person.live([asks()], NOON, NOON + timedelta(days=1))
    assert [(at, ways) for at, ways, _ in person.heard] == [
        (NOON + DWELL, ("bell",)),
        (NOON + timedelta(minutes=10), ("slack:#shop",)),
    ]


def test_nobody_is_told_of_what_no_notice_names():
    person = Person(Notice((Why.ERROR,), ("bell",)))
    assert person.decide([asks()], NOON + timedelta(hours=1)) == decide([], person.known, NOON)


def test_a_clock_that_is_set_back_silences_nobody():
    person = Person()
    person.live([asks(since=NOON + timedelta(days=1))], NOON + timedelta(days=1), NOON + timedelta(days=1, minutes=1))
    assert person.live([asks(ask="q2")], NOON, NOON + timedelta(hours=1))[-1] == NOON + DWELL


# --- whatever happens ---

_STEPS = st.lists(
    st.tuples(
        st.sampled_from([DEV, PM, AgentId("shop/ui"), AgentId("db/pm"), AgentId("db/dev")]),
        st.sampled_from([None, Why.APPROVAL, Why.QUESTION, Why.ERROR, Why.BUDGET, Why.DONE, Why.MESSAGE]),
        st.integers(0, 150),
        st.booleans(),
    ),
    min_size=1,
    max_size=40,
)
_NOTICES = st.lists(
    st.builds(
        Notice,
        st.sampled_from([tuple(Why), (Why.ERROR,), named(["waiting"])]),
        st.sampled_from([("bell",), ("desktop",), ("bell", "slack:#shop"), WAYS]),
        st.none() | st.integers(1, 200).map(lambda seconds: timedelta(seconds=seconds)),
        st.sampled_from(["", "12:00-12:05 UTC", "12:03-12:10 UTC"]),
    ),
    min_size=1,
    max_size=3,
)


@given(_STEPS, _NOTICES, st.sampled_from(["", "12:02-12:09 UTC"]))
def test_whatever_happens_nothing_is_told_twice_too_early_or_too_often(steps, notices, quiet):
    person = Person(*notices, quiet=quiet)
    standing: dict[AgentId, Occasion] = {}
    now = NOON
    for number, (agent, why, seconds, watched) in enumerate(steps):
        standing.pop(agent, None)
        if why is not None:
            standing[agent] = Occasion(agent, why, now, f"ask-{number}")
        if watched:
            person.seen[agent] = now
        then = now + timedelta(seconds=seconds)
        person.live(list(standing.values()), now, then)
        now = then
    told = [(at, way, one) for at, ways, group in person.heard for way in ways for one in group]
    assert len({(way, one) for _, way, one in told}) == len(told)
    for at, _, one in told:
        assert at >= one.since + min(notice.after or DWELL for notice in notices)
        if person.habits.quiet is not None and one.why is not Why.APPROVAL:
            assert not person.habits.quiet.holds(at)
    for agent in standing:
        moments = [at for at, _, group in person.heard for one in group if one.agent == agent]
        calm = [one.why is not Why.APPROVAL for _, _, group in person.heard for one in group if one.agent == agent]
        for before, after, patient in zip(moments, moments[1:], calm[1:], strict=False):
            assert not patient or after == before or after - before >= COOLDOWN
    assert all(len(group) == len({one.agent for one in group}) for _, _, group in person.heard)


@given(_STEPS)
def test_what_stands_long_enough_is_told(steps):
    person = Person()
    standing = {}
    for number, (agent, why, _, _) in enumerate(steps):
        if why is not None:
            standing[agent] = Occasion(agent, why, NOON, f"ask-{number}")
    person.live(list(standing.values()), NOON, NOON + timedelta(hours=1))
    assert {one for _, _, group in person.heard for one in group} == set(standing.values())
    assert all(at <= NOON + DWELL + TOGETHER for at, _, _ in person.heard)
