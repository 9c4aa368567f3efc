"""What follows an end, by why it ended; and when an agent that works counts as hung."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.agent import Activity, Agent, AgentState, Ending, Identity
from agentctl.domain.events import EventType
from agentctl.domain.names import AgentId, PaneId
from agentctl.domain.ports import Pane
from agentctl.domain.team import AgentSpec, RestartPolicy, TeamSpec
from agentctl.engine.reconcile import HUNG, Append, Command, Observed, Send, decide, next_deadline
from agentctl.engine.restart import Again, GiveUp, Leave, after_end
from agentctl.views.fleet import Fleet, Team

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DEV = AgentId("shop/dev")
SERVER, SHIM = Identity("b", 10, 1), Identity("b", 20, 2)
SPEC = AgentSpec("shop", "dev", "dev", "claude", "Shop-Dev", 0, "/srv")
PANE = Pane(PaneId("%1"), DEV, 1, 0, "Task-shop", "Shop-Dev", "@1", 0, 20, False, None, False, True)
WORKS = Agent(
    DEV, AgentState.RUNNING, NOW - HOUR, generation=1, pane=PANE.id, process=SHIM, server=SERVER,
    activity=Activity.WORKING, active_since=NOW - HOUR,
)  # fmt: skip
ENDED = Agent(DEV, AgentState.EXITED, NOW, "it ended", generation=1, exit_code=1, failures=(NOW,))


def after(ending: Ending | None, policy: str = "on-failure", agent: Agent = ENDED, **facts) -> Leave | Again | GiveUp:
    return after_end(replace(agent, ending=ending, **facts), RestartPolicy(policy), NOW, random.Random(1))


def fleet(agent: Agent, spec: AgentSpec = SPEC) -> Fleet:
    return Fleet(teams={"shop": Team(TeamSpec("shop", (spec,), "Task-shop"))}, agents={agent.id: agent})


def decided(agent: Agent, spec: AgentSpec = SPEC, moved: datetime | None = None, now: datetime = NOW) -> list[Command]:
    seen = Observed(SERVER, {DEV: PANE}, moved={DEV: moved} if moved else {})
    return decide(fleet(agent, spec), seen, now, random.Random(1))


def recorded(commands: list[Command]) -> dict[str, dict]:
    return {command.draft.type: command.draft.data for command in commands if isinstance(command, Append)}


# --- told apart ---


@pytest.mark.parametrize("ending", [Ending.CRASH, Ending.MEMORY, Ending.HANG, Ending.SERVER, None])
def test_failures_are_tried_again_after_a_moment(ending: Ending | None) -> None:
    again = after(ending)
    assert isinstance(again, Again)
    assert timedelta(0) < again.at - NOW <= timedelta(seconds=1)


def test_who_left_stays_away_unless_it_is_always() -> None:
    assert after(Ending.DONE, exit_code=0) == Leave()
    assert isinstance(after(Ending.DONE, "always", exit_code=0), Again)


@pytest.mark.parametrize("ending", [Ending.CRASH, Ending.MEMORY, Ending.HANG])
def test_a_failure_that_ended_politely_is_none_the_less_one(ending: Ending) -> None:
    assert isinstance(after(ending, exit_code=0), Again)


def test_too_many_failures_are_fatal_whatever_the_last_one_was() -> None:
    for ending in (Ending.CRASH, Ending.MEMORY, Ending.HANG, Ending.SERVER):
        assert isinstance(after(ending, failures=(NOW,) * 6), GiveUp)


@pytest.mark.parametrize("policy", ["never", "on-failure", "always"])
def test_a_login_needs_a_person_and_no_second_try(policy: str) -> None:
    assert after(Ending.LOGIN, policy) == GiveUp("a person has to log in")


@pytest.mark.parametrize("ending", [ending for ending in Ending if ending is not Ending.LOGIN])
def test_never_means_never(ending: Ending) -> None:
    assert after(ending, "never", resumed=True) == Leave()


# --- limits ---


def test_a_limit_is_waited_for_until_it_ends() -> None:
    again = after(Ending.QUOTA, retry_at=NOW + 3 * HOUR)
    assert isinstance(again, Again)
    assert 3 * HOUR <= again.at - NOW <= 3 * HOUR + 2 * MINUTE


def test_a_limit_of_which_no_end_is_known_is_waited_for_longer_each_time() -> None:
    waits = []
    for times in range(1, 7):
        again = after(Ending.QUOTA, refused=times)
        assert isinstance(again, Again)
        waits.append(again.at - NOW)
    first, stagger = waits[0], waits[0] - 30 * MINUTE
    assert timedelta(0) <= stagger <= 2 * MINUTE
    assert [wait - stagger for wait in waits] == [30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 4 * HOUR, 4 * HOUR]
    assert after(Ending.QUOTA, refused=0) == Again(NOW + first, 1, "its usage limit is reached")


MISREAD = (datetime.max.replace(tzinfo=UTC), NOW + timedelta(days=60), NOW.replace(tzinfo=None))


@pytest.mark.parametrize("until", MISREAD)
def test_an_end_that_was_misread_is_not_believed(until: datetime) -> None:
    again = after(Ending.QUOTA, retry_at=until)
    assert isinstance(again, Again)
    assert again.at - NOW < HOUR


def test_a_limit_that_has_ended_costs_the_stagger_alone() -> None:
    again = after(Ending.QUOTA, retry_at=NOW - HOUR)
    assert isinstance(again, Again)
    assert timedelta(0) <= again.at - NOW <= 2 * MINUTE


def test_limits_never_make_an_agent_fatal() -> None:
    assert isinstance(after(Ending.QUOTA, failures=(NOW,) * 50), Again)


def test_agents_come_back_one_after_the_other_and_each_at_its_own_time() -> None:
    def comes_back(name: str) -> datetime:
        again = after(Ending.QUOTA, agent=replace(ENDED, id=AgentId(f"shop/dev-{name}"), retry_at=NOW))
        assert isinstance(again, Again)
        return again.at

    moments = {comes_back(str(n)) for n in range(40)}
    assert len(moments) > 20
    assert max(moments) - min(moments) > MINUTE
    assert comes_back("7") == comes_back("7")


# --- conversations ---


def test_a_lost_conversation_costs_no_wait() -> None:
    again = after(Ending.LOST_SESSION, resumed=True, failures=(NOW,) * 50)
    assert isinstance(again, Again)
    assert again.at == NOW


def test_a_new_conversation_that_is_lost_at_once_is_a_failure() -> None:
    again = after(Ending.LOST_SESSION, resumed=False)
    assert isinstance(again, Again)
    assert again.at > NOW
    assert isinstance(after(Ending.LOST_SESSION, resumed=False, failures=(NOW,) * 6), GiveUp)


# --- what is recorded of it ---


def test_the_reason_for_the_wait_is_recorded_with_the_end() -> None:
    commands = decided(replace(ENDED, ending=Ending.QUOTA, evidence="usage limit reached"))
    backing_off = recorded(commands)[EventType.AGENT_BACKING_OFF]
    assert backing_off["reason"] == "its usage limit is reached; usage limit reached"


def test_a_login_is_recorded_as_fatal() -> None:
    commands = decided(replace(ENDED, ending=Ending.LOGIN, evidence="401"))
    assert recorded(commands) == {EventType.AGENT_FAILED: {"reason": "a person has to log in; 401"}}


def test_a_limit_that_is_left_alone_is_not_looked_at_again() -> None:
    """Or the loop would go round for ever: a moment in the past is always due."""
    left = replace(ENDED, ending=Ending.QUOTA, retry_at=NOW - HOUR)
    assert next_deadline(fleet(left, replace(SPEC, restart=RestartPolicy("never"))), Observed(SERVER, {})) is None


# --- hanging ---

HANGS = {EventType.AGENT_UNHEALTHY: {"generation": 1, "evidence": "nothing of it has moved for 15 min"}}


def test_work_with_nothing_moving_is_a_hang() -> None:
    assert recorded(decided(WORKS, moved=NOW - 15 * MINUTE)) == HANGS
    assert decided(WORKS, moved=NOW - 14 * MINUTE) == []


def test_the_time_begins_with_the_work() -> None:
    just_began = replace(WORKS, active_since=NOW - MINUTE)
    assert decided(just_began, moved=NOW - HOUR) == []


@pytest.mark.parametrize("activity", [Activity.IDLE, Activity.WAITING, Activity.UNKNOWN])
def test_who_does_not_work_does_not_hang(activity: Activity) -> None:
    assert decided(replace(WORKS, activity=activity), moved=NOW - HOUR) == []


def test_of_whom_nothing_is_known_nothing_is_said() -> None:
    assert decided(WORKS) == []


def test_a_team_file_may_say_never() -> None:
    assert decided(WORKS, replace(SPEC, hang_after=None), moved=NOW - 9 * HOUR) == []


def test_the_loop_wakes_when_it_would_be_a_hang() -> None:
    moved = {DEV: NOW - 5 * MINUTE}
    assert next_deadline(fleet(WORKS), Observed(SERVER, {DEV: PANE}, moved=moved)) == NOW + 10 * MINUTE
    unwell = replace(WORKS, unwell=f"{HUNG} 15 min")
    assert next_deadline(fleet(unwell), Observed(SERVER, {DEV: PANE}, moved=moved)) is None


def test_who_hangs_is_ended() -> None:
    unwell = replace(WORKS, unwell=f"{HUNG} 15 min")
    assert [type(command) for command in decided(unwell, moved=NOW - HOUR)] == [Send]


def test_who_is_never_restarted_is_only_told_of_until_it_moves() -> None:
    never = replace(SPEC, restart=RestartPolicy("never"))
    unwell = replace(WORKS, unwell=f"{HUNG} 15 min")
    assert decided(unwell, never, moved=NOW - HOUR) == []
    assert list(recorded(decided(unwell, never, moved=NOW - MINUTE))) == [EventType.AGENT_HEALTHY]


def test_a_probe_that_says_no_is_not_overruled_by_movement() -> None:
    never = replace(SPEC, restart=RestartPolicy("never"))
    assert decided(replace(WORKS, unwell="http 500 (3 times)"), never, moved=NOW) == []


@given(st.sampled_from([*Ending, None]), st.sampled_from(["never", "on-failure", "always"]), st.booleans(),
       st.integers(0, 9), st.none() | st.datetimes(timezones=st.just(UTC)), st.integers(0, 10**6),
       st.none() | st.integers(0, 255))  # fmt: skip
def test_whatever_ended_it_there_is_an_answer_and_no_restart_in_the_past(  # noqa: PLR0917  given by hypothesis
    ending, policy, resumed, failures, until, refused, code
) -> None:
    what = after(
        ending, policy, resumed=resumed, failures=(NOW,) * failures, retry_at=until, refused=refused, exit_code=code
    )
    if isinstance(what, Again):
        assert NOW <= what.at <= NOW + timedelta(days=31) + 2 * MINUTE
