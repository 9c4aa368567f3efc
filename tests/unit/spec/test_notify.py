"""When a person is told: in a team file, and in settings, where an address stays a secret."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agentctl.domain.codec import decode, encode
from agentctl.domain.errors import SpecError
from agentctl.domain.notice import WAITING, Notice, Why
from agentctl.domain.team import TeamSpec
from agentctl.engine.attention import COOLDOWN, DWELL
from agentctl.spec.settings import Settings, as_dict, load_settings
from agentctl.supervisor.habits import ON, habits_of

SECRET = "https://hooks.slack.com/services/T0/B0/x8Zq"


def test_a_team_says_when_and_how(desk):
    team = desk.team(
        'agents: {a: {}}\nnotify:\n- {on: [waiting], to: [bell, "slack:#shop"], after: 1m}\n'
        '- {on: [done, error], to: [desktop], quiet: "22:00-07:00 Europe/Berlin"}\n'
    )
    assert team.notify == (
        Notice(WAITING, ("bell", "slack:#shop"), timedelta(minutes=1)),
        Notice((Why.ERROR, Why.DONE), ("desktop",), quiet="22:00-07:00 Europe/Berlin"),
    )
    assert decode(TeamSpec, encode(team)) == team
    assert team.notes == ()


def test_a_team_may_say_nothing_of_it_or_that_nobody_is_told(desk):
    assert desk.team("agents: {a: {}}\n").notify is None
    assert desk.team("agents: {a: {}}\nnotify: []\n").notify == ()


@pytest.mark.parametrize(
    ("notice", "says"),
    [
        ("{on: [waiting], to: [smoke]}", "use bell, desktop, webhook, slack"),
        ("{on: [waiting], to: ['slack:#a b']}", "use bell, desktop, webhook, slack"),
        ("{on: [waiting], to: ['bell;x']}", "use bell, desktop, webhook, slack"),
        ("{on: [], to: [bell]}", "on"),
        ("{on: [lunch], to: [bell]}", "lunch"),
        ("{on: [done], to: [bell], quiet: '22:00-25:00'}", "a day has the hours"),
        ("{on: [done], to: [bell], quiet: '22:00-07:00 Moon/Sea'}", "knows no zone Moon/Sea"),
    ],
)
def test_what_cannot_be_is_said_with_its_place(desk, notice, says):
    problem = desk.only_problem(f"agents: {{a: {{}}}}\nnotify:\n- {notice}\n")
    assert says in problem.message + problem.hint
    assert problem.line == 5


def settings(tmp_path, text: str = "", *, user: str = "", **environ: str) -> Settings:
    own = tmp_path / "config" / "agentctl"
    own.mkdir(parents=True, exist_ok=True)
    (own / "config.yaml").write_text(user)
    (tmp_path / "agentctl.yaml").write_text(text)
    return load_settings(tmp_path, {"XDG_CONFIG_HOME": str(tmp_path / "config"), **environ})


def test_settings_are_read_from_files_and_variables(tmp_path):
    found = settings(
        tmp_path,
        "notify: {on: [done, limit], desktop: false, quiet: 22:00-07:00 Europe/Berlin, webhook: '${HOOK}'}\n",
        user=f"notify: {{cooldown: 5m, slack: '{SECRET}'}}\n",
        AGENTCTL_NOTIFY_DWELL="9s",
        AGENTCTL_NOTIFY_BELL="false",
    )
    assert (found.notify_on, found.notify_desktop, found.notify_bell) == ("done,limit", False, False)
    assert (found.notify_dwell, found.notify_cooldown) == (timedelta(seconds=9), timedelta(minutes=5))
    assert (found.notify_webhook.text, found.notify_slack.text) == ("${HOOK}", SECRET)
    assert as_dict(found)["notify.quiet"] == "22:00-07:00 Europe/Berlin"
    assert as_dict(found)["notify.desktop"] == "false"


def test_an_address_is_shown_nowhere(tmp_path):
    found = settings(tmp_path, user=f"notify: {{slack: '{SECRET}', webhook: '${{HOOK}}'}}\n")
    assert as_dict(found)["notify.slack"] == "https://hooks.slack.com/…"
    assert as_dict(found)["notify.webhook"] == "${HOOK}"
    assert "x8Zq" not in repr(found)


def test_an_address_stands_in_no_file_of_a_project(tmp_path):
    with pytest.raises(SpecError) as refused:
        settings(tmp_path, f"notify: {{slack: '{SECRET}'}}\n")
    said = refused.value.message + refused.value.hint + refused.value.render(color=False)
    assert "write ${NAME} for a variable that holds it" in said
    assert "x8Zq" not in said


@pytest.mark.parametrize(
    "value",
    ["file:///etc/passwd", "x8Zq", "https://host/${TOKEN}/x8Zq", "https://", "http://[::1/x8Zq", "[x8Zq]", "{a: x8Zq}",
     '"https://host/x8Zq\\n"', "a${HOME}"],
)  # fmt: skip
def test_what_is_no_address_is_not_repeated(tmp_path, value):
    if value.startswith("https://host/$"):  # a part of an address is never filled in: it is an address as it stands
        assert settings(tmp_path, user=f"notify: {{slack: '{value}'}}\n").notify_slack.text == value
        return
    with pytest.raises(SpecError) as refused:
        settings(tmp_path, user=f"notify: {{slack: {value}}}\n")
    assert "x8Zq" not in refused.value.message + refused.value.hint


def test_a_bad_address_in_a_variable_is_not_repeated(tmp_path):
    with pytest.raises(SpecError) as refused:
        settings(tmp_path, AGENTCTL_NOTIFY_SLACK="ftp://x8Zq")
    assert "x8Zq" not in refused.value.message
    assert "AGENTCTL_NOTIFY_SLACK" in refused.value.message


@pytest.mark.parametrize(
    "text",
    ["on: lunch", "on: []", "on: [[done]]", "bell: maybe", "quiet: always", "quiet: 7", "dwell: 5", "cooldown: 0s"],
)
def test_what_cannot_be_set_is_refused(tmp_path, text):
    with pytest.raises(SpecError):
        settings(tmp_path, f"notify: {{{text}}}\n")


def test_what_the_supervisor_takes_by_itself_is_what_the_settings_say():
    plain = Settings()
    habits = habits_of({})
    assert (plain.notify_on, plain.notify_dwell, plain.notify_cooldown) == (ON, DWELL, COOLDOWN)
    assert (habits.dwell, habits.cooldown, habits.quiet) == (DWELL, COOLDOWN, None)
    assert habits.notices[0].on == (*WAITING, Why.ERROR, Why.BUDGET)
