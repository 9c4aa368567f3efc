"""Templates show, choose and loop; nothing in one can reach out, hang or eat memory."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentctl.spec.templates import Later, TemplateProblem, check, render

FACTS = {
    "team": {"name": "shop", "agents": [{"name": "a"}, {"name": "b"}], "items": "an item"},
    "vars": {"port": 3, "yes": True, "big": "a" * 1_000_000},
    "many": list(range(400)),
    "inputs": Later("inputs", set()),
}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("plain", "plain"),
        ("${x} {# no marker", "${x} {# no marker"),
        ("{{ team.agents | map(attribute='name') | join(', ') }}", "a, b"),
        ("{{ team.agents | join('-', attribute='name') }}", "a-b"),
        (
            "{% for a in team.agents %}{{ loop.index }}{{ a.name }}{% if not loop.last %},{% endif %}{% endfor %}",
            "1a,2b",
        ),
        ("{% for a in team.agents if a.name != 'a' %}{{ a.name }}{% else %}none{% endfor %}", "b"),
        ("{{ vars.port + 1 }} {{ -vars.port }} {{ vars.yes }} {{ none }}|", "4 -3 true |"),
        ("{{ team.items }} {{ team['name'] }} {{ team.agents[1].name }}", "an item shop b"),
        ("{{ x | default('y') }} {{ team.nope | default('z') }} {{ 'x' if x is defined else 'no' }}", "y z no"),
        ("{{ inputs.goal.text | upper }} {{ inputs.a[0] }}", "<inputs.goal.text> <inputs.a.0>"),
        ("{{ ' A b ' | trim | lower | title }} {{ 'ab' | first }}{{ 'ab' | last }}{{ 'ab' | length }}", "A B ab2"),
        ("{{ 'a\nb\nc' | tail(2) | indent(2) }}", "b\n  c"),
        ("{% raw %}{{ x }}{% endraw %} {{ '{{' }}", "{{ x }} {{"),
        ("{{ 'b' in ['a', 'b'] }}", "true"),
    ],
)
def test_what_a_template_can_do(source, text):
    assert render(source, FACTS) == text


HOSTILE = [
    "{{ 'a' * 300000000 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '{:>1000000000}'.format(1) }}",
    "{{ 'a'.ljust(1000000000) }}",
    "{{ 'a' | center(1000000000) }}",
    "{{ 'a' ~ 'b' }}",
    "{{ 'a' + 'b' }}",
    "{{ [[1]] }}",
    "{{ {'a': 1} }}",
    "{{ range(1000000000) }}",
    "{% for a in range(1000000000) %}{% endfor %}",
    "{% for a in many %}{% for b in many %}{% for c in many %}{% endfor %}{% endfor %}{% endfor %}",
    "{% for a in many %}{% for b in many %}{% if vars.big | upper == 'x' %}{% endif %}{% endfor %}{% endfor %}",
    "{% for a in many recursive %}{{ loop(many) }}{% endfor %}",
    "{% for a in many %}{{ vars.big }}{% endfor %}",
    "{{ vars.big }}{{ vars.big }}",
    "{% set a = 1 %}",
    "{% set a %}x{% endset %}",
    "{% macro f() %}{{ f() }}{% endmacro %}",
    "{% call f() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% extends 'x' %}",
    "{% block a %}{% endblock %}",
    "{% with a = 1 %}{% endwith %}",
    "{% autoescape true %}{% endautoescape %}",
    "{{ ''.__class__.__mro__ }}",
    "{{ ''['__class__'] }}",
    "{{ team.__class__ }}",
    "{{ team.agents.append }}",
    "{{ team.keys() }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ lipsum }}",
    "{{ self }}",
    "{{ self._TemplateReference__context }}",
    "{{ loop }}",
    "{{ _budget }}",
    "{{ 'a' | attr('__class__') }}",
    "{{ team | tojson }}",
    "{{ team | map('upper') }}",
    "{{ team }}",
    "{{ team.agents }}",
    "{{ 1 < 'a' }}",
    "{{ 1 / 0 }}",
    "{{ 5 % 0 }}",
    "{{ many[0:2] }}",
    "{{",
    "{{ }}",
    "{% if %}",
    "{% nope %}",
    "{{ 1 | nope }}",
    "{{ 1 is nope }}",
    "{{ nope }}",
    "{{ team.nope }}",
    "{{ team.nope.more }}",
    "{% for a in nope %}{% endfor %}",
    "{% for a in 5 %}{% endfor %}",
    "{% for a, b in many %}{% endfor %}",
    "{% for a in inputs.list %}{% endfor %}",
    "{{ nope | join }}",
    "{{ 'abc' | join(',') }}",
    "{{ 'a' | indent('x') }}",
    "{{ " + "(" * 20_000 + " }}",
    "{{ " + "not " * 15_000 + "1 }}",
    "{{ a" + ".b" * 30_000 + " }}",
    "{{ vars.big" + "|upper" * 8_000 + " }}",
    "{{ vars.big" + "|upper" * 300 + " }}",
    "{{ " + "9" * 6_000 + " }}",
    "{% for a in many %}" * 25 + "{% endfor %}" * 25,
    "{% if 1 %}" * 3_000 + "{% endif %}" * 3_000,
    "{{ team.name }}" * 6_000,
    "{{ 1 if 1 else " * 3_000 + "1" + " }}",
]


@pytest.mark.parametrize("source", HOSTILE, ids=lambda source: source[:40])
def test_what_a_template_cannot_do(source):
    before = time.process_time()
    with pytest.raises(TemplateProblem) as found:
        render(source, FACTS)
    assert time.process_time() - before < 2.5
    assert found.value.message
    assert len(found.value.message) < 400


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps the peak of the program alone")
def test_hostile_templates_stay_small_in_memory():
    code = (
        "import sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from test_templates import FACTS, HOSTILE\n"
        "from agentctl.spec.templates import TemplateProblem, render\n"
        "for source in HOSTILE:\n"
        "    if 'many' in source and 'upper' in source: continue\n"
        "    try: render(source, FACTS)\n"
        "    except TemplateProblem: pass\n"
        "print([int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmHWM')][0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) * 1024 < 250 * 2**20


def test_names_are_checked_without_rendering():
    check("{{ task.title | default('x') }} {{ steps.unit.log | tail(80) }}", ("task", "steps"))
    check("no template {", ())
    with pytest.raises(TemplateProblem, match="there is no 'taks' here") as found:
        check("{{ taks.title }}", ("task", "steps"))
    assert found.value.hint == "did you mean 'task'?"


def test_files_without_a_template_load_no_jinja(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("version: 1\nname: a\nroles: {r: {}}\nagents: {x: {role: r, command: [sleep, '5']}}\n")
    code = (
        "import sys; from pathlib import Path; from agentctl.spec.load import load_team\n"
        "assert 'pydantic' not in sys.modules\n"
        "load_team(Path(sys.argv[1]), variables={}, runners={}); assert 'jinja2' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60)
