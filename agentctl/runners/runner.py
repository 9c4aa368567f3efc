"""What a runner is: everything agentctl knows of one program, and how a launch is made of it."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from agentctl.domain.errors import NotFound
from agentctl.domain.team import AgentSpec
from agentctl.runners.mailbox import SIGNALS

PLACEHOLDERS = frozenset(
    {"agent", "argv", "cwd", "folder", "model", "program", "prompt", "python", "role", "signals", "team", "worker"}
)
"""What may stand in braces in a manifest's `launch` and `env`; `{argv}` only as a whole item."""

PLACEHOLDER = re.compile(r"\{([a-z]+)\}")

_ARGUMENT_BYTES = 100 * 1024
"""A prompt over this is not given as an argument: Linux refuses a single one from 128 KiB on."""

WORKER = Path(__file__).parent / "worker" / "__main__.py"


@dataclass(frozen=True, slots=True)
class Ready:
    """How it is known that the program can be spoken to; a probe in the team file always goes before it."""

    how: Literal["alive", "screen", "signal"] = "alive"
    """It has lived for `after`; its screen is drawn and has not changed for `after`; or it says so itself."""
    after: timedelta = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Submit:
    """How a message gets in."""

    channel: Literal["typing", "inbox", "none"] = "typing"
    """Pasted into the terminal; put into the program's own inbox (`channel.deliver`); or it takes no messages."""
    keys: tuple[str, ...] = ("Enter",)
    """Pressed after the paste, as a call of its own."""
    delay: timedelta = timedelta(milliseconds=300)
    """Between paste and keys."""
    safe_bytes: int = 4096
    """A longer text is not typed but written to a file that the typed line names."""
    lines: bool = True
    """Whether a text of several lines can be typed whole."""


@dataclass(frozen=True, slots=True)
class Leave:
    """How the program is asked to end, before TERM; empty where TERM is the polite way."""

    text: str = ""
    """Submitted like a message."""
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Whether a runner's program is there."""

    ok: bool
    program: str | None
    """Absolute; None where it is not installed, or where the runner brings none."""
    why: str


@dataclass(frozen=True, slots=True)
class Launch:
    """What is started below the shim."""

    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    """Set beside the agent's own variables, which win."""
    unset: tuple[str, ...] = ()
    prompted: bool = False
    """True where the first prompt went in as an argument, so that it must not be sent again."""


@dataclass(frozen=True, slots=True)
class Runner:
    """One program that an agent can be."""

    name: str
    title: str
    launch_words: tuple[tuple[str, ...], ...]
    """The command line in groups; a group with a placeholder that has no value is left out."""
    coding: bool = False
    order: int = 1000
    """Among coding agents: `auto` takes the lowest that is installed."""
    programs: tuple[str, ...] = ()
    """Names looked for on PATH, in this order; none where it needs no program of its own."""
    version: tuple[str, ...] = ()
    """Arguments that make the program print its version and end."""
    env: dict[str, str] = field(default_factory=dict)
    unset: tuple[str, ...] = ()
    ready: Ready = field(default_factory=Ready)
    submit: Submit = field(default_factory=Submit)
    leave: Leave = field(default_factory=Leave)
    least_memory_bytes: int = 0
    """A memory limit below this cannot hold the program even when it idles."""
    notes: str = ""
    source: str = ""
    """The file that it came from, the user's where one had a say."""

    def find(self, path: str) -> Found:
        """Look for the program on *path*, as PATH is written; runs nothing."""
        if not self.programs:
            return Found(ok=True, program=None, why=f"{self.name} needs no program of its own")
        for name in self.programs:
            program = _which(name, path)
            if program is not None:
                return Found(ok=True, program=program, why=f"found {program}")
        return Found(ok=False, program=None, why=f"no {' or '.join(self.programs)} on PATH")

    def launch(self, agent: AgentSpec, *, path: str, folder: Path) -> Launch:
        """Return what starts *agent*, whose run folder is *folder*; raise `NotFound` where *path* has no program."""
        found = self.find(path)
        if not found.ok:
            raise NotFound(f"{self.title} is not installed: {found.why}", hint="install it, or write runner: auto")
        fits = "\0" not in agent.prompt and len(agent.prompt.encode(errors="replace")) <= _ARGUMENT_BYTES
        values = {
            "agent": agent.id,
            "cwd": agent.cwd,
            "folder": str(folder),
            "model": agent.model,
            "program": found.program or "",
            "prompt": agent.prompt if fits else "",
            "python": sys.executable,
            "role": agent.role,
            "signals": str(folder / SIGNALS),
            "team": agent.team,
            "worker": str(WORKER),
        }
        argv = tuple(word for group in self.launch_words for word in _fill_group(group, values, agent.argv))
        if not argv:
            raise NotFound(f"{agent.id} has no command to run", hint="give it one: command: [program, argument]")
        env = {name: _fill(value, values) for name, value in self.env.items()}
        takes = any("{prompt}" in word for group in self.launch_words for word in group)
        return Launch(argv, env, self.unset, prompted=takes and bool(values["prompt"]))


def _fill_group(group: tuple[str, ...], values: dict[str, str], argv: tuple[str, ...]) -> tuple[str, ...]:
    if group == ("{argv}",):
        return argv
    if any(not values[name] for word in group for name in PLACEHOLDER.findall(word)):
        return ()
    return tuple(_fill(word, values) for word in group)


def _fill(word: str, values: dict[str, str]) -> str:
    """Fill *word* in one pass, so that braces in a value stay what they are."""
    return PLACEHOLDER.sub(lambda match: values[match[1]], word)


def _which(name: str, path: str) -> str | None:
    """Return the first executable file called *name*; relative places on *path* are passed over.

    They would mean another folder for each agent, and a repository could bring a program of its own.
    """
    for place in path.split(os.pathsep):
        candidate = Path(place, name)
        if place.startswith("/") and candidate.is_file() and os.access(candidate, os.X_OK):
            return str(candidate)
    return None
