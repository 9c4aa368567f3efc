"""Which tmux this is, and what is known to go wrong with it: for `doctor`."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass

from agentctl.domain.errors import TerminalError, TerminalUnreachable
from agentctl.drivers.tmux.invoke import environment, no_tmux

_DEADLINE = 4.0  # seconds
_PATTERN = re.compile(r"(\d+)\.(\d+)([a-z]?)")
_NEWEST = (999, 0, "")


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A release of tmux; letters come after the bare number: 3.3 < 3.3a < 3.4."""

    major: int
    minor: int
    letter: str = ""

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}{self.letter}"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something a range of releases does wrong, and what keeps us clear of it."""

    since: Version
    until: Version
    """The last release that has it."""
    what: str
    remedy: str


OLDEST = Version(3, 2)
"""The first release with all we use: popups, pane options, control clients with flags."""

_FAULTS = (
    Fault(Version(0, 0), Version(3, 3, "z"), "pasting into a dead pane crashes the server", "agentctl checks first"),
    Fault(
        Version(0, 0),
        Version(3, 6, "a"),
        "`set -g window-size manual` crashes the server at the next window",
        "take it out of tmux.conf; agentctl never sets it",
    ),
    Fault(
        Version(0, 0),
        Version(3, 4, "z"),
        "built with utempter it may miss that a program ended",
        "agentctl watches the program itself and keeps its exit code",
    ),
    Fault(
        Version(0, 0),
        Version(3, 6, "z"),
        "with a control client attached, ending a session together with its current window crashes the server",
        "agentctl ends sessions as a whole, and has no such client on a server that is not its own",
    ),
    Fault(
        Version(3, 6),
        Version(*_NEWEST),
        "a control client that lags behind in reading output can crash the server when a pane is used again",
        "agentctl's client takes no output",
    ),
)


def probe() -> Version:
    """Return the version of the tmux on PATH; raise `TerminalUnreachable` where there is none."""
    if shutil.which("tmux") is None:
        raise no_tmux()
    try:
        done = subprocess.run(
            ["tmux", "-V"], capture_output=True, text=True, timeout=_DEADLINE, env=environment(), check=False
        )
    except subprocess.TimeoutExpired as late:
        raise TerminalUnreachable("tmux -V did not answer") from late
    return parse(done.stdout.strip())


def parse(text: str) -> Version:
    """Return the version in what `tmux -V` prints; `master` is newer than all."""
    match = _PATTERN.search(text)
    if match:
        return Version(int(match[1]), int(match[2]), match[3])
    if "master" in text:
        return Version(*_NEWEST)
    raise TerminalError(f"tmux gives a version we cannot read: {text!r}")


def faults(version: Version) -> list[Fault]:
    """Return what is known to go wrong with *version*."""
    return [fault for fault in _FAULTS if fault.since <= version <= fault.until]
