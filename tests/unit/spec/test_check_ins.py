"""Check-ins of team files: who is asked how far it is, how often, with which words, and who is never asked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agentctl.domain.schedule import Cron, Every, Schedule, ScheduleKind
from agentctl.domain.team import TeamSpec

QUARTER = Every(timedelta(minutes=15))
THREE = "agents: {pm: {runner: claude}, dev: {runner: codex, replicas: 2}, sh: {runner: shell}}\n"


def check_ins(team: TeamSpec) -> list[Schedule]:
    return [one for one in team.schedules if one.kind is ScheduleKind.CHECK_IN]


def test_coding_agents_are_asked_every_quarter_of_an_hour_in_one_form(desk):
    (asked,) = check_ins(desk.team(THREE))
    assert (asked.name, asked.timing, asked.agents, asked.when) == ("check-in", QUARTER, ("pm", "dev-1", "dev-2"), "")
    for heading in ("Done:", "Doing:", "Blocked:", "Needs a person:"):
        assert heading in asked.text


@pytest.mark.parametrize(
    ("written", "timing", "when"),
    [
        ("5m", Every(timedelta(minutes=5)), ""),
        ("{every: 1h30m, when: idle}", Every(timedelta(minutes=90)), "idle"),
        ("{cron: '@hourly', zone: Asia/Kolkata, when: always}", Cron("0 * * * *", "Asia/Kolkata"), "now"),
        ("null", QUARTER, ""),
    ],
)
def test_how_often_and_when_an_agent_is_asked(desk, written, timing, when):
    (asked,) = check_ins(desk.team(f"agents: {{a: {{runner: claude, check_in: {written}}}}}\n"))
    assert (asked.timing, asked.when) == (timing, when)


@pytest.mark.parametrize("written", ["off", "false"])
def test_an_agent_may_be_asked_never(desk, written):
    assert check_ins(desk.team(f"agents: {{a: {{runner: claude, check_in: {written}}}}}\n")) == []


def test_the_alike_go_together_and_words_that_name_the_agent_are_its_own(desk):
    team = desk.team(
        "defaults: {check_in: {every: 10m, prompt: 'How far are you?'}}\n"
        "agents: {a: {runner: claude}, b: {runner: codex},"
        " c: {runner: claude, check_in: {prompt: 'Well, {{ agent.name }}?'}}}\n"
    )
    assert [(one.agents, one.text) for one in check_ins(team)] == [
        (("a", "b"), "How far are you?"),
        (("c",), "Well, c?"),
    ]


def test_the_words_can_be_others(desk):
    desk.write("templates/check-in.md.j2", "Well?\n")
    (asked,) = check_ins(desk.team("agents: {a: {runner: claude}}\n"))
    assert asked.text == "Well?"


def test_a_shell_is_not_asked_for_the_words_would_be_a_command(desk):
    problem = desk.only_problem("agents:\n  sh: {runner: shell, check_in: 1m}\n")
    assert (problem.line, problem.column) == (4, 23)
    assert problem.message == "'check_in' is for coding agents, and sh is a shell"


def test_a_shell_is_left_out_of_what_the_defaults_say_for_all(desk):
    team = desk.team(f"defaults: {{check_in: 5m}}\n{THREE}")
    assert [one.agents for one in check_ins(team)] == [("pm", "dev-1", "dev-2")]
    assert team.notes == ()


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("{every: 1h, cron: 0 9 * * *}", "a: check_in takes only one of every and cron"),
        ("{prompt: x}", "a: check_in needs one of every and cron"),
        ("10s", "'10s' is too short"),
        ("{every: 1h, prompt: ' '}", "is empty"),
        ("{every: 1h, zone: UTC}", "'zone' is for 'cron'"),
        ("{every: 1h, when: never}", "idle"),
    ],
)
def test_every_fault_is_told(desk, written, words):
    problem = desk.only_problem(f"agents:\n  a: {{runner: claude, check_in: {written}}}\n")
    assert problem.line == 4
    assert words in f"{problem.message} {problem.hint}"


def test_a_schedule_of_the_same_name_for_the_same_agent_is_refused(desk):
    text = "schedules:\n  check-in: {every: 1h, message: Well?, agents: [a]}\nagents: {a: {runner: claude}}\n"
    problem = desk.only_problem(text)
    assert problem.message == "a has two schedules called check-in: this one, and its own check-ins"


def test_what_only_a_task_knows_is_told_of(desk):
    team = desk.team("agents:\n  a: {runner: claude, check_in: {every: 1h, prompt: 'How is {{ task.title }}?'}}\n")
    (note,) = team.notes
    assert note.startswith("a check-in uses task.title, known only when there is a task: it reads <task.title> ")
