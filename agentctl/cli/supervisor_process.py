"""The one place that starts the supervisor: a process of its own that outlives the terminal."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentctl.cli.pace import pause
from agentctl.control.client import Client
from agentctl.control.home import Home
from agentctl.domain.errors import Refused, SupervisorUnreachable

START_SECONDS = 30.0
"""How long a supervisor may take until it answers, on a machine that has no time for it."""
_ANSWER_SECONDS = 10.0
"""How long one that is there may take to answer: it stands still, or the machine does."""
_GIVE_UP_SECONDS = 3.0
"""How long to go on looking when ours has ended of a fault; where another one has the lock, that is waited for."""
_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.02, 0.25, 1.5
_TAIL_LINES = 5
_DROPPED = ("TMUX", "TMUX_PANE")
_DROPPED_PREFIX = "AGENTCTL_AGENT"


def ensure_supervisor(home: Home) -> dict[str, Any]:
    """Return the supervisor's `hello`, having started one where none answers; raises `SupervisorUnreachable`."""
    found = _hello(home)
    if found is not None:
        return found
    home.prepare()
    process = _start(home)
    try:
        found = _await_answer(home, process)
    finally:
        _let_go(process)
    if found is not None:
        return found
    raise SupervisorUnreachable(
        f"the supervisor did not start{_last_words(home)}", hint=f"look at {home.logs / 'supervisor.log'}"
    )


def _await_answer(home: Home, process: subprocess.Popen[bytes]) -> dict[str, Any] | None:
    deadline, ended = time.monotonic() + START_SECONDS, False
    wait = _FIRST_PAUSE
    while time.monotonic() < deadline:
        pause(wait)
        wait = min(wait * _GROWTH, _LONGEST_PAUSE)
        found = _hello(home)
        if found is not None:
            return found
        if not ended and process.poll() not in (None, Refused.exit_code):
            ended, deadline = True, min(deadline, time.monotonic() + _GIVE_UP_SECONDS)
    return None


def supervisor_argv() -> list[str]:
    """Return the command that is the supervisor; `-P` keeps the working folder out of its import path."""
    return [sys.executable, "-P", "-m", "agentctl.supervisor"]


def supervisor_environment(home: Home, environ: Mapping[str, str]) -> dict[str, str]:
    """Return *environ* without what ties it to the caller's terminal or agent, and with the supervisor's own mark."""
    kept = {
        name: value for name, value in environ.items() if name not in _DROPPED and not name.startswith(_DROPPED_PREFIX)
    }
    marks = {"AGENTCTL_SUPERVISOR": "1", "AGENTCTL_HOME_ID": home.id, "AGENTCTL_HOME": str(home.path)}
    return {**kept, **_settings(environ), **marks}


def _settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that are the supervisor's business as variables: it reads no files of its own."""
    from agentctl.spec.settings import KEYS, load_settings, shown, variable  # noqa: PLC0415  loads YAML, only here

    found = load_settings(Path.cwd(), environ)
    return {
        "AGENTCTL_TMUX_SOCKET": found.tmux_socket,
        "AGENTCTL_TMUX_HISTORY_LIMIT": str(found.tmux_history_limit),
        "AGENTCTL_MACHINE_CPU": found.machine_cpu,
        "AGENTCTL_MACHINE_MEMORY_RESERVE": found.machine_memory_reserve,
        "AGENTCTL_MACHINE_AGENTS": found.machine_agents,
        "AGENTCTL_MACHINE_STARTING": found.machine_starting,
        "AGENTCTL_LIMITS_LEVEL": found.limits_level,
        **{variable(KEYS[name]): shown(getattr(found, name)) for name in KEYS if name.startswith("notify_")},
        "AGENTCTL_NOTIFY_WEBHOOK": found.notify_webhook.text,
        "AGENTCTL_NOTIFY_SLACK": found.notify_slack.text,
    }


def _hello(home: Home) -> dict[str, Any] | None:
    try:
        return dict(Client(home).call("hello", timeout=_ANSWER_SECONDS))
    except SupervisorUnreachable:
        return None


def _start(home: Home) -> subprocess.Popen[bytes]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    log = os.open(home.logs / "supervisor.log", flags, 0o600)
    try:
        return subprocess.Popen(
            supervisor_argv(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=home.path,
            env=supervisor_environment(home, os.environ),
            start_new_session=True,
        )
    finally:
        os.close(log)


def _let_go(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.returncode = 0  # it outlives this command: nobody here will ever wait for it


def _last_words(home: Home) -> str:
    try:
        lines = (home.logs / "supervisor.log").read_text(errors="replace").splitlines()[-_TAIL_LINES:]
    except OSError:
        return ""
    if any(line.startswith("  ") for line in lines):  # a traceback: its last line says what it is about
        lines = lines[-1:]
    return "; its last words:\n  " + "\n  ".join(lines) if lines else ""
