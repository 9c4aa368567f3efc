"""How problems read."""

from __future__ import annotations

import re

import pytest
from inline_snapshot import snapshot

from agentctl.domain.errors import SpecError
from agentctl.spec.load import load_team
from agentctl.spec.problems import Problem, SpecProblems, render_problems

BAD = """\
version: 1
name: shop
defaults: {limits: {cpu: 50%, memory: 512MiB, pulse: 2}}
agents:
  dev: {depends_on: [pm]}
  pm:
    promt: briefs/pm.md
    depends_on: [dev]
    prompt: ask ${SHOP_TOKEN:?ask Kim for it}
"""


def test_all_problems_are_shown_at_once_with_their_lines(desk):
    with pytest.raises(SpecProblems) as found:
        load_team(desk.write("teams/shop.yaml", BAD), variables={}, runners={}, folder=desk.folder)
    assert isinstance(found.value, SpecError)
    assert found.value.exit_code == 3
    assert found.value.render() == snapshot("""\
error: defaults.limits.pulse: 2: write it with its unit, for example 2s, 15m or 1h30m
 --> teams/shop.yaml:3:54
  |
3 | defaults: {limits: {cpu: 50%, memory: 512MiB, pulse: 2}}
  |                                                      ^

error: agents wait for each other: dev → pm → dev
 --> teams/shop.yaml:5:22
  |
5 |   dev: {depends_on: [pm]}
  |                      ^^ remove one of these 'depends_on'

error: unknown key 'promt' in agents.pm
 --> teams/shop.yaml:7:5
  |
7 |     promt: briefs/pm.md
  |     ^^^^^ did you mean 'prompt'?

error: environment variable SHOP_TOKEN is not set: ask Kim for it
 --> teams/shop.yaml:9:13
  |
9 |     prompt: ask ${SHOP_TOKEN:?ask Kim for it}
  |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

4 problems, nothing was started\
""")
    assert str(found.value).startswith("teams/shop.yaml:3:54: defaults.limits.pulse: 2: write it with its unit")
    assert str(found.value).endswith(" (and 3 more)")


def test_colour_adds_nothing_but_colour(desk):
    with pytest.raises(SpecProblems) as found:
        load_team(desk.write("shop.yaml", BAD), variables={}, runners={}, folder=desk.folder)
    colored = found.value.render(color=True)
    assert "\x1b[" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == found.value.render()


def test_the_caret_stands_below_the_fault_on_a_long_line():
    line = "a: [" + "x, " * 2000 + "BAD, " + "y, " * 2000 + "]"
    column = line.index("BAD") + 1
    shown = Problem("f.yaml", 7, column, "no", "", line, 3).render().splitlines()
    assert max(map(len, shown)) < 200
    assert shown[3][shown[4].index("^") :].startswith("BAD")
    assert shown[4].count("^") == 3


def test_one_is_one_problem_and_very_many_are_not_all_shown():
    one = Problem("f", 1, 1, "no")
    assert render_problems([one]).endswith("1 problem, nothing was started")
    many = [Problem("f", number, 1, "no") for number in range(250)]
    shown = render_problems(many)
    assert "… and 150 more" in shown
    assert shown.endswith("250 problems, nothing was started")
