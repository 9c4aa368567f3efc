"""`extends`, null, and `${…}`: what comes out, and where a fault is shown."""

from __future__ import annotations

import pytest

from agentctl.spec.load import resolved_document
from agentctl.spec.problems import SpecProblems

BASE = """\
version: 1
name: base
defaults:
  limits: {cpu: 40%, memory: 256MiB}
  env: {A: "1", B: "2"}
  capabilities: [one, two]
roles:
  tester: {limits: {cpu: 30%}, prompt: Test.}
agents:
  pm: {env: {C: "3"}}
  old: {}
"""


def test_maps_merge_lists_and_values_replace_null_removes(desk):
    desk.write("base.yaml", BASE)
    team, problems = desk.check(
        "extends: base.yaml\nname: shop\ndefaults: {env: {B: null}, capabilities: [three]}\n"
        "agents:\n  old: null\n  dev: {role: tester, limits: {memory: 512MiB}}\n  pm: {window: Boss}\n"
    )
    assert not problems
    assert team is not None
    assert [agent.name for agent in team.agents] == ["pm", "dev"]
    pm, dev = team.agents
    assert (team.name, pm.window, pm.env) == ("shop", "Boss", {"A": "1", "C": "3"})
    assert dev.capabilities == ("three",)
    assert (dev.limits.cpu_percent, dev.limits.memory_bytes) == (30, 512 * 2**20)
    assert dev.prompt == "Test."


def test_null_takes_away_what_a_role_or_the_defaults_said(desk):
    team = desk.team(
        "defaults: {limits: {cpu: 10%}, env: {A: x}}\nroles: {r: {ready: {tcp: 'a:1'}, restart: always}}\n"
        "agents: {a: {role: r, limits: null, env: {A: null}, ready: {tcp: null, log: up}, restart: null}}\n"
    )
    agent = team.agents[0]
    assert (agent.limits.cpu_percent, agent.env, agent.restart.policy) == (50, {}, "on-failure")
    assert agent.ready is not None
    assert (agent.ready.kind, agent.ready.target) == ("log", "up")


def test_each_path_is_from_the_folder_of_the_file_that_names_it(desk):
    desk.write("common/base.yaml", "version: 1\nname: x\nextends: ../root.yaml\nroles: {r: {brief: b.md}}\n")
    desk.write("common/b.md", "Brief of {{ agent.name }}.")
    desk.write("root.yaml", "defaults: {workspace: {root: common}}\n")
    team, problems = desk.check("extends: ../common/base.yaml\nagents: {a: {role: r}}\n", name="teams/t.yaml")
    assert not problems
    assert team is not None
    assert team.agents[0].prompt == "Brief of a."
    assert team.agents[0].cwd == str((desk.folder / "common").resolve())


def test_a_fault_is_shown_in_the_file_it_stands_in(desk):
    desk.write("base.yaml", BASE.replace("40%", "40"))
    _, problems = desk.check("extends: base.yaml\nname: shop\nagents: {dev: {rol: x}}\n")
    assert [(problem.file, problem.line) for problem in problems] == [("base.yaml", 4), ("team.yaml", 3)]


def test_files_that_extend_each_other_are_shown_as_a_circle(desk):
    desk.write("a.yaml", "extends: b.yaml\n")
    desk.write("b.yaml", "extends: ./team.yaml\n")
    problem = desk.only_problem("extends: a.yaml\n", head="")
    assert problem.message == "these files extend each other: team.yaml → a.yaml → b.yaml → team.yaml"
    assert (problem.file, problem.line, problem.column) == ("b.yaml", 1, 10)


def test_a_circle_through_a_symlink_is_seen(desk):
    (desk.folder / "link.yaml").symlink_to("team.yaml")
    assert "extend each other" in desk.only_problem("extends: link.yaml\n", head="").message


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("nope.yaml", "nope.yaml: there is no such file"),
        ("/dev/zero", "/dev/zero: this is a device"),
        ("[a, b]", "takes the path of one file"),
        ("''", "takes the path of one file"),
        ("'${HOME}/x.yaml'", "takes no variables"),
    ],
)
def test_a_base_that_cannot_be_used_is_shown_where_it_is_named(desk, value, words):
    _, problems = desk.check(f"version: 1\nname: shop\nextends: {value}\nagents: {{a: {{}}}}\n")
    assert words in problems[0].message
    assert (problems[0].file, problems[0].line, problems[0].column) == ("team.yaml", 3, 10)


def test_too_many_files_are_refused(desk):
    for number in range(12):
        desk.write(f"{number}.yaml", f"extends: {number + 1}.yaml\n")
    assert "more than 10 files" in desk.check(name="0.yaml")[1][0].message


def test_anchors_and_merge_keys_work(desk):
    team = desk.team(
        "x-more: &more {env: {A: a}, grace: 9s}\n"
        "agents:\n  a: {<<: *more, grace: 7s}\n  b: {<<: [*more, {model: m, grace: 1s}]}\n"
    )
    a, b = team.agents
    assert (a.env, a.grace.total_seconds(), b.grace.total_seconds(), b.model) == ({"A": "a"}, 7, 9, "m")


def test_own_keys_are_dropped(desk):
    team = desk.team(
        "x-note: [anything, {a: 1}]\n$schema: s.json\nagents: {a: {x-owner: kim, limits: {x-why: because}}}\n"
    )
    assert len(team.agents) == 1


def test_variables_are_filled_in_once(desk):
    desk.variables |= {"A": "from ${B} $$", "EMPTY": "", "N": "2", "YES": "true"}
    team = desk.team(
        "agents:\n  a:\n    replicas: ${N}\n    prompt: '${A}|${NO:-d e}|${EMPTY:-e}|$$HOME|$HOME|$5|${EMPTY}|'\n"
        "    restart: {backoff: {jitter: '${YES}', factor: '${N}'}}\n"
    )
    assert len(team.agents) == 2
    assert team.agents[0].prompt == "from ${B} $$|d e|e|$HOME|$HOME|$5||"
    assert (team.agents[0].restart.backoff.jitter, team.agents[0].restart.backoff.factor) == (True, 2.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("${NOPE}", "environment variable NOPE is not set"),
        ("${NOPE:?ask Kim for it}", "environment variable NOPE is not set: ask Kim for it"),
        ("${EMPTY:?}", "environment variable EMPTY is not set: it is needed here"),
        ("${1x}", "'${1x}' is not a variable"),
        ("${A-b}", "'${A-b}' is not a variable"),
        ("${A:-{b}}", "'${' is not a variable"),
        ("${", "'${' is not a variable"),
        ("${ESC}", "holds control characters"),
        ("${BIG}" * 9, "come to more than 1 MiB"),
    ],
)
def test_variables_that_cannot_be_used(desk, text, words):
    desk.variables |= {"EMPTY": "", "ESC": "\x1b[31m", "BIG": "x" * 130_000}
    _, problems = desk.check(f"version: 1\nname: shop\nagents:\n  a: {{prompt: '{text}'}}\n")
    assert words in problems[0].message
    assert (problems[0].line, problems[0].column) == (4, 15)
    assert len(problems) == 1 or "BIG" in text


def test_the_value_of_a_variable_is_not_shown(desk):
    desk.variables["TOKEN"] = "hunter2hunter2"
    _, problems = desk.check(
        "version: 1\nname: shop\nagents: {a: {grace: '${TOKEN}', replicas: '${TOKEN}', window: '${TOKEN} x'}}\n"
    )
    shown = "\n".join(problem.render() for problem in problems)
    assert len(problems) == 3
    assert "hunter2" not in shown


def test_a_merged_file_says_where_each_line_comes_from_and_loads_again(desk):
    desk.write("base.yaml", BASE)
    desk.variables["KEY"] = "sk-" + "a" * 30
    path = desk.write(
        "team.yaml",
        "extends: base.yaml\nname: shop\nx-mine: 1\nagents:\n  pm:\n"
        "    prompt: |\n      Hello\n        there\n    env: {API: '${KEY}', N: '1', T: 'true'}\n",
    )
    text = resolved_document(path, variables=desk.variables, folder=desk.folder)
    lines = text.splitlines()
    assert next(line for line in lines if line.strip().startswith("cpu:")).endswith("# base.yaml:4")
    assert next(line for line in lines if line.startswith("name:")).endswith("# team.yaml:2")
    assert "x-mine" not in text
    assert "sk-aaa" not in text
    assert '"***"' in text
    again, problems = desk.check(text, name="again.yaml")
    first, _ = desk.check(name="team.yaml")
    assert not problems
    assert again is not None
    assert first is not None
    assert again.agents[0].prompt == first.agents[0].prompt
    assert {**again.agents[0].env, "API": ""} == {**first.agents[0].env, "API": ""}
    assert again.agents[1:] == first.agents[1:]


def test_a_file_that_cannot_be_merged_is_not_shown(desk):
    with pytest.raises(SpecProblems):
        resolved_document(desk.write("team.yaml", "a: [\n"), variables={}, folder=desk.folder)
