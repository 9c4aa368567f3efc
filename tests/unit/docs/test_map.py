"""The map in CONTRIBUTING and the list of decisions show what is there."""

from __future__ import annotations

import re
import tomllib

import pytest

from agentctl import __version__

_SECTIONS = ("Context", "Decision", "Alternatives considered", "Consequences", "Not covered")


def test_the_map_names_every_room_and_no_other(texts, root):
    (drawing,) = [block for block in texts["CONTRIBUTING.md"].blocks("") if block.text.startswith("agentctl/\n")]
    named = set(re.findall(r"^  (\w+)/ ", drawing.text, re.MULTILINE))
    rooms = {path.parent.name for path in (root / "agentctl").glob("*/__init__.py")}
    assert named == rooms


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/design/architecture.md"])
def test_the_direction_of_imports_is_the_one_that_is_checked(texts, root, page):
    rules = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [rule["layers"] for rule in rules if rule["type"] == "layers"]
    assert "  →  ".join(layers) in texts[page].text


def test_every_decision_is_listed_and_has_its_sections(texts):
    listed = re.findall(r"^\| \[(\d{4})\]\((\S+)\) \| (.+?) \|", texts["docs/adr/README.md"].text, re.MULTILINE)
    pages = {name.removeprefix("docs/adr/") for name in texts if re.match(r"docs/adr/\d{4}-", name)}
    assert {path for _, path, _ in listed} == pages
    for number, path, title in listed:
        text = texts[f"docs/adr/{path}"].text
        assert path.startswith(number)
        assert text.startswith(f"# {number} {title}\n")
        assert tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) == _SECTIONS
        alternatives = text.partition("## Alternatives considered")[2].partition("\n## ")[0]
        assert alternatives.count("\n- **") >= 2, path


def test_agents_are_pointed_to_the_one_page(texts):
    lines = texts["AGENTS.md"].text.splitlines()
    assert len(lines) == 1
    assert "(CONTRIBUTING.md)" in lines[0]


def test_the_changelog_knows_this_version(texts):
    headings = re.findall(r"^## \[(.+?)\]", texts["CHANGELOG.md"].text, re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert __version__ in headings
