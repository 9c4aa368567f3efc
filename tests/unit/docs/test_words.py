"""Words that belong into no file that is shipped: paths of one machine, and the littering of reports."""

from __future__ import annotations

import re

# Absolute paths of somebody's machine. `/home/` alone may be spoken of; a name below it may not.
_MACHINE = re.compile(r"(?<![\w.~$}-])(?:/work/|/root(?:/|\b)|/home/\w|/Users/\w|/mnt/\w|[A-Z]:\\Users)")


def _found(path, text):
    return [
        f"{path}:{number}: {line.strip()[:100]}"
        for number, line in enumerate(text.splitlines(), 1)
        if _MACHINE.search(line)
    ]


def test_documents_name_no_machine(documents):
    assert [hit for document in documents for hit in _found(document.name, document.text)] == []


def test_shipped_teams_templates_and_pictures_name_no_machine(shipped, root):
    hits = []
    for path in shipped:
        name = path.relative_to(root).as_posix()
        if name.startswith(("teams/", "templates/", "docs/", ".ci/")) or name in (
            "Makefile",
            "pyproject.toml",
            "agentctl.yaml",
        ):
            hits += _found(name, path.read_text(encoding="utf-8", errors="replace"))
    assert hits == []


def test_markdown_lies_only_where_documents_belong(shipped, root):
    allowed = {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "AGENTS.md"}
    names = [path.relative_to(root).as_posix() for path in shipped if path.suffix == ".md"]
    stray = [
        n
        for n in names
        if n not in allowed
        and not n.startswith(
            (
                "docs/",
                "benchmarks/README",
                "tests/screens/README",
                "tests/turns/README",
                "teams/",
                "templates/",
                ".github/",
            )
        )
    ]
    assert stray == []
