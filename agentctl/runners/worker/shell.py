"""Commands: each runs in a fresh shell in the worker's folder; only a bare `cd` outlives its shell."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from pathlib import Path

from agentctl.runners.worker.job import CANNOT_RUN, Job, Outcome
from agentctl.runners.worker.terminal import Terminal
from agentctl.runners.worker.wake import Wake

_ARGUMENT_BYTES = 100 * 1024
"""A longer command goes to the shell as a file: Linux refuses a single argument from 128 KiB on."""

_BARE_CD = re.compile(rb"[ \t]*cd(?:[ \t][^\n;&|<>()`]*)?[ \t\n]*")

_FOLLOW = b'eval "$1"; code=$?; pwd -P >&3; exit "$code"'
"""Runs `cd` as the shell understands it (~, $VARIABLES, quotes, CDPATH) and says where it led."""


class Shell:
    """Runs commands, one at a time."""

    def __init__(self, run: Path, terminal: Terminal, wake: Wake) -> None:
        self._script = run / "command"
        self._terminal, self._wake = terminal, wake
        with contextlib.suppress(FileNotFoundError):  # the folder may be gone already
            os.environb[b"PWD"] = os.fsencode(Path.cwd())
        self._program = b"/bin/bash" if os.access("/bin/bash", os.X_OK) else b"/bin/sh"

    def run(self, command: bytes, on_stop: Callable[[int], None]) -> Outcome:
        """Run *command* in the foreground and return how it ended; its output goes straight to the terminal."""
        if b"\0" in command:
            self._terminal.say("▸ not run: the command holds a NUL byte")
            return Outcome(CANNOT_RUN, 0.0)
        try:
            if _BARE_CD.fullmatch(command):
                return self._change_folder(command, on_stop)
            if len(command) <= _ARGUMENT_BYTES:
                return self._foreground([self._program, b"-c", command], on_stop)
            return self._run_script(command, on_stop)
        except OSError as error:
            self._terminal.say(f"▸ not run: {error.strerror}")
            return Outcome(CANNOT_RUN, 0.0)

    def _foreground(self, argv: list[bytes], on_stop: Callable[[int], None], spare: int | None = None) -> Outcome:
        job = Job(argv, self._terminal, self._wake, spare=spare)
        try:
            return job.wait(on_stop)
        finally:
            self._terminal.take_back()

    def _change_folder(self, command: bytes, on_stop: Callable[[int], None]) -> Outcome:
        read, write = os.pipe()
        try:
            os.set_blocking(read, False)
            outcome = self._foreground([self._program, b"-c", _FOLLOW, b"cd", command], on_stop, spare=write)
            if outcome.code == 0:
                self._enter(os.read(read, 65536).removesuffix(b"\n"))
            return outcome
        finally:
            os.close(read)
            os.close(write)

    def _enter(self, folder: bytes) -> None:
        os.chdir(folder)
        os.environb[b"OLDPWD"] = os.environb.get(b"PWD", folder)
        os.environb[b"PWD"] = folder

    def _run_script(self, command: bytes, on_stop: Callable[[int], None]) -> Outcome:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(self._script, flags, 0o600), "wb") as file:
            file.write(command)
        try:
            return self._foreground([self._program, os.fsencode(self._script)], on_stop)
        finally:
            self._script.unlink(missing_ok=True)
