"""No line of ours takes away what is a user's: neither by a command of git or the shell, nor by a call of Python."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import agentctl

ROOT = Path(agentctl.__file__).parent
SOURCES = sorted(path for path in ROOT.rglob("*.py") if "_bundled" not in path.parts)
SCRIPTS = sorted(path for path in ROOT.rglob("*") if path.suffix in (".sh", ".toml"))

_WORDS = frozenset({"--hard", "-D", "clean", "gc", "prune", "filter-branch", "--force", "-f"})
"""Words of git that discard: none of them stands among the words of a command here."""
_LINES = re.compile(
    r"\brm\s+-\w*r|\bgit\s+(reset\s+--hard|clean|branch\s+-D|worktree\s+remove|stash\s+drop|push\s+(-f|--force))"
)
_CALLS = frozenset({"rmtree", "removedirs"})

_OWN = {"drivers/git/desk.py": ["rmtree"]}
"""What takes away what is ours: objects that wait on a desk in the state folder."""


def faults(source: str) -> list[str]:
    """Return what in *source*, a module, discards something."""
    found = []
    tree = ast.parse(source)
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and _called(node) in _CALLS:
            found.append(f"{node.lineno}: {_called(node)}")
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
            found += [f"{node.lineno}: {node.value!r}"] if _LINES.search(node.value) else []
        if isinstance(node, ast.Call | ast.Tuple | ast.List) and _is_git(node):
            found += [f"{node.lineno}: git {word}" for word in _texts(node) if word in _WORDS]
    return found


def _called(node: ast.Attribute | ast.Name) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id


def _texts(node: ast.Call | ast.Tuple | ast.List) -> list[str]:
    parts = node.args if isinstance(node, ast.Call) else node.elts
    return [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]


def _is_git(node: ast.Call | ast.Tuple | ast.List) -> bool:
    """Tell whether these are the words of a command of git."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute | ast.Name) and _called(node.func) in ("git", "run_git")
    words = _texts(node)
    return bool(words) and words[0] in ("git", "branch", "reset", "worktree", "update-ref", "push", "stash", "checkout")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_discards_anything(path: Path) -> None:
    found = [fault.partition(": ")[2] for fault in faults(path.read_text())]
    assert found == _OWN.get(str(path.relative_to(ROOT)), [])


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_script_discards_anything(path: Path) -> None:
    assert not [line for line in path.read_text().splitlines() if _LINES.search(line.partition("#")[0])]


@pytest.mark.parametrize(
    "source",
    [
        "import shutil\nshutil.rmtree(path)",
        "from shutil import rmtree\nrmtree(path)",
        "shadow.git('reset', '--hard', commit)",
        "words = ('branch', '-D', name)",
        "words = ['git', 'clean', '-fdx']",
        "run('rm -rf ' + path)",
        "run(f'git worktree remove -f {path}')",
    ],
)
def test_each_way_to_discard_is_found(source: str) -> None:
    assert faults(source)
