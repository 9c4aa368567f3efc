"""The schema, the reference page and the examples of the guide say what the program does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from agentctl.spec.nodes import to_data
from agentctl.spec.parse import parse
from agentctl.spec.reference import team_file_reference
from agentctl.spec.schema import team_schema
from agentctl.spec.source import Source, read_source

ROOT = Path(__file__).parents[3]
SHIPPED = sorted([*(ROOT / "teams").glob("*.yaml"), *(ROOT / "templates/init").glob("*.yaml")])
GUIDE = ROOT / "docs/howto/team-files.md"
NEWER = {
    "$defs",
    "$dynamicRef",
    "prefixItems",
    "unevaluatedProperties",
    "unevaluatedItems",
    "dependentRequired",
    "dependentSchemas",
}
BLOCKS = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
FULL = [block for block in BLOCKS if "version: 1\n" in block]


def errors(text: str) -> list[str]:
    tree, problems = parse(Source(Path("x"), "x", text))
    assert tree is not None
    assert not problems
    return [error.message for error in Draft7Validator(team_schema()).iter_errors(to_data(tree))]


def test_the_schema_is_draft_07_and_nothing_newer():
    schema = team_schema()
    Draft7Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    words = set(re.findall(r'"([$A-Za-z]+)":', json.dumps(schema)))
    assert not words & NEWER


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_schema_accepts_what_is_shipped(path):
    assert errors(read_source(path, path.name).text) == []


@pytest.mark.parametrize(
    "line",
    [
        "limits: {cpu: 50%, memory: none}",
        "limits: null",
        "replicas: '${N:-2}'",
        "restart: always",
        "restart: {policy: '${P}', backoff: {jitter: '${J}'}}",
        "check_in: false",
        "check_in: {every: 15m}",
        "commit: 30m",
        "commit: off",
        "commit: '${EVERY:-30m}'",
        "commit: {cron: '@daily', zone: Europe/Berlin}",
        "command: a b",
        "command: [a, b]",
        "depends_on: [b]",
        "depends_on: {b: {condition: started}}",
        "x-mine: [1]",
        "env: {A: b, C: null}",
    ],
)
def test_the_schema_accepts_what_the_loader_accepts(line):
    assert errors(f"version: 1\nname: a\nx-y: 1\n$schema: s\nagents: {{a: {{{line}}}, b: {{}}}}\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nname: a\n",
        "version: 2\nname: a\nagents: {a: {}}\n",
        "version: 1\nname: A B\nagents: {a: {}}\n",
        "version: 1\nname: a\nagents: [a]\n",
        "version: 1\nname: a\nagents: {A B: {}}\n",
        "version: 1\nname: a\nagents: {a: {promt: x}}\n",
        "version: 1\nname: a\nagents: {a: {limits: {cpu: 50}}}\n",
        "version: 1\nname: a\nagents: {a: {limits: {memory: 12}}}\n",
        "version: 1\nname: a\nagents: {a: {grace: 12:30}}\n",
        "version: 1\nname: a\nagents: {a: {restart: no}}\n",
        "version: 1\nname: a\nagents: {a: {replicas: two}}\n",
        "version: 1\nname: a\nagents: {a: {env: {A: 3}}}\n",
        "version: 1\nname: a\nagents: {a: {command: []}}\n",
        "version: 1\nname: a\nagents: {a: {commit: 30}}\n",
        "version: 1\nname: a\nagents: {a: {}}\nschedules: {s: {cron: '* * *', commit: true}}\n",
        "version: 1\nname: a\nagents: {a: {}}\nschedules: {s: {every: 1h, commit: false}}\n",
        "extends: [a]\n",
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(text, desk):
    assert errors(text)
    assert desk.check(text)[1]


def test_the_schema_accepts_schedules():
    found = errors(
        "version: 1\nname: a\nagents: {a: {}}\nschedules:\n"
        "  s: {cron: '*/15 9-17 * * MON-FRI', zone: Etc/GMT+5, message: Well?, agents: [a], jitter: 2m}\n"
        "  t: {every: 1h, commit: true, enabled: '${ON:-true}'}\n"
    )
    assert found == []


def test_the_schema_that_lies_beside_the_teams_is_the_present_one():
    assert json.loads((ROOT / "teams/team.schema.json").read_text()) == team_schema()


def test_the_reference_page_is_the_present_one():
    assert (ROOT / "docs/reference/team-file.md").read_text() == team_file_reference()


def test_the_guide_has_full_examples():
    assert len(FULL) >= 5


@pytest.mark.parametrize(
    "text", FULL, ids=lambda text: next(line for line in text.splitlines() if line.startswith("name"))
)
def test_every_full_example_of_the_guide_loads(text, desk):
    for name in ("base.yaml", "briefs/tester.md.j2", "web/x"):
        desk.write(
            name,
            "version: 1\nname: base\nagents: {pm: {}}\n" if name.endswith("yaml") else "You are {{ agent.name }}.\n",
        )
    desk.variables["NPM_TOKEN"] = "x"
    team, problems = desk.check(text, name="teams.yaml")
    assert not problems, problems
    assert team is not None
    assert errors(text) == []
