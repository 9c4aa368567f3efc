"""The worker's loop: messages in their order, a person's lines in between, and a report of each."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from agentctl.domain.text import safe_line, safe_text
from agentctl.runners.worker.inbox import Claim, Inbox
from agentctl.runners.worker.job import CANNOT_RUN, Outcome
from agentctl.runners.worker.prompt import open_prompt
from agentctl.runners.worker.reports import Reports
from agentctl.runners.worker.shell import Shell
from agentctl.runners.worker.terminal import Terminal
from agentctl.runners.worker.wake import Wake

_SHOWN_CHARACTERS = 500
_SHOWN_LINES = 200
_FOLDER_CHARACTERS = 40
_LOCK_SECONDS = 0.2


class Worker:
    """One agent's worker; at most one a run folder does anything at a time."""

    def __init__(self, run: Path, generation: int) -> None:
        run.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._run = run
        self._wake = Wake(run)
        self._terminal = Terminal()
        self._shell = Shell(run, self._terminal, self._wake)
        self._reports = Reports(run, generation)
        self._inbox = Inbox(run)
        self._prompt = open_prompt(self._terminal, self._wake, self._is_due)
        self._idle = False
        self._farewells = 0

    def serve(self) -> int:
        """Work until asked to end; return the exit code: 0 where a person ended it, else 128 + the signal.

        A terminal that is gone counts as HUP, which only the command gets that was in its foreground.
        """
        lock = self._take_turn()
        try:
            self._report_leftovers()
            self._reports.send("ready")
            while not self._wake.ending and not self._terminal.is_gone():
                claim = self._inbox.claim()
                if claim is not None:
                    self._farewells = 0
                    self._obey(claim)
                elif not self._listen():
                    return 0
            return 128 + (self._wake.ending or signal.SIGHUP)
        finally:
            os.close(lock)

    def _take_turn(self) -> int:
        """Wait until no other worker uses this run folder; the kernel frees the lock of one that was killed."""
        lock = os.open(self._run / "worker.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        told = False
        while not self._wake.ending:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not told:
                    self._terminal.say("▸ another worker of this agent still runs; waiting for it to end")
                told = True
                self._wake.wait(_LOCK_SECONDS)
            else:
                break
        return lock

    def _report_leftovers(self) -> None:
        """Say what became of messages that an earlier worker took; none of them is run again."""
        for left in self._inbox.leftovers():
            if left.code is None:
                self._terminal.say(f"▸ #{left.id} was interrupted; it is not run again")
                told = self._reports.send("interrupted", message=left.id)
            else:
                told = self._reports.send("answered", message=left.id, code=left.code, seconds=left.seconds)
            if told:
                self._inbox.finish(left.name)

    def _is_due(self) -> bool:
        return bool(self._wake.ending) or self._inbox.waiting()

    def _obey(self, claim: Claim) -> None:
        """Do what the claimed message says and report it; killed at any point, the next worker reports it."""
        self._busy(claim.id)
        outcome = self._carry_out(claim)
        if outcome.cut:
            if self._reports.send("interrupted", message=claim.id):
                self._inbox.finish(claim.name)
            return
        seconds = round(outcome.seconds, 3)
        recorded = self._inbox.record(claim.name, outcome.code, seconds)
        if self._reports.send("answered", message=claim.id, code=outcome.code, seconds=seconds):
            self._inbox.finish(recorded)

    def _carry_out(self, claim: Claim) -> Outcome:
        origin = f"from {safe_line(claim.sender[:_SHOWN_CHARACTERS])} #{claim.id}"
        if claim.fault:
            self._terminal.say(f"▸ #{claim.id} is not run: {claim.fault}")
            return Outcome(CANNOT_RUN, 0.0)
        if claim.kind == "brief":
            self._terminal.say(f"▸ brief {origin}, shown and not run:")
            self._show(claim.text)
            return Outcome(0, 0.0)
        self._terminal.say(f"▸ {origin}: {_summary(claim.text)}")
        try:
            command = claim.text.encode(errors="surrogateescape")
        except UnicodeEncodeError:
            self._terminal.say("▸ not run: the command is not text")
            return Outcome(CANNOT_RUN, 0.0)
        return self._execute(command, claim.id)

    def _listen(self) -> bool:
        """Read a person's line and run it; return False when they asked to end the worker."""
        if not self._idle:
            self._reports.send("idle")
            self._idle = True
        self._reports.flush()
        try:
            line = self._prompt.read(f"{_folder()} agentctl shell ▸ ")
        except EOFError:
            if self._terminal.is_gone():
                return True
            self._farewells += 1
            again = self._farewells == 1
            self._terminal.say_after_output("▸ Ctrl-D again ends this worker" if again else "▸ ended by a person")
            return again
        if line is not None:
            self._farewells = 0
        if line and line.strip():
            self._busy(None)
            outcome = self._execute(line.encode(errors="surrogateescape"), None)
            self._reports.send("answered", message=None, code=outcome.code, seconds=round(outcome.seconds, 3))
        return True

    def _execute(self, command: bytes, message: str | None) -> Outcome:
        told = False

        def on_stop(number: int) -> None:
            nonlocal told
            if not told:  # a command may do this for ever
                stop = signal.Signals(number).name
                self._terminal.say_after_output(f"▸ the command was stopped ({stop}); it is continued")
                self._reports.send("stopped", message=message, signal=number)
            told = True

        outcome = self._shell.run(command, on_stop)
        self._terminal.say_after_output(f"▸ exit {outcome.code} ({outcome.seconds:.1f}s)")
        return outcome

    def _busy(self, message: str | None) -> None:
        self._idle = False
        self._reports.send("busy", message=message)

    def _show(self, text: str) -> None:
        lines = safe_text(text).splitlines()
        for line in lines[:_SHOWN_LINES]:
            self._terminal.say(f"  {line}")
        if len(lines) > _SHOWN_LINES:
            self._terminal.say(f"  … {len(lines) - _SHOWN_LINES} more lines")


def _summary(text: str) -> str:
    """Return a command as it may be shown: one line, cleaned, and what is left out said."""
    lines = safe_text(text[:_SHOWN_CHARACTERS]).strip().splitlines() or [""]
    shown, more = safe_line(lines[0]), text.strip().count("\n")
    if more:
        return f"{shown} … ({more} more {'line' if more == 1 else 'lines'})"
    return f"{shown} … ({len(text)} characters)" if len(text) > _SHOWN_CHARACTERS else shown


def _folder() -> str:
    """Return the working folder as it stands in the prompt: cleaned, its end where it is long."""
    try:
        folder = str(Path.cwd())
    except FileNotFoundError:
        return "(folder is gone)"
    home = os.environ.get("HOME", "")
    if home and (folder == home or folder.startswith(home + "/")):
        folder = "~" + folder.removeprefix(home)
    folder = safe_line(folder)
    return folder if len(folder) <= _FOLDER_CHARACTERS else "…" + folder[-_FOLDER_CHARACTERS:]


def main(environ: Mapping[str, str]) -> int:
    """Run the worker that *environ* describes (AGENTCTL_RUN, AGENTCTL_GENERATION); return its exit code."""
    try:
        run, generation = Path(environ["AGENTCTL_RUN"]), int(environ["AGENTCTL_GENERATION"])
    except (KeyError, ValueError):
        sys.stderr.write("agentctl starts the shell worker: AGENTCTL_RUN and AGENTCTL_GENERATION are not set\n")
        return 2
    try:
        return Worker(run, generation).serve()
    except OSError as error:
        sys.stderr.write(f"the shell worker cannot go on: {error.strerror}: {error.filename or run}\n")
        return 1
