"""A small real server on a control socket that speaks the wire, and the command line run against it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agentctl.cli.entry import run
from agentctl.control.home import Home
from agentctl.control.wire import Address, pack, pack_error, unpack
from agentctl.domain.errors import AgentctlError

Answer = Callable[[dict[str, Any], Callable[[Any], None]], Any]


class Supervisor:
    """Answers verbs as a test says; keeps what it was asked."""

    def __init__(self, home: Home) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._answers: dict[str, Answer] = {}
        self._channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        home.prepare()
        with Address(home.address) as address:
            self._channel.bind(address)
        self._channel.listen(64)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        self.on(
            "hello", {"version": "0.1.0", "protocol": 1, "pid": 4711, "home": str(home.path), "teams": 1, "agents": 2}
        )

    def on(self, verb: str, result: Any, items: list[Any] | None = None) -> None:
        """Answer *verb* with *result* (an error is raised at the caller) after *items*."""

        def answer(args: dict[str, Any], emit: Callable[[Any], None]) -> Any:
            for item in items or ():
                emit(item)
            if isinstance(result, AgentctlError):
                raise result
            return result

        self._answers[verb] = answer

    def when(self, verb: str, answer: Answer) -> None:
        self._answers[verb] = answer

    def args(self, verb: str) -> dict[str, Any]:
        return next(args for name, args in reversed(self.asked) if name == verb)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
        self._thread.join(timeout=5)
        self._channel.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._channel.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection, connection.makefile("rwb") as lines:

            def write(message: dict[str, Any]) -> None:
                lines.write(pack(message))
                lines.flush()

            try:
                request = unpack(lines.readline())
                self.asked.append((request["verb"], request["args"]))
                answer = self._answers[request["verb"]]
                write({"result": answer(request["args"], lambda item: write({"item": item}))})
            except AgentctlError as error:
                write({"error": pack_error(error)})


@dataclass
class Done:
    """How a run ended."""

    code: int
    out: str
    err: str
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.out.splitlines()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A state folder of the test's own, and an environment in which nothing else is found."""
    for name in [
        name for name in os.environ if name.startswith(("AGENTCTL_", "FORCE_", "CLICOLOR", "NO_COLOR", "TMUX"))
    ]:
        monkeypatch.delenv(name)
    path = (tmp_path / "state").resolve()
    monkeypatch.setenv("AGENTCTL_HOME", str(path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return Home(path, chosen=True)


@pytest.fixture
def supervisor(home: Home) -> Iterator[Supervisor]:
    server = Supervisor(home)
    yield server
    server.close()


@pytest.fixture
def agentctl(home: Home, capfd: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run a command line in this process."""

    def call(*words: str) -> Done:
        capfd.readouterr()
        code = run(words)
        sys.stdout.flush()
        out, err = capfd.readouterr()
        return Done(code, out, err)

    return call


@pytest.fixture
def process(home: Home) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command line in a process of its own."""

    def call(*words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "agentctl", *words]
        more.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, **more)

    return call


def row(agent: str, state: str = "running", **more: Any) -> dict[str, Any]:
    """Return an agent's row as the supervisor gives it."""
    team, _, name = agent.partition("/")
    return {
        "team": team, "agent": agent, "name": name, "role": "dev", "runner": "shell", "state": state,
        "activity": "unknown", "attention": 7, "late": False, "unwell": "", "since": "2026-11-20T12:00:00.000+00:00",
        "evidence": "", "generation": 1, "restarts": 0, "pid": 100, "pane": "%1", "session": f"Task-{team}",
        "window": "W", "cpu_percent": 1.5, "memory_bytes": 2**20, "processes": 1,
        "limits": {"cpu_percent": 50.0, "memory_bytes": 2**29, "pulse_seconds": 2.0}, "level": "watch",
        "exit_code": None, "retry_at": None, "host": "here", "source": "", "phase": "created", "asking": None,
        "active_since": None, "messages": {"waiting": 0, "unseen": 0, "dead": 0},
    } | more  # fmt: skip


def ask(kind: str = "permission", **more: Any) -> dict[str, Any]:
    """Return what an agent asks as the supervisor gives it."""
    return {
        "id": "5f2a", "kind": kind, "title": "Do you want to run npm i?", "options": ["Yes", "Yes, always", "No"],
        "since": "2026-11-20T12:00:00.000+00:00", "until": "",
    } | more  # fmt: skip


def message(name: str = "1c9e04ab", state: str = "held", **more: Any) -> dict[str, Any]:
    """Return a message's row as the supervisor gives it."""
    return {
        "id": name, "agent": "shop/dev", "sender": "shop/pm", "kind": "message", "state": state, "when": "",
        "since": "2026-11-20T12:00:00.000+00:00", "queued_at": "2026-11-20T12:00:00.000+00:00",
        "reason": "it asks a person", "evidence": "", "answer": "", "code": None, "hops": 1, "number": 0,
        "generation": 0, "text": "Review it",
    } | more  # fmt: skip
