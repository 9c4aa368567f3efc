"""What a runner is: everything agentctl knows of one program, and how a launch is made of it."""

from __future__ import annotations

import os
import re
import shlex
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from agentctl.domain.errors import NotFound, UsageError
from agentctl.domain.evidence import Meaning
from agentctl.domain.team import AgentSpec
from agentctl.runners.mailbox import SIGNALS
from agentctl.runners.usage.rules import Records
from agentctl.runners.words import fill, fill_file, fill_line, takes_prompt

_ARGUMENT_BYTES = 100 * 1024
"""A prompt over this is not given as an argument: Linux refuses a single one from 128 KiB on."""

SHIPPED = Path(__file__).parent
WORKER = SHIPPED / "worker" / "__main__.py"
HOOK = SHIPPED / "hook.sh"

REGION = re.compile(r"screen|title|composer|below-composer|(?:bottom|above-composer) [1-9][0-9]{0,2}")
"""Where a rule may look."""


@dataclass(frozen=True, slots=True)
class Ready:
    """How it is known that the program can be spoken to; a probe in the team file always goes before it."""

    how: Literal["alive", "screen", "signal", "composer"] = "alive"
    """It has lived for `after`; its screen is drawn and has not changed for `after`; it says so itself; or the place
    where text is typed is there and nothing asks, for `after`."""
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
    alters: str = ""
    """Regular expression for what its composer changes in a text that is typed; such a text goes by file too."""
    busy: Literal["hold", "queue"] = "hold"
    """What to do with a message while it works: wait, or type it, because the program queues it well."""
    commands: str = ""
    """First characters that make a text a command of the program: a person's goes in as it is, nobody else's does."""
    seen: Literal["signal", "screen"] = "screen"
    """What proves that a message arrived: the program's own signal, or its screen."""
    within: timedelta = timedelta(seconds=20)
    """Without that proof after this the remedy is tried once, and then a person is told."""
    history: str = ""
    """Name of the file in the run folder in which the program itself writes each prompt that it took; empty: none."""
    remedy: tuple[str, ...] = ()
    """Keys for a text that still stands in the composer."""


@dataclass(frozen=True, slots=True)
class Composer:
    """Where text is typed, on the screen; regular expressions over single lines."""

    prompt: str
    """Its first line; what matches is not part of the text."""
    above: str = ""
    """What the line above has to look like; empty: anything."""
    end: str = ""
    """The first line below its text; empty: the text is one line, or as many as `margin` fits."""
    foot: int = 0
    """Rows right above `end` that are no text."""
    margin: str = ""
    """What stands before the text in each row. Without `end`, nothing may stand below the rows that have it."""
    beside: str = ""
    """What parts the text from something on its right: from there on a row is no text."""
    empty: tuple[str, ...] = ()
    """What stands there while nothing is typed, where it is not dim."""
    pasted: str = ""
    """What stands there for a long text."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that a screen can say; regular expressions over its region, `^` and `$` are those of each line."""

    name: str
    state: Literal["idle", "working", "waiting", "none"]
    """None: a viewer or a picker, which says nothing."""
    kind: str = ""
    """Of waiting: an `AskKind`."""
    priority: int = 0
    """The highest that fits decides."""
    region: str = "screen"
    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    cursor: Literal["", "composer", "elsewhere"] = ""
    """Where the cursor has to stand: in the text of the composer, or anywhere else; empty: wherever it stands."""
    title: str = ""
    """Its groups, in the last place where it fits, are the question."""
    options: str = ""
    """Its first group is the key that chooses an option and its second the words; a lone group is the words."""
    approve: tuple[str, ...] = ()
    """Keys that say yes; empty where keys cannot. `Right*{steps}` leads to the first option, as in `answer`."""
    deny: tuple[str, ...] = ()
    answer: tuple[str, ...] = ()
    """Keys for an option: `{choice}` its own key, `Down*{index}` a key as often as options stand before it.

    `Right*{steps}`: as often as it stands behind the option that is chosen now, in a row that begins again at its end.
    That one is told by its background; where it cannot be told, there are no keys.
    """
    until: str = ""
    """Of a limit: its group is when that ends."""
    phase: Literal["reasoning", "executing"] = "reasoning"


@dataclass(frozen=True, slots=True)
class Report:
    """What one kind of the program's own signals means."""

    means: Meaning
    text: str = ""
    """Dotted path in the payload."""
    unless: str = ""
    """Dotted path: a value there that is not empty means that it still works."""


@dataclass(frozen=True, slots=True)
class Session:
    """How a conversation is begun and gone on with."""

    new: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()
    """Empty: the program cannot."""
    lost: tuple[str, ...] = ()
    """Regular expressions over its last words: the conversation is not there any more."""


@dataclass(frozen=True, slots=True)
class Login:
    """By what it can be told, without running it, that somebody has logged in: one of them is there. A guess."""

    env: tuple[str, ...] = ()
    """Variables."""
    files: tuple[str, ...] = ()
    """Files; `~` is the user's home."""


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
    files: dict[str, str] = field(default_factory=dict)
    """To be written into the agent's run folder, for its user alone, before it starts."""
    session: str = ""
    """The conversation that it begins or goes on with; empty where the program chooses the id itself."""
    resumed: bool = False


def _new_session() -> str:
    return str(uuid.uuid4())


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
    holds_tools: bool = False
    """It waits for a hook of ours before each tool call, so that the pulse lies between those, too."""
    programs: tuple[str, ...] = ()
    """Names looked for on PATH, in this order; none where it needs no program of its own."""
    version: tuple[str, ...] = ()
    """Arguments that make the program print its version and end."""
    env: dict[str, str] = field(default_factory=dict)
    unset: tuple[str, ...] = ()
    ready: Ready = field(default_factory=Ready)
    submit: Submit = field(default_factory=Submit)
    files: dict[str, str] = field(default_factory=dict)
    """Written into the agent's run folder for each launch, by name."""
    session: Session = field(default_factory=Session)
    login: Login = field(default_factory=Login)
    approve: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By policy: words for the command line. A policy that is not here is one that the program does not have."""
    composer: Composer | None = None
    rules: tuple[Rule, ...] = ()
    reports: dict[str, Report] = field(default_factory=dict)
    """By kind of signal."""
    session_path: str = ""
    """Where a signal's payload names its conversation, dotted."""
    id_path: str = ""
    """Where it names its turn."""
    ends: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By `Ending`: regular expressions over its last words."""
    usage: Records | None = None
    """Its own records of what its turns took; None: it keeps none that can be read."""
    least_memory_bytes: int = 0
    """A memory limit below this cannot hold the program even when it idles."""
    least_memory_why: str = ""
    notes: str = ""
    source: str = ""
    """The file that it came from, the user's where one had a say."""

    @property
    def pulse_holds(self) -> tuple[str, ...]:
        """Return what the pulse keeps apart: `messages` where it takes any, and `tools` where the program lets it."""
        if self.submit.channel == "none":
            return ()
        return ("messages", "tools") if self.holds_tools else ("messages",)

    @property
    def mute(self) -> bool:
        """Tell whether nothing ever says what the program does: no signal, no rule for its screen, no report."""
        return not (self.reports or self.rules) and self.submit.channel != "inbox"

    def find(self, path: str) -> Found:
        """Look for the program on *path*, as PATH is written; runs nothing."""
        if not self.programs:
            return Found(ok=True, program=None, why=f"{self.name} needs no program of its own")
        for name in self.programs:
            program = _which(name, path)
            if program is not None:
                return Found(ok=True, program=program, why=f"found {program}")
        return Found(ok=False, program=None, why=f"no {' or '.join(self.programs)} on PATH")

    def launch(
        self,
        agent: AgentSpec,
        *,
        path: str,
        folder: Path,
        session: str = "",
        resume: bool = False,
        generation: int = 0,
        new_session: Callable[[], str] = _new_session,
    ) -> Launch:
        """Return what starts *agent*, whose run folder is *folder*.

        With *resume* it goes on with the conversation *session*, where its program can; else it begins a new one, with
        an id from *new_session* where the program takes one. Raises `NotFound` where *path* has no program, and
        `UsageError` where the agent's `approve` is nothing that the program has.
        """
        found = self.find(path)
        if not found.ok:
            raise NotFound(f"{self.title} is not installed: {found.why}", hint="install it, or write runner: auto")
        goes_on = bool(resume and session and self.session.resume)
        conversation = session if goes_on else new_session() if self.session.new else ""
        added = (*self._policy_words(agent), *(self.session.resume if goes_on else self.session.new))
        values = self._values(agent, found.program or "", folder)
        values |= {"session": conversation, "generation": str(generation)}
        if goes_on:
            values["prompt"] = ""
        argv = fill_line(self.launch_words, values, agent.argv, added)
        if not argv:
            raise NotFound(f"{agent.id} has no command to run", hint="give it one: command: [program, argument]")
        return Launch(
            argv,
            {name: fill(value, values) for name, value in self.env.items()},
            self.unset,
            prompted=takes_prompt(self.launch_words) and bool(values["prompt"]),
            files={name: fill_file(name, text, values) for name, text in self.files.items()},
            session=conversation,
            resumed=goes_on,
        )

    def _policy_words(self, agent: AgentSpec) -> tuple[str, ...]:
        if not agent.approve:
            return ()
        if agent.approve not in self.approve:
            there = f"it has {', '.join(self.approve)}" if self.approve else "it has none"
            raise UsageError(f"{agent.id}: {self.title} has no approve: {agent.approve}", hint=f"{there}")
        return self.approve[agent.approve]

    def _values(self, agent: AgentSpec, program: str, folder: Path) -> dict[str, str]:
        fits = "\0" not in agent.prompt and len(agent.prompt.encode(errors="replace")) <= _ARGUMENT_BYTES
        return {
            "agent": agent.id,
            "cwd": agent.cwd,
            "folder": str(folder),
            "hook": shlex.quote(str(HOOK)),
            "model": agent.model,
            "program": program,
            "prompt": agent.prompt if fits else "",
            "python": sys.executable,
            "role": agent.role,
            "runners": str(SHIPPED),
            "signals": str(folder / SIGNALS),
            "team": agent.team,
            "worker": str(WORKER),
        }


def _which(name: str, path: str) -> str | None:
    """Return the first executable file called *name*; relative places on *path* are passed over.

    They would mean another folder for each agent, and a repository could bring a program of its own.
    """
    for place in path.split(os.pathsep):
        candidate = Path(place, name)
        if place.startswith("/") and candidate.is_file() and os.access(candidate, os.X_OK):
            return str(candidate)
    return None
