"""From a checked file to the team that is wanted: defaults, roles, replicas, windows, commands, probes, secrets."""

from __future__ import annotations

import sys
import time
from datetime import timedelta

import pytest

from agentctl.domain.team import Backoff, Dependency, Limits, Probe, RestartPolicy, Secret


def test_the_smallest_file_takes_every_default(desk):
    team = desk.team("agents:\n  scribe: {}\n")
    agent = team.agents[0]
    assert (team.session, team.layout, team.notes, team.description) == ("Task-shop", "repair", (), "")
    assert team.source == str((desk.folder / "team.yaml").resolve())
    assert (agent.id, agent.role, agent.runner, agent.window, agent.index) == (
        "shop/scribe",
        "scribe",
        "auto",
        "Shop-Scribe",
        0,
    )
    assert (agent.cwd, agent.prompt, agent.argv) == (str(desk.folder.resolve()), "", ())
    limits = Limits(pulse=timedelta(0))  # auto is a shell here
    assert (agent.restart, agent.limits, agent.grace) == (RestartPolicy(), limits, timedelta(seconds=5))
    assert (agent.ready, agent.health, agent.depends_on) == (None, None, ())


def test_pm_dev_and_server_are_roles_that_need_no_definition(desk):
    team = desk.team(
        "agents: {pm: {}, dev: {reports_to: pm}, api: {role: dev}, server: {command: [true]}}\n".replace(
            "[true]", "['true']"
        )
    )
    pm, dev, api, server = team.agents
    assert "project manager" in pm.prompt
    assert "- api (dev): Writes code and tests" in pm.prompt
    assert 'agentctl send shop/pm "' in dev.prompt
    assert "You are api, a developer" in api.prompt
    assert (server.runner, server.restart.policy, server.prompt, server.argv) == ("process", "always", "", ("true",))
    assert [agent.window for agent in team.agents] == ["Shop-PM", "Shop-Dev", "Shop-Api", "Shop-Server"]


def test_a_role_of_the_file_takes_the_place_of_the_built_in_one(desk):
    assert desk.team("roles: {pm: {prompt: Mine.}}\nagents: {pm: {}}\n").agents[0].prompt == "Mine."


def test_the_agent_wins_over_its_role_over_the_defaults_over_the_team(desk):
    (desk.folder / "sub").mkdir()
    team = desk.team(
        "workspace: {root: sub}\ndefaults: {grace: 1s, model: d, runner: claude}\nroles: {r: {grace: 2s, model: r}}\n"
        "agents: {a: {role: r, grace: 3s}, b: {role: r}, c: {workspace: {root: .}}}\n"
    )
    a, b, c = team.agents
    assert [agent.grace.total_seconds() for agent in team.agents] == [3, 2, 1]
    assert [agent.model for agent in team.agents] == ["r", "r", "d"]
    assert (a.cwd, b.cwd, c.cwd) == (str(desk.folder / "sub"), str(desk.folder / "sub"), str(desk.folder))


def test_replicas_are_counted_out_and_depended_on_together(desk):
    team = desk.team(
        "agents:\n  pm: {depends_on: [ui]}\n  ui: {replicas: 2, window: Face}\n"
        "  qa: {depends_on: {ui-2: started}, reports_to: ui-1}\n"
    )
    assert [(agent.name, agent.window, agent.index) for agent in team.agents] == [
        ("pm", "Shop-PM", 0),
        ("ui-1", "Face-1", 1),
        ("ui-2", "Face-2", 2),
        ("qa", "Shop-QA", 3),
    ]
    assert team.agents[0].depends_on == (Dependency("ui-1", "ready"), Dependency("ui-2", "ready"))
    assert team.agents[3].depends_on == (Dependency("ui-2", "started"),)


@pytest.mark.parametrize(
    ("agents", "words"),
    [
        ("{ui: {replicas: 2}, ui-1: {}}", "two agents called ui-1"),
        ("{a: {window: X}, b: {window: X}}", "a and b have the same window, X"),
        (f"{{{'a' * 31}: {{replicas: 2}}}}", "is too long"),
        ("{a: {depends_on: [a]}}", "a depends on itself"),
        ("{a: {replicas: 2, depends_on: [a-1]}}", "a depends on itself"),
        ("{a: {depends_on: [b]}, b: {depends_on: {c: started}}, c: {depends_on: [a]}}", "a → b → c → a"),
        ("{a: {depends_on: [bb]}, b: {}}", "there is no agent 'bb'"),
        ("{a: {reports_to: a}}", "a reports to itself"),
        ("{a: {replicas: 2}, b: {reports_to: a}}", "there are 2 of a"),
        ("{a: {role: devv}}", "there is no role 'devv'"),
        ("{a: {runner: claud}}", "there is no runner 'claud'"),
        ("{a: {runner: process}}", "agents.a is a process and has no command"),
        ("{a: {runner: claude, command: x}}", "'command' is for runner: process"),
        ("{a: {secrets: [x]}}", "there is no secret 'x'"),
        ("{a: {mcp: [x]}}", "there is no MCP server 'x'"),
        ("{a: {workspace: {root: nowhere}}}", "nowhere' does not exist"),
        ("{a: {workspace: {root: team.yaml}}}", "team.yaml' is not a folder"),
        ("{a: {brief: nope.md}}", "nope.md: there is no such file"),
        ("{a: {brief: ../../../etc/passwd}}", "lies outside of the team's folders"),
        ("{a: {prompt: '{{ vars.x }}'}}", "there is no 'x' here"),
        ("{a: {prompt: '{{ tem.name }}'}}", "there is no 'tem' here"),
        ("{a: }", "agents.a is empty"),
        (
            "{" + ", ".join(f"{name}: {{replicas: 100}}" for name in "abcdef") + "}",
            "at most 500",
        ),
    ],
)
def test_what_does_not_fit_together_is_one_problem_at_its_line(desk, agents, words):
    problem = desk.only_problem(f"agents: {agents}\n")
    assert words in problem.message
    assert problem.line == 3
    assert problem.column > 9


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("agents: {dev: {promt: x}}", "did you mean 'prompt'?"),
        ("agents: {dev: {memory: 1GiB}}", "it belongs under 'limits'"),
        ("agents: {dev: {role: serverr}}", "did you mean 'server'?"),
        ("agents: {dev: {runner: claud}}", "did you mean 'claude'?"),
        ("agents: {dev: {depends_on: {pm: redy}}, pm: {}}", "did you mean 'ready'?"),
        ("agents: {dev: {depends_on: [revewer]}, reviewer: {}}", "did you mean 'reviewer'?"),
        ("agents: {dev: {restart: no}}", "did you mean 'never'?"),
        ("agents: {dev: {env: {PORT: 3000}}}", 'write it in quotes: "3000"'),
        ("agents: {dev: {command: [x, 8080]}}", 'write it in quotes: "8080"'),
        ("agents: {dev: {prompt: '{{ tema.name }}'}}", "did you mean 'team'?"),
    ],
)
def test_mistakes_come_with_a_way_out(desk, wrong, hint):
    assert hint in f"{(problem := desk.only_problem(wrong + chr(10))).hint} {problem.message}"


def test_one_mistake_does_not_hide_the_others(desk):
    _, problems = desk.check(
        "version: 2\nname: A B\nagents:\n  a: {limits: {cpu: 5}, role: xx}\n"
        "  b: [1]\n  c: {depends_on: [b, dd], ready: {http: x}}\n"
    )
    assert [problem.line for problem in problems] == [1, 2, 4, 4, 5, 6, 6]


def test_a_fault_of_a_shared_role_is_said_once(desk):
    assert (
        "nope.md"
        in desk.only_problem(
            "roles: {r: {brief: nope.md}}\nagents: {a: {role: r}, b: {role: r}, c: {role: r, replicas: 3}}\n"
        ).message
    )


def test_missing_keys_are_named(desk):
    _, problems = desk.check("description: x\n")
    assert [problem.message for problem in problems] == [
        "the team needs 'agents'",
        "the team needs 'name'",
        "the team needs 'version'",
    ]


COMMANDS = [
    ("npm run dev -- --port {{ vars.port }}", ("npm", "run", "dev", "--", "--port", "5 3")),
    ("[npm, run, '{{ vars.port }}', 'a;b']", ("npm", "run", "5 3", "a;b")),
    ("\"sh -c 'a | b > c; echo $HOME *'\"", ("sh", "-c", "a | b > c; echo $HOME *")),
    ("'echo \"a;b|c\" x\\ y \\*'", ("echo", "a;b|c", "x y", "*")),
    ("'echo {{ \"a|b\" }}'", ("echo", "a|b")),
    ("'{{ agentctl.python }} -V'", (sys.executable, "-V")),
    (">-\n      one\n      two", ("one", "two")),
]


@pytest.mark.parametrize(("command", "argv"), COMMANDS)
def test_a_command_is_a_list_of_words(desk, command, argv):
    team = desk.team(f"vars: {{port: 5 3}}\nagents:\n  a:\n    command: {command}\n")
    assert team.agents[0].argv == argv
    assert team.agents[0].runner == "process"


@pytest.mark.parametrize(
    "sign",
    [
        "a | b",
        "a && b",
        "a; b",
        "a > b",
        "a < b",
        "a $(b)",
        "a `b`",
        "a *",
        "a $HOME",
        "a ~/b",
        "a &",
        'a "$(b)"',
        'a "`b`"',
    ],
)
def test_a_line_that_needs_a_shell_must_say_so(desk, sign):
    problem = desk.only_problem(f"agents:\n  a:\n    command: '{sign}'\n")
    assert "needs a shell" in problem.message
    assert "shell: true" in problem.hint
    assert problem.line == 5
    assert desk.team(f"agents:\n  a:\n    shell: true\n    command: '{sign}'\n").agents[0].argv == (
        "/bin/sh",
        "-c",
        sign,
    )


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("A=1 b", "'A=' before a program needs a shell"),
        ("'a \"b'", "a quote in this command is not closed"),
        ("' '", "is empty"),
        ("[]", "needs at least 1"),
        ("['']", "names no program"),
        ("|\n      one\n      two", "'a second line' needs a shell"),
        ("'a {% if x %}'", "cannot be split into words"),
    ],
)
def test_a_command_that_is_none(desk, command, words):
    assert words in desk.only_problem(f"agents:\n  a:\n    command: {command}\n").message


PROBES = [
    ("ready: {http: 'http://127.0.0.1:{{ vars.port }}/'}", Probe("http", "http://127.0.0.1:53/")),
    (
        "ready: {tcp: 'localhost:{{ vars.port }}', every: 200ms, timeout: 2m}",
        Probe("tcp", "localhost:53", every=timedelta(seconds=0.2), timeout=timedelta(minutes=2)),
    ),
    ("ready: {command: pg_isready -p 1}", Probe("command", argv=("pg_isready", "-p", "1"))),
    ("ready: {command: a | b, shell: true}", Probe("command", argv=("/bin/sh", "-c", "a | b"))),
    ("ready: {log: 'ready in \\d+'}", Probe("log", "ready in \\d+")),
    (
        "health: {tcp: '[::1]:80', failures: 5}",
        Probe("tcp", "[::1]:80", every=timedelta(seconds=10), timeout=timedelta(seconds=5), failures=5),
    ),
]


@pytest.mark.parametrize(("line", "probe"), PROBES)
def test_probes(desk, line, probe):
    agent = desk.team(f"vars: {{port: 53}}\nagents:\n  a:\n    {line}\n").agents[0]
    assert (agent.health if line.startswith("health") else agent.ready) == probe


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ready: {}", "'ready' asks nothing"),
        ("ready: {timeout: 5s}", "'ready' asks nothing"),
        ("ready: {http: 'http://a/', tcp: 'a:1'}", "in more than one way: http and tcp"),
        ("ready: {http: a}", "not a web address"),
        ("ready: {http: 'file:///etc/passwd'}", "not a web address"),
        ("ready: {http: 'http://a:99999/'}", "not a web address"),
        ("ready: {tcp: a}", "write it as host:port"),
        ("ready: {tcp: 'a:0'}", "write it as host:port"),
        ("ready: {log: '('}", "not a regular expression"),
        ("ready: {command: a | b}", "needs a shell"),
        ("ready: {command: [a], shell: true}", "takes one line, not a list"),
        ("ready: {log: x, failures: 2}", "unknown key 'failures'"),
        ("health: {log: x, failures: 0}", "must be at least 1"),
        ("ready: {http: '{{ vars.no }}'}", "there is no 'no' here"),
    ],
)
def test_probes_that_are_none(desk, line, words):
    problem = desk.only_problem(f"agents:\n  a:\n    {line}\n")
    assert words in problem.message
    assert problem.line == 5


def test_restart_in_full_and_in_short(desk):
    team = desk.team(
        "agents:\n  a: {restart: always}\n  b: {restart: {policy: never, max_restarts: 0, window: 2h, closed: restart,"
        " well_after: 1m,"
        " backoff: {initial: 500ms, factor: 3, max: 1m, jitter: false}}}\n"
    )
    a, b = team.agents
    assert a.restart == RestartPolicy("always")
    wait = Backoff(timedelta(seconds=0.5), 3.0, timedelta(minutes=1), jitter=False)
    assert b.restart == RestartPolicy("never", 0, timedelta(hours=2), wait, timedelta(minutes=1), "restart")


def test_limits_and_no_limits(desk):
    a, b = desk.team(
        "agents: {a: {limits: {cpu: 150%, memory: 1.5GiB, pulse: 500ms}}, b: {limits: {cpu: none, memory: none}}}\n"
    ).agents
    assert a.limits == Limits(150.0, int(1.5 * 2**30), timedelta(seconds=0.5))
    assert (b.limits.cpu_percent, b.limits.memory_bytes) == (None, None)


def test_who_thinks_has_a_pulse_and_others_where_it_is_written(desk):
    agents = desk.team(
        "agents:\n  a: {runner: claude}\n  b: {runner: shell}\n  c: {runner: process, command: x}\n"
        "  d: {runner: shell, limits: {pulse: 3s}}\n"
    ).agents
    assert [agent.limits.pulse.total_seconds() for agent in agents] == [2, 0, 0, 3]


def test_drift_is_the_layout(desk):
    assert desk.team("drift: leave\nagents: {a: {}}\n").layout == "leave"


def test_secrets_go_by_name(desk):
    desk.variables["HOME"] = "/home/kim"
    team = desk.team(
        "secrets:\n  npm: {env: NPM_TOKEN}\n  db-key: {file: keys/db}\n  vault: {command: [pass, show, x], as: VAULT}\n"
        "  home: {file: ~/.key}\n"
        "agents: {a: {secrets: [npm, db-key, vault, home], env_pass: [LANG, LANG, EDITOR]}, b: {}}\n"
    )
    a, b = team.agents
    assert a.secrets == (
        Secret("npm", "NPM_TOKEN", "env", "NPM_TOKEN"),
        Secret("db-key", "DB_KEY", "file", str((desk.folder / "keys/db").resolve())),
        Secret("vault", "VAULT", "command", argv=("pass", "show", "x")),
        Secret("home", "HOME", "file", "/home/kim/.key"),
    )
    assert a.env_pass == ("LANG", "EDITOR")
    assert b.secrets == ()


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("{}", "needs one of env, file, command, keyring"),
        ("{env: A, file: b}", "takes only one of"),
        ("{env: 1A}", "use letters, digits and _"),
        ("abc123", "must be a map of keys"),
        ("{value: abc}", "unknown key 'value'"),
    ],
)
def test_secrets_that_are_none(desk, secret, words):
    assert words in desk.only_problem(f"secrets: {{x: {secret}}}\nagents: {{a: {{}}}}\n").message


def test_two_secrets_in_one_variable_are_refused(desk):
    assert (
        "T of a is given twice"
        in desk.only_problem("secrets: {x: {env: T}, t: {file: f}}\nagents: {a: {secrets: [x, t]}}\n").message
    )


@pytest.mark.parametrize(
    ("name", "value", "warned"),
    [
        ("API", "sk-ant-0123456789abcdefghij", True),
        ("X", "ghp_0123456789abcdefghijklmnopqrstuv", True),
        ("X", "AKIA0123456789ABCDEF", True),
        ("DB_PASSWORD", "correct-horse-battery", True),
        ("SOME_TOKEN", "short", False),
        ("TOKEN_FILE", "/run/secrets/token-file", False),
        ("DATABASE_URL", "postgresql://app@127.0.0.1/app", False),
    ],
)
def test_a_value_that_looks_like_a_key_is_warned_about_and_not_shown(desk, name, value, warned):
    notes = desk.team(f"agents: {{a: {{env: {{{name}: '{value}'}}}}}}\n").notes
    assert bool(notes) is warned
    assert not any(value in note for note in notes)


def test_what_is_not_acted_on_is_said_once_and_only_if_written(desk):
    team = desk.team(
        "mcp: {p: {command: npx}}\nnotify: [{on: [done], to: [bell]}]\nworkspace: {isolation: none, setup: [npm ci]}\n"
        "defaults: {commit: {every: 1h, message: x}}\nworkflows: {w: {steps: {a: {run: [x]}}}}\n"
        "agents: {a: {mcp: [p], scale: {max: 5}}, b: {commit: false}}\n"
    )
    said = [note.split(" ")[0] for note in team.notes]
    assert said == ["workflows", "mcp", "commit.message", "scale", "workspace.setup"]
    assert team.notes[2] == "commit.message is checked but not acted on by this version (team.yaml:6)"


def test_what_is_known_only_with_a_task_is_shown_by_its_name(desk):
    team = desk.team("agents: {a: {prompt: 'Goal: {{ inputs.goal }}'}}\n")
    assert team.agents[0].prompt == "Goal: <inputs.goal>"
    assert "<inputs.goal>" in team.notes[0]


def test_briefs_come_before_prompts_and_a_shell_is_told_no_brief(desk):
    desk.write("b.md", "Brief.\n")
    a, b, c = desk.team(
        "roles: {r: {brief: b.md}}\n"
        "agents: {a: {role: r, prompt: P.}, b: {role: r, runner: shell}, c: {role: r, command: x}}\n"
    ).agents
    assert (a.prompt, b.prompt, c.prompt) == ("Brief.\n\nP.", "", "")


def test_the_folder_of_the_caller_can_be_the_workspace(desk, tmp_path):
    desk.write("teams/t.yaml", "version: 1\nname: t\nagents: {a: {workspace: {root: caller}}, b: {}}\n")
    team, _ = desk.check(name="teams/t.yaml")
    assert team is not None
    assert [agent.cwd for agent in team.agents] == [str(tmp_path.resolve())] * 2


def test_a_fault_in_a_brief_is_shown_in_the_brief(desk):
    desk.write("b.md", "One\n\n  {{ agent.nam }}\n{% set x = 1 %}\n")
    problem = desk.only_problem("agents: {a: {brief: b.md}}\n")
    assert (problem.file, problem.line) == ("b.md", 4)


def test_a_large_team_loads_quickly(desk):
    agents = "".join(
        f"  a{n}: {{role: dev, prompt: 'You are {{{{ agent.name }}}}', depends_on: [b{n}]}}\n  b{n}: {{}}\n"
        for n in range(100)
    )
    desk.team("agents:\n" + agents)
    before = time.process_time()
    desk.team("agents:\n" + agents)
    assert time.process_time() - before < 1.5


def test_limits_and_priority_come_as_they_are_written(desk):
    team = desk.team(
        "defaults: {priority: 3, limits: {processes: 200}}\n"
        "agents: {a: {}, b: {priority: 9, limits: {processes: none, on_exceed: stop}}, c: {limits: {cpu: none}}}\n"
    )
    a, b, c = team.agents
    assert [agent.priority for agent in team.agents] == [3, 9, 3]
    assert (a.limits.processes, a.limits.on_exceed) == (200, "restart")
    assert (b.limits.processes, b.limits.on_exceed) == (None, "stop")
    assert (c.limits.processes, c.limits.cpu_percent) == (200, None)
    assert team.notes == ()
    assert a.digest() == desk.team("agents: {a: {}, b: {}, c: {}}\n").agents[0].digest()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("priority: 0", "priority"),
        ("priority: 10", "priority"),
        ("limits: {processes: 7}", "must be a whole number from 8 to 1,000,000, or none"),
        ("limits: {processes: 20.5}", "must be a whole number"),
        ("limits: {processes: many}", "must be a whole number"),
        ("limits: {on_exceed: kill}", "on_exceed"),
    ],
)
def test_limits_that_make_no_sense_are_refused(desk, settings, words):
    problem = desk.only_problem(f"agents: {{a: {{{settings}}}}}\n")
    assert words in problem.message
