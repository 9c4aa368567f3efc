"""Whatever a file holds, the answer is a team or problems with places; nothing else ever comes out."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentctl.domain.team import TeamSpec
from agentctl.spec.document import Agent, Document, Settings
from agentctl.spec.load import check_team, resolved_document
from agentctl.spec.problems import SpecProblems
from agentctl.spec.programs import Program
from agentctl.spec.schedule import Schedule

KEYS = sorted(
    {
        *Document.model_fields,
        *Agent.model_fields,
        *Settings.model_fields,
        *Schedule.model_fields,
        "extends",
        "$schema",
        "x-a",
        "<<",
        "http",
    }
)
TELLING = [
    "pm", "dev", "ready", "50%", "2s", "512MiB", "always", "{{ vars.a }}", "{{", "${A}", "${B:-c}", "${", "$$",
    "a.yaml", "..", "caller", "0 9 * * 1-5", "Europe/Berlin",
]  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.sampled_from(TELLING)
)
WORDS = st.one_of(st.sampled_from(KEYS), st.sampled_from(["pm", "dev"]), st.text(max_size=5))
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=25,
)


def load(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.yaml"
        path.write_bytes(content)
        variables = {"A": "x{{ y"}
        team, problems = check_team(
            path, variables=variables, runners={"claude": Program("claude", coding=True)}, folder=Path(folder)
        )
        assert (team is None) is bool(problems)
        assert all(problem.line >= 1 and problem.column >= 1 and problem.message for problem in problems)
        if problems:
            assert "nothing was started" in SpecProblems(problems).render()
            return
        assert isinstance(team, TeamSpec)
        assert resolved_document(path, variables=variables, folder=Path(folder))


def flow(tree: object) -> str:
    """Return *tree* as YAML in flow style, badly quoted at times."""
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(value)}" for key, value in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(map(flow, tree)) + "]"
    return str(tree) if not isinstance(tree, str) or tree.isalnum() else f'"{tree}"'


FEW = settings(suppress_health_check=[HealthCheck.too_slow])


@FEW
@given(st.binary(max_size=200))
def test_bytes(content):
    load(content)


@FEW
@given(st.text(max_size=200))
def test_text(content):
    load(content.encode("utf-8", "surrogatepass"))


@FEW
@given(st.text(alphabet="[]{}:,-?&*!|>'\"%@`#<~ \nab0\t.$", max_size=120))
def test_text_made_of_yaml_signs(content):
    load(content.encode())


@FEW
@given(st.dictionaries(st.sampled_from(KEYS), TREES, max_size=8))
def test_files_of_the_right_words_in_the_wrong_places(tree):
    load(flow({"version": 1, "name": "shop", **tree}).encode("utf-8", "surrogatepass"))


@FEW
@given(st.dictionaries(st.sampled_from(sorted(Agent.model_fields)), TREES, max_size=5), TREES)
def test_agents_of_the_right_words_with_the_wrong_values(agent, defaults):
    tree = {"version": 1, "name": "shop", "vars": {"a": 1}, "defaults": defaults, "agents": {"pm": agent, "dev": {}}}
    load(flow(tree).encode("utf-8", "surrogatepass"))
