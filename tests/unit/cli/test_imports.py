"""What each way in may import: a light command must not pay for what it does not use."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.unit.cli.conftest import ask, message, row

LIGHT = {
    "typer",
    "rich",
    "yaml",
    "pydantic",
    "asyncio",
    "sqlite3",
    "psutil",
    "dataclasses",
    "typing",
    "pathlib",
    "inspect",
}
PIPED = {"typer", "rich", "pydantic", "yaml", "jinja2", "git", "libtmux", "psutil", "asyncio", "watchfiles", "sqlite3"}
HELP = {"rich", "pydantic", "yaml", "jinja2", "git", "libtmux", "psutil", "asyncio", "watchfiles", "sqlite3"}
EMERGENCY = {
    "agentctl.supervisor",
    "agentctl.control.client",
    "agentctl.store",
    "sqlite3",
    "asyncio",
    "libtmux",
    "psutil",
}

PROBE = """
import sys
sys.argv = ["agentctl", *{words!r}]
from agentctl.__main__ import main
code = main()
sys.stdout.flush()
print(code, *sorted(sys.modules), file=sys.stderr)
"""


def loaded(*words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(words=list(words))],
        capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    code, *modules = done.stderr.splitlines()[-1].split()
    assert code == "0", done.stderr
    return set(modules)


def heavy(modules: set[str], banned: set[str]) -> set[str]:
    return {name for name in modules if any(name == bad or name.startswith(f"{bad}.") for bad in banned)}


def test_send_is_light(supervisor) -> None:
    supervisor.on("send", {"message": "m", "state": "typed"})
    assert heavy(loaded("send", "a/b", "hello"), LIGHT) == set()
    assert heavy(loaded("version"), LIGHT) == set()


def test_inbox_is_light(supervisor) -> None:
    supervisor.on("ps", {"agents": [row("a/b", asking=ask())], "teams": []})
    supervisor.on("inbox", {"reader": "person", "messages": [message()]})
    assert heavy(loaded("inbox"), LIGHT) == set()


@pytest.mark.parametrize("words", [["ps"], ["ls", "frontend", "--json"], ["ps", "-o", "csv"]])
def test_piped_ps_loads_nothing_big(supervisor, words) -> None:
    supervisor.on("ps", {"agents": [row("a/b")], "teams": []})
    assert heavy(loaded(*words), PIPED) == set()


@pytest.mark.parametrize("words", [["monitor", "--once"], ["monitor", "frontend", "--once", "--json"]])
def test_piped_monitor_loads_nothing_big(supervisor, words) -> None:
    supervisor.on("monitor", {"agents": [row("a/b")], "teams": [], "machine": None, "at": "2026-11-20T12:00:00+00:00"})
    assert heavy(loaded(*words), PIPED) == set()


def test_help_loads_no_command(home) -> None:
    modules = loaded("--help")
    assert heavy(modules, HELP) == set()
    assert "agentctl.cli.deploy" not in modules


def test_emergency_cleanup_needs_no_supervisor_and_no_database(home) -> None:
    assert heavy(loaded("emergency-cleanup", "--dry-run"), EMERGENCY) == set()
