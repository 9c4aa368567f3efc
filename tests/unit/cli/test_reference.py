"""Help, table and the reference page say the same."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from agentctl.cli.app import BY_NAME, COMMANDS, GROUPS, PANELS
from agentctl.cli.call import Call, take
from agentctl.cli.complete import candidates
from agentctl.cli.reference import cli_reference
from agentctl.cli.tree import build
from agentctl.domain import errors

DOCS = Path(__file__).parents[3] / "docs" / "reference"
OWN_CODES = {0, 1, 10, 70, 130}


def test_the_page_is_what_the_commands_say() -> None:
    assert (DOCS / "cli.md").read_text() == cli_reference(), (
        "run: python -m agentctl.cli.reference > docs/reference/cli.md"
    )


def test_every_exit_code_is_explained() -> None:
    explained = {int(code) for code in re.findall(r"^\| (\d+) \|", (DOCS / "exit-codes.md").read_text(), re.MULTILINE)}
    raised = {
        kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)
    }
    assert explained == raised | OWN_CODES


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_every_command_loads_and_is_in_a_panel(row) -> None:
    command = build(row)
    assert command.help
    assert row.panel in PANELS
    assert row.summary.endswith(".")
    assert len(row.summary) <= 58, "it has to fit beside the names at 80 columns"
    if " " in row.name:
        assert row.name.split()[0] in GROUPS


@pytest.mark.parametrize("example", [line for row in COMMANDS for line in row.examples])
def test_every_example_parses(example: str) -> None:
    words = shlex.split(example, comments=True)
    words = words[words.index("agentctl") + 1 :] if "agentctl" in words else []
    if not words:
        assert "agentctl" in example  # inside $(…)
        return
    words = words[: words.index(">")] if ">" in words else words
    _, words = take(words, {})
    length = 2 if " ".join(words[:2]) in BY_NAME else 1
    row = BY_NAME[" ".join(words[:length])]
    build(row).make_context(row.name, words[length:], obj=Call())


@pytest.mark.parametrize("panel", PANELS)
def test_every_panel_fits_a_first_look(panel: str) -> None:
    shown = {row.name.split()[0] for row in COMMANDS if row.panel == panel and not row.alias_of}
    assert len(shown) <= 8


class TestCompletion:
    @pytest.mark.parametrize(
        ("words", "last", "expected"),
        [
            ([], "dep", ["deploy"]),
            ([], "da", ["daemon"]),
            (["daemon"], "st", ["start", "stop", "status"]),
            (["completion"], "", ["bash", "zsh", "fish"]),
            (["nonsense"], "", []),
            (["send"], "--k", ["--keys"]),
            (["--no-input", "daemon"], "in", ["install"]),
            (["messages"], "re", ["retry"]),
            (["messages", "show"], "re", []),
        ],
    )
    def test_words(self, home, words, last, expected) -> None:
        assert [candidate.value for candidate in candidates(words, last)] == expected

    def test_names_come_from_the_supervisor(self, supervisor, process) -> None:
        supervisor.on("names", {"teams": ["frontend"], "agents": ["frontend/pm", "frontend/ui", "back/pm"]})
        asking = {"_AGENTCTL_COMPLETE": "complete_bash", "COMP_WORDS": "agentctl send front", "COMP_CWORD": "2"}
        assert process(env={**os.environ, **asking}).stdout == "frontend/pm\nfrontend/ui\n"
        fish = {"_AGENTCTL_COMPLETE": "complete_fish", "_TYPER_COMPLETE_ARGS": "agentctl stop fr"}
        lines = process(env={**os.environ, **fish}).stdout.splitlines()
        assert lines == ["frontend\tteam", "frontend/pm\tagent", "frontend/ui\tagent"]
        zsh = {"_AGENTCTL_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "agentctl reset "}
        assert process(env={**os.environ, **zsh}).stdout == '_arguments \'*: :(("frontend":"team"))\''

    def test_it_never_complains(self, home, process) -> None:
        asking = {"_AGENTCTL_COMPLETE": "complete_bash", "COMP_WORDS": "agentctl send 'x", "COMP_CWORD": "2"}
        done = process(env={**os.environ, **asking})
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_bash_takes_the_script_and_completes(self, supervisor, agentctl, tmp_path) -> None:
        supervisor.on("names", {"teams": ["frontend"], "agents": ["frontend/pm"]})
        (tmp_path / "agentctl").write_text(f'#!/bin/sh\nexec {sys.executable} -m agentctl "$@"\n')
        (tmp_path / "agentctl").chmod(0o755)
        (tmp_path / "script").write_text(agentctl("completion", "bash").out)
        ask = 'source "$0"; COMP_WORDS=(agentctl peek fro); COMP_CWORD=2; _agentctl_completion agentctl'
        ask += '; echo "${COMPREPLY[@]}"'
        path = f"{tmp_path}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "--norc", "-c", ask, str(tmp_path / "script")],
            capture_output=True, text=True, timeout=30, check=False, env={**os.environ, "PATH": path},
        )  # fmt: skip
        assert (done.stdout, done.stderr) == ("frontend/pm\n", "")

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_scripts_are_printed(self, agentctl, shell) -> None:
        done = agentctl("completion", shell)
        assert done.code == 0
        assert "_AGENTCTL_COMPLETE=complete_" in done.out
        assert agentctl("completion", "tcsh").code == 2
