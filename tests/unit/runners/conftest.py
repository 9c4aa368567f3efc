"""A shell worker in a real pseudo-terminal, below a parent of its own as it is below the shim."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentctl.runners.channel import Message, deliver, poke
from agentctl.runners.runner import WORKER

# Takes the terminal as tmux gives it to a pane's process, then becomes the worker.
_TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
WORKER_ARGV = [sys.executable, "-I", "-S", "-X", "utf8", str(WORKER)]
PATIENCE_SECONDS = 20.0


class WorkerPane:
    """One worker after another on one run folder, each on a terminal of its own."""

    def __init__(self, run: Path, cwd: Path) -> None:
        self.run, self.cwd = run, cwd
        self.generation = 0
        self.number = 0
        self.output = b""
        self._process: subprocess.Popen[bytes] | None = None
        self._master = -1

    def start(self, *, rows: int = 24, columns: int = 80, **env: str) -> WorkerPane:
        self.generation += 1
        self._master, slave = pty.openpty()
        os.set_blocking(self._master, False)
        self.resize(rows, columns)
        marks = {
            "AGENTCTL_AGENT": "team/builder",
            "AGENTCTL_GENERATION": str(self.generation),
            "AGENTCTL_RUN": str(self.run),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _TAKE_TERMINAL, *WORKER_ARGV],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            cwd=self.cwd,
            env={"PATH": os.environ["PATH"], "TERM": "screen", "HOME": str(self.cwd), **marks, **env},
        )
        os.close(slave)
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def foreground(self) -> int:
        return os.tcgetpgrp(self._master)

    def send(self, text: str, *, kind: str = "task", sender: str = "team/lead") -> str:
        self.number += 1
        message = f"m{self.number}"
        deliver(self.run, self.number, Message(message, sender, kind, text))
        poke(self.run)
        return message

    def type(self, data: bytes) -> None:
        os.write(self._master, data)

    def pump(self) -> bytes:
        """Read what the terminal has to say, as tmux always does."""
        with contextlib.suppress(OSError):  # nothing to read, or nobody at the other end
            while data := os.read(self._master, 65536):
                self.output += data
        return self.output

    def reports(self) -> list[dict[str, Any]]:
        lines: list[str] = []
        for generation in range(1, self.generation + 1):
            path = self.run / "signals" / f"{generation}.jsonl"
            if path.exists():
                # Half a line at the end is being written, or its writer was killed between two pages.
                lines += path.read_text().rpartition("\n")[0].splitlines()
        return [json.loads(line) for line in lines]

    def ends(self, message: str | None) -> list[dict[str, Any]]:
        """Return the reports that say what became of *message*."""
        return [r for r in self.reports() if r["kind"] in ("answered", "interrupted") and r["message"] == message]

    def until(self, condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            self.pump()
            assert time.monotonic() < deadline, (
                f"not in time; reports {self.reports()[-5:]}, screen {self.output[-800:]!r}"
            )
            time.sleep(0.005)
        self.pump()

    def until_shown(self, text: str) -> None:
        self.until(lambda: text.encode() in self.pump())

    def until_idle(self) -> None:
        self.until(lambda: self.reports() and self.reports()[-1]["kind"] == "idle")
        self.until(self.editing)

    def editing(self) -> bool:
        return not termios.tcgetattr(self._master)[3] & termios.ICANON

    def code(self, text: str) -> int:
        """Run *text* as a message and return the code that is reported for it."""
        message = self.send(text)
        self.until(lambda: self.ends(message))
        (end,) = self.ends(message)
        assert end["kind"] == "answered"
        return int(end["code"])

    def hang_up(self) -> None:
        """Take the terminal away, as tmux does when the window is closed."""
        os.close(self._master)
        self._master = -1

    def kill(self, number: int = signal.SIGKILL) -> None:
        os.kill(self.pid, number)

    def wait(self) -> int:
        assert self._process is not None
        self.until(lambda: self._process is None or self._process.poll() is not None)
        return self._process.returncode

    def close(self) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self.pump()
        if self._master >= 0:
            os.close(self._master)
        self._process = None


@pytest.fixture
def pane(tmp_path: Path) -> Iterator[WorkerPane]:
    """A pane whose worker is not started yet."""
    cwd = tmp_path / "work"
    cwd.mkdir()
    pane = WorkerPane(tmp_path / "run", cwd)
    yield pane
    pane.close()


@pytest.fixture
def worker(pane: WorkerPane) -> WorkerPane:
    """A worker that waits at its prompt."""
    pane.start()
    pane.until_idle()
    return pane
