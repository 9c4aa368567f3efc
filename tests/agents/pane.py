"""A program in a pane of its own tmux server, driven from outside; nothing of it outlives `close`."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

_MARK = "AGENTCTL_TEST_PANE"
_LOOK_EVERY = 0.05
_OPTIONS = (
    ("-s", "escape-time", "10"),
    ("-s", "set-clipboard", "off"),
    ("-s", "default-terminal", "tmux-256color"),
    ("-g", "status", "off"),
    ("-g", "history-limit", "5000"),
    ("-gw", "remain-on-exit", "on"),
    ("-gw", "allow-rename", "off"),
    ("-gw", "automatic-rename", "off"),
)


class Pane:
    """One pane, which holds still for a look at any time."""

    def __init__(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, folder: Path, size: tuple[int, int] = (120, 40)
    ) -> None:
        """Start *argv* in a pane of *size* (columns, rows); the server's socket is below *folder*."""
        self._id = uuid.uuid4().hex[:12]
        self._socket = f"pane-{self._id}"
        self._env = {**env, "TMUX_TMPDIR": str(folder), _MARK: self._id}
        columns, rows = map(str, size)
        self._tmux("-f", "/dev/null", "new-session", "-d", "-s", "hub", "-x", columns, "-y", rows, "cat", "-")
        for scope, name, value in _OPTIONS:
            self._tmux("set-option", scope, "-q", name, value)
        self._tmux("new-session", "-d", "-s", "main", "-x", columns, "-y", rows, "-c", str(cwd), "--", *argv)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def paste(self, text: str) -> None:
        """Put *text* in as a bracketed paste, and press nothing."""
        self._tmux("load-buffer", "-b", "text", "-", given=text)
        self._tmux("paste-buffer", "-d", "-p", "-r", "-b", "text", "-t", "=main:")

    def keys(self, *names: str) -> None:
        self._tmux("send-keys", "-t", "=main:", "--", *names)

    def type(self, text: str) -> None:
        """Type *text* key by key, as a person does."""
        self._tmux("send-keys", "-t", "=main:", "-l", "--", text)

    def submit(self, text: str, delay: float = 0.4) -> None:
        self.paste(text)
        time.sleep(delay)
        self.keys("Enter")

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p", "-t", "=main:")

    def picture(self) -> str:
        """The screen with its colours."""
        return self._tmux("capture-pane", "-p", "-e", "-t", "=main:")

    def last_words(self) -> str:
        """What stands there with its colours, and above it: a pane that dies is scrolled on by a row."""
        return self._tmux("capture-pane", "-p", "-e", "-S", "-40", "-t", "=main:")

    def title(self) -> str:
        return self._tmux("display-message", "-p", "-t", "=main:", "#{pane_title}").rstrip("\n")

    def cursor(self) -> tuple[int, int]:
        """Column and row, from 0."""
        column, row = self._tmux("display-message", "-p", "-t", "=main:", "#{cursor_x} #{cursor_y}").split()
        return int(column), int(row)

    def dead(self) -> bool:
        return self._tmux("display-message", "-p", "-t", "=main:", "#{pane_dead}").strip() == "1"

    def pid(self) -> int:
        return int(self._tmux("display-message", "-p", "-t", "=main:", "#{pane_pid}"))

    def kill(self) -> None:
        """End the program at once, with everything below it."""
        for pid in self._members():
            if pid != self._server():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def see(self, pattern: str, *, within: float = 30.0) -> str:
        """Wait until *pattern* is on the screen, and return the screen."""
        return self._wait(lambda screen: re.search(pattern, screen, re.MULTILINE) is not None, pattern, within)

    def gone(self, pattern: str, *, within: float = 30.0) -> str:
        """Wait until *pattern* is not on the screen."""
        return self._wait(lambda s: re.search(pattern, s, re.MULTILINE) is None, f"no {pattern}", within)

    def still(self, seconds: float = 0.4, *, within: float = 30.0) -> str:
        """Wait until the screen has not changed for so long."""
        last, since = self.screen(), time.monotonic()

        def same(screen: str) -> bool:
            nonlocal last, since
            if screen != last:
                last, since = screen, time.monotonic()
            return time.monotonic() - since >= seconds

        return self._wait(same, f"a screen that is still for {seconds} s", within)

    def ended(self, *, within: float = 30.0) -> None:
        self._wait(lambda _: self.dead(), "the program's end", within)

    def close(self) -> None:
        """End the server and every process that was started below it."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self._tmux("kill-server")
        give_up = time.monotonic() + 10
        while (left := self._members()) and time.monotonic() < give_up:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(_LOOK_EVERY)

    def _wait(self, held: Callable[[str], bool], what: str, within: float) -> str:
        give_up = time.monotonic() + within
        while not held(screen := self.screen()):
            if time.monotonic() > give_up:
                raise TimeoutError(f"waited {within} s for {what}; the screen:\n{screen.rstrip()}")
            time.sleep(_LOOK_EVERY)
        return screen

    def _tmux(self, *words: str, given: str | None = None) -> str:
        argv = ["tmux", "-u", "-L", self._socket, *words]
        done = subprocess.run(argv, input=given, env=self._env, capture_output=True, text=True, check=True, timeout=20)
        return done.stdout

    def _server(self) -> int:
        return int(self._tmux("display-message", "-p", "#{pid}"))

    def _members(self) -> list[int]:
        """Every process that has our mark in its environment."""
        mark = f"{_MARK}={self._id}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if mark in (entry / "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
        return found
