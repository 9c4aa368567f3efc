"""The shell worker where it lives: in a pane of a real tmux, below a parent that is no interactive shell."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentctl.runners.channel import Message, deliver, poke
from agentctl.runners.registry import Runners
from agentctl.runners.runner import WORKER

PATIENCE_SECONDS = 20.0

# Stands in for the shim: starts the worker, waits for it, and leaves its exit status behind.
PARENT = """
import os, sys
pid = os.spawnv(os.P_NOWAIT, sys.argv[2], sys.argv[2:])
_, status = os.waitpid(pid, 0)
with open(sys.argv[1], "w") as file:
    file.write(str(os.waitstatus_to_exitcode(status)))
"""


class Window:
    """One tmux server with one window, and a worker in it."""

    def __init__(self, folder: Path) -> None:
        self.socket = f"worker-{secrets.token_hex(4)}"
        self.run, self.cwd, self.status = folder / "run", folder / "work", folder / "status"
        self.cwd.mkdir()
        self.number = 0

    def open(self, rows: int = 30, columns: int = 100) -> None:
        worker = [sys.executable, "-I", "-S", "-X", "utf8", str(WORKER)]
        marks = ["AGENTCTL_AGENT=web/build", "AGENTCTL_GENERATION=1", f"AGENTCTL_RUN={self.run}"]
        argv = [sys.executable, "-I", "-S", "-c", PARENT, str(self.status), *worker]
        size = ["-x", str(columns), "-y", str(rows)]
        self.tmux("-f", "/dev/null", "new-session", "-d", *size, "-c", str(self.cwd), "env", *marks, *argv)
        self.tmux("set-option", "-g", "remain-on-exit", "on")
        self.until(lambda: "agentctl shell ▸" in self.screen())

    def tmux(self, *words: str, data: bytes | None = None) -> str:
        argv = ["tmux", "-u", "-L", self.socket, *words]
        env = {"PATH": os.environ["PATH"], "HOME": str(self.cwd), "SHELL": "/bin/sh"}
        return subprocess.run(argv, input=data, capture_output=True, check=True, timeout=10, env=env).stdout.decode()

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p", "-J")

    def keys(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def send(self, text: str, kind: str = "task") -> str:
        self.number += 1
        deliver(self.run, self.number, Message(f"m{self.number}", "web/pm", kind, text))
        poke(self.run)
        return f"m{self.number}"

    def reports(self) -> list[dict[str, Any]]:
        path = self.run / "signals" / "1.jsonl"
        text = path.read_text() if path.exists() else ""
        return [json.loads(line) for line in text.rpartition("\n")[0].splitlines()]

    def ends(self, message: str | None) -> list[dict[str, Any]]:
        return [r for r in self.reports() if r["kind"] in ("answered", "interrupted") and r["message"] == message]

    def code(self, text: str) -> int:
        message = self.send(text)
        self.until(lambda: self.ends(message))
        return int(self.ends(message)[0]["code"])

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"not in time; reports {self.reports()[-5:]}; screen:\n{self.screen()}"
            time.sleep(0.02)

    def close(self) -> None:
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], capture_output=True, check=False, timeout=10)
        socket = Path(os.environ.get("TMUX_TMPDIR", "/tmp")) / f"tmux-{os.getuid()}" / self.socket
        socket.unlink(missing_ok=True)


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Window]:
    window = Window(tmp_path)
    try:
        window.open()
        yield window
    finally:
        window.close()


def test_the_manifest_starts_what_is_tested_here() -> None:
    assert Runners.load().get("shell").launch_words[-1] == ("{worker}",)


@pytest.mark.parametrize(("command", "code"), [("true", 0), ("false", 1), ("exit 42", 42), ("nope-nope", 127)])
def test_a_message_runs_in_the_pane_and_its_code_comes_back(window: Window, command: str, code: int) -> None:
    assert window.code(command) == code
    window.until(lambda: f"▸ from web/pm #m1: {command}" in window.screen() and f"▸ exit {code}" in window.screen())


def test_a_signal_is_told_from_an_exit(window: Window) -> None:
    assert window.code("kill -TERM $$") == 143


def test_messages_are_not_typed_so_what_the_person_does_in_the_pane_is_no_hindrance(window: Window) -> None:
    window.keys("-l", "echo dra")
    window.until(lambda: "echo dra" in window.screen())
    window.tmux("copy-mode")
    assert window.code("exit 5") == 5
    window.tmux("send-keys", "-X", "cancel")
    window.keys("-l", "ft; exit 6")
    window.keys("Enter")
    window.until(lambda: window.ends(None))
    assert window.ends(None)[0]["code"] == 6
    assert "draft" in window.screen()


def test_text_pasted_by_tmux_is_one_command(window: Window) -> None:
    window.tmux("load-buffer", "-", data=b"echo one >> pasted\nexit 7\n")
    window.tmux("paste-buffer", "-p", "-d")
    window.until(lambda: "exit 7" in window.screen())
    assert not window.ends(None)
    window.keys("Enter")
    window.until(lambda: window.ends(None))
    assert [end["code"] for end in window.ends(None)] == [7]
    assert (window.cwd / "pasted").read_text() == "one\n"


def test_control_c_reaches_the_command_only(window: Window) -> None:
    message = window.send("echo up; sleep 60")
    window.until(lambda: "\nup\n" in window.screen())
    window.keys("C-c")
    window.until(lambda: window.ends(message))
    assert window.ends(message)[0]["code"] == 130
    assert window.code("true") == 0


def test_a_full_screen_program_that_dies_leaves_a_pane_that_works(window: Window) -> None:
    assert window.code("stty raw -echo; printf '\\033[?1000h\\033[?25l\\033[31m'; kill -KILL $$") == 137
    window.until(lambda: window.tmux("display-message", "-p", "#{cursor_flag} #{mouse_any_flag}") == "1 0\n")
    window.keys("-l", "exit 8")
    window.keys("Enter")
    window.until(lambda: window.ends(None))
    assert window.ends(None)[0]["code"] == 8


def test_output_without_a_newline_does_not_swallow_the_prompt(window: Window) -> None:
    assert window.code("printf no-newline") == 0
    window.until(lambda: window.screen().rstrip().endswith("agentctl shell ▸"))
    lines = window.screen().splitlines()
    assert lines[lines.index("no-newline") + 1].startswith("▸ exit 0")


def test_hostile_text_does_nothing_to_the_terminal(window: Window) -> None:
    assert window.code("true") == 0  # until then tmux may call the window after what starts the worker
    before = window.tmux("display-message", "-p", "#{pane_title}|#{window_name}")
    window.send("true \x1b]0;owned\x07\x1bkowned\x1b\\\x9b2J\x1b[5;5H", kind="brief")
    window.send("true #\x1b]2;owned\x07\x1bkowned\x1b\\")
    window.until(lambda: window.ends("m3"))
    assert window.tmux("display-message", "-p", "#{pane_title}|#{window_name}") == before
    assert window.tmux("list-buffers") == ""


def test_a_small_pane_and_a_resize_are_survived(window: Window) -> None:
    window.tmux("resize-window", "-x", "20", "-y", "5")
    assert window.code("echo in a small pane; exit 3") == 3
    window.keys("-l", "echo a line that is longer than the pane is wide; exit 4")
    window.tmux("resize-window", "-x", "120", "-y", "40")
    window.keys("Enter")
    window.until(lambda: window.ends(None))
    assert window.ends(None)[0]["code"] == 4


def test_a_frozen_tree_goes_on_where_it_was(window: Window) -> None:
    message = window.send(
        f"echo $$ > pid; echo up; {shlex.quote(sys.executable)} -c 'import time; time.sleep(3)'; exit 9"
    )
    window.until(lambda: "\nup\n" in window.screen())
    pane = int(window.tmux("display-message", "-p", "#{pane_pid}"))
    worker = int(Path(f"/proc/{pane}/task/{pane}/children").read_text().split()[0])
    command = int((window.cwd / "pid").read_text())
    for process in (command, worker):
        os.kill(process, signal.SIGSTOP)
    time.sleep(0.8)  # the freeze itself: longer than the worker lets a stopped command be
    for process in (worker, command):
        os.kill(process, signal.SIGCONT)
    window.until(lambda: window.ends(message))
    assert window.ends(message)[0]["code"] == 9
    assert not [report for report in window.reports() if report["kind"] == "stopped"]
    assert window.code("exit 2") == 2


def test_a_person_ends_it_with_control_d_twice(window: Window) -> None:
    window.keys("C-d")
    window.until(lambda: "Ctrl-D again ends this worker" in window.screen())
    window.keys("C-d")
    window.until(lambda: window.status.exists() and window.status.read_text())
    assert window.status.read_text() == "0"


def test_a_pane_that_is_closed_takes_worker_and_command_with_it(window: Window) -> None:
    window.send("echo $$ > pid; sleep 60")
    window.until(lambda: (window.cwd / "pid").exists() and (window.cwd / "pid").read_text().strip())
    command = int((window.cwd / "pid").read_text())
    window.tmux("kill-server")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while _runs(command):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
