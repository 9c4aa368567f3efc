"""Schedules of team files: what they may say, whom they are for, and every fault at its place."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agentctl.domain.schedule import Cron, Every, Schedule, ScheduleKind
from agentctl.domain.team import TeamSpec
from agentctl.spec.cron import MACROS, cron_expression, zone_name

HALF_HOUR = Every(timedelta(minutes=30))
THREE = "agents: {pm: {runner: claude}, dev: {runner: codex, replicas: 2}, sh: {runner: shell}}\n"
OFF = "defaults: {commit: off, check_in: off}\n"


def only(desk, text: str) -> Schedule:
    """The one schedule of a team in which nobody commits or is asked how far it is."""
    (schedule,) = desk.team(OFF + text).schedules
    return schedule


def but_check_ins(team: TeamSpec) -> tuple[Schedule, ...]:
    """All schedules but those that every coding agent has."""
    return tuple(one for one in team.schedules if one.kind is not ScheduleKind.CHECK_IN)


def test_a_schedule_says_everything_there_is(desk):
    schedule = only(
        desk,
        "schedules:\n  standup: {cron: 0 9 * * 1-5, zone: Europe/Berlin, message: ' What is next, {{ team.name }}? ', "
        f"agents: [pm, dev], jitter: 2m, catch_up: false, enabled: false}}\n{THREE}",
    )
    assert schedule == Schedule(
        "standup",
        ScheduleKind.MESSAGE,
        Cron("0 9 * * 1-5", "Europe/Berlin"),
        ("pm", "dev-1", "dev-2"),
        "What is next, shop?",
        timedelta(minutes=2),
        catch_up=False,
        enabled=False,
    )


def test_a_message_for_nobody_in_particular_is_for_those_that_read(desk):
    assert only(desk, f"schedules: {{ask: {{every: 1h, message: Well?}}}}\n{THREE}").agents == ("pm", "dev-1", "dev-2")


def test_a_team_that_reads_nothing_has_a_schedule_for_nobody(desk):
    team = desk.team("schedules:\n  ask: {every: 1h, message: Well?}\nagents: {sh: {runner: shell}}\n")
    assert team.schedules == ()
    assert team.notes == ("schedules.ask is for nobody here: name its agents with 'agents' (team.yaml:4)",)


def test_a_shell_is_told_only_what_it_is_named_for(desk):
    schedule = only(desk, f"schedules: {{tick: {{every: 1h, message: make test, agents: [sh]}}}}\n{THREE}")
    assert schedule.agents == ("sh",)


def test_coding_agents_commit_every_half_hour_and_others_do_not(desk):
    assert but_check_ins(desk.team(THREE)) == (
        Schedule("commit", ScheduleKind.COMMIT, HALF_HOUR, ("pm", "dev-1", "dev-2")),
    )


@pytest.mark.parametrize(
    ("written", "timing"),
    [
        ("10m", Every(timedelta(minutes=10))),
        ("{every: 1h30m}", Every(timedelta(minutes=90))),
        ("{cron: '@daily', zone: Asia/Kolkata}", Cron("0 0 * * *", "Asia/Kolkata")),
        ("{cron: 0 22 * * *}", Cron("0 22 * * *", "UTC")),
        ("null", HALF_HOUR),
    ],
)
def test_how_often_an_agent_commits(desk, written, timing):
    (schedule,) = but_check_ins(desk.team(f"agents: {{a: {{runner: claude, commit: {written}}}}}\n"))
    assert schedule == Schedule("commit", ScheduleKind.COMMIT, timing, ("a",))


@pytest.mark.parametrize("written", ["off", "false"])
def test_an_agent_may_commit_never(desk, written):
    assert but_check_ins(desk.team(f"agents: {{a: {{runner: claude, commit: {written}}}}}\n")) == ()


def test_roles_and_defaults_say_how_often_too_and_the_alike_go_together(desk):
    team = desk.team(
        "defaults: {commit: 1h}\nroles: {quick: {commit: 5m}}\n"
        "agents: {a: {}, b: {role: quick}, c: {commit: off}, d: {}}\n"
    )
    assert [(one.timing, one.agents) for one in but_check_ins(team)] == [
        (Every(timedelta(hours=1)), ("a", "d")),
        (Every(timedelta(minutes=5)), ("b",)),
    ]


def test_a_commit_of_the_team_is_for_all_that_say_nothing_of_it_themselves(desk):
    team = desk.team(
        "schedules: {save: {every: 10m, commit: true}}\n"
        "agents: {a: {runner: claude}, b: {commit: 5m}, c: {runner: claude, commit: off}, d: {runner: shell}}\n"
    )
    assert [(one.name, one.agents) for one in but_check_ins(team)] == [("save", ("a", "d")), ("commit", ("b",))]


def test_a_commit_that_names_an_agent_takes_the_place_of_its_default_and_not_of_its_own(desk):
    team = desk.team(
        "schedules: {save: {every: 10m, commit: true, agents: [a, b]}}\n"
        "agents: {a: {runner: claude}, b: {runner: claude, commit: 5m}, c: {runner: claude}}\n"
    )
    assert [(one.name, one.agents) for one in but_check_ins(team)] == [
        ("save", ("a", "b")),
        ("commit", ("b",)),
        ("commit", ("c",)),
    ]


def test_two_schedules_of_one_name_for_one_agent_are_told_apart(desk):
    text = "schedules:\n  commit: {every: 10m, commit: true, agents: [a]}\nagents: {a: {commit: 5m}}\n"
    problem = desk.only_problem(text)
    assert (problem.line, problem.message) == (4, "a has two schedules called commit: this one, and its own commits")
    assert desk.team(text.replace("commit: 5m", "commit: off")).schedules[0].name == "commit"


FAULTS = {
    "{every: 1h, cron: 0 9 * * *, commit: true}": (3, "takes only one of every, cron, and there are every and cron"),
    "{commit: true}": (3, "needs one of every, cron"),
    "{every: 1h}": (3, "needs one of message, commit"),
    "{every: 1h, commit: true, message: x}": (3, "takes only one of message, commit"),
    "{}": (3, "needs one of every, cron; needs one of message, commit"),
    "{every: 30s, commit: true}": (14, "'30s' is too short: the least is 1m"),
    "{every: 5, commit: true}": (14, "write it with its unit"),
    "{every: 1h, commit: false}": (26, "must be true"),
    "{every: 1h, message: '  '}": (27, "is empty"),
    "{every: 1h, message: '{{ agent.name }}'}": (27, "there is no 'agent' here"),
    "{every: 1h, message: '{{ task.title }}'}": (27, "a schedule knows no task"),
    "{every: 1h, zone: UTC, commit: true}": (18, "'zone' is for 'cron'"),
    "{every: 1h, jitter: 1h, commit: true}": (26, "'jitter' must be shorter than 'every'"),
    "{every: 1h, message: x, agents: []}": (30, "needs at least 1"),
    "{every: 1h, message: x, agents: [devv]}": (39, "there is no agent 'devv'"),
    "{cron: 0 9 * *, commit: true}": (13, "write five fields"),
    "{cron: 0 24 * * *, commit: true}": (13, "'0 24 * * *': the hour may be 0-23"),
    "{cron: '@often', commit: true}": (13, "there is @hourly, @daily"),
    "{cron: 0 0 30 2 *, commit: true}": (13, "it would never come"),
    "{cron: 0 9 * * *, zone: Berlin, commit: true}": (30, "no time zone 'Berlin'; did you mean 'Europe/Berlin'?"),
    "{every: 1h, command: [make]}": (18, "unknown key 'command'"),
}


@pytest.mark.parametrize("written", FAULTS)
def test_every_fault_is_told_at_its_place(desk, written):
    _, problems = desk.check(f"version: 1\nname: shop\nagents: {{dev: {{}}}}\nschedules:\n  s: {written}\n")
    column, words = FAULTS[written]
    assert [(problem.line, problem.column) for problem in problems if words in problem.message] == [(5, column)]


def test_all_faults_are_told_at_once(desk):
    _, problems = desk.check(
        "version: 1\nname: shop\nagents: {dev: {commit: 10s}}\nschedules:\n"
        "  a: {every: 1s, message: ''}\n  b: {cron: x, zone: y, commit: true, agents: [dve]}\n  c:\n"
    )
    assert [(problem.line, problem.column) for problem in problems] == [
        *[(3, 24), (5, 14), (5, 27)],
        *[(6, 13), (6, 22), (6, 48)],
        *[(7, 3)] * 2,
    ]


@pytest.mark.parametrize(
    ("defaults", "own", "words"),
    [
        ("{every: 1h}", "{cron: 0 9 * * *}", "a: commit takes only one of every and cron"),
        ("off", "{message: x}", "a: commit needs one of every and cron"),
        ("off", "{every: 1h, zone: UTC}", "'zone' is for 'cron'"),
    ],
)
def test_a_commit_that_makes_no_sense_with_what_it_is_laid_upon(desk, defaults, own, words):
    problem = desk.only_problem(f"defaults: {{commit: {defaults}}}\nagents:\n  a: {{commit: {own}, replicas: 3}}\n")
    assert (problem.line, problem.message.partition(":" if "zone" in words else "\n")[0]) == (5, words)


def test_a_message_of_a_commit_is_checked_and_waits_for_its_release(desk):
    team = desk.team("agents: {a: {commit: {every: 1h, message: 'Work of {{ agent.name }}'}}}\n")
    assert team.notes == ("commit.message is checked but not acted on by this version (team.yaml:3)",)


@pytest.mark.parametrize("macro", MACROS)
def test_a_macro_stands_for_five_fields(macro):
    assert cron_expression(macro) == MACROS[macro]
    assert cron_expression(MACROS[macro]) == MACROS[macro]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("60 * * * *", "the minute may be 0-59"),
        ("*/0 * * * *", "the minute may be 0-59"),
        ("* 5-2 * * *", "the hour may be 0-23"),
        ("* * 32 * *", "the day of the month may be 1-31"),
        ("* * * JANUARY *", "the month may be 1-12 or JAN-DEC"),
        ("* * * * 8", "the day of the week may be 0-7"),
        ("0 0 31 2,4,6 *", "no month that is named has such a day"),
        ("0 0 */30 2 1#5", "no month that is named has such a day"),
        ("0 0 9 * * *", "write five fields"),
        ("* * * * ?", "write five fields"),
    ],
)
def test_a_bad_cron_line_says_which_field_what_it_may_be_and_an_example(text, field):
    with pytest.raises(ValueError, match="for example 30 9") as raised:
        cron_expression(text)
    assert f"'{text}': {field}" in str(raised.value)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_zones_that_there_are(name):
    assert zone_name(name) == name


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Berlin", "'Europe/Berlin'"),
        ("europe/berlin", "'Europe/Berlin'"),
        ("Europe/Berlinn", "'Europe/Berlin'"),
        ("America/New York", "'America/New_York'"),
        ("Europe", "Europe/Berlin or UTC"),
        ("../../etc/passwd", "for example"),
        ("right/UTC", "'"),
        ("x" * 300, "for example"),
        ("", "for example"),
    ],
)
def test_zones_that_there_are_not(name, near):
    with pytest.raises(ValueError, match="there is no time zone") as raised:
        zone_name(name)
    assert near in str(raised.value)
