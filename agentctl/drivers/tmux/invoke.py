"""How a tmux process is started: always with `-u`, a named socket, a deadline and an environment of a few variables.

The server inherits the environment and the folder of whoever starts it and keeps both for ever, so secrets and the
session of another server (`TMUX`) stay out and the folder is `/`.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentctl.domain.errors import TerminalError, TerminalUnreachable

PASSED = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMUX_TMPDIR", "XDG_RUNTIME_DIR")
"""What a tmux process may see of our environment."""

SIZE = (220, 50)
"""Columns and lines of a window nobody looks at, so that no screen is cut."""

_SOCKET = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_ABSENT = ("no server running", "error connecting to")
_VANISHED = ("server exited", "lost server")


class ServerGone(TerminalError):
    """There is no tmux server on this socket."""


class ServerVanished(TerminalUnreachable):
    """The server or our connection to it ended in the middle: what was asked may or may not have been done."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished tmux process said."""

    code: int
    out: str
    err: str


def hub_name(home: str) -> str:
    """Return the name of the session that our own client sits in."""
    return f"_agentctl-{home}"


def command(socket: str) -> list[str]:
    """Return the words that every tmux call begins with; raise ValueError where *socket* is no plain name."""
    if not _SOCKET.fullmatch(socket):
        raise ValueError(f"{socket!r} is no name for a tmux socket: use letters, digits, _ . -")
    return ["tmux", "-u", "-L", socket]


def socket_path(socket: str, environ: Mapping[str, str] | None = None) -> Path:
    """Return where tmux has the socket that `-L` calls *socket*."""
    folder = (os.environ if environ is None else environ).get("TMUX_TMPDIR") or "/tmp"  # noqa: S108  tmux's own default
    return Path(folder) / f"tmux-{os.getuid()}" / socket


def environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for a tmux process, from *environ* or our own."""
    source = os.environ if environ is None else environ
    return {name: source[name] for name in PASSED if name in source} | {"LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}


def call(socket: str, *words: str, deadline: float, stdin: str | None = None, before: Sequence[str] = ()) -> Outcome:
    """Run one tmux command and return what it said; raise `TerminalUnreachable` past *deadline* seconds.

    The words *before* it start it in some way of their own.
    """
    try:
        done = subprocess.run(
            [*before, *command(socket), *words],
            input=(stdin or "").encode(),
            capture_output=True,
            timeout=deadline,
            env=environment(),
            cwd="/",
            start_new_session=True,
            check=False,
        )
    except FileNotFoundError as missing:
        raise no_tmux() from missing
    except subprocess.TimeoutExpired as late:
        raise silent(socket, deadline) from late
    return Outcome(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def absent(outcome: Outcome) -> bool:
    """Tell whether tmux found no server."""
    return outcome.code != 0 and outcome.err.startswith(_ABSENT)


def vanished(outcome: Outcome) -> bool:
    """Tell whether the server went away while it was spoken to, as one does that is just being killed."""
    return outcome.code != 0 and any(word in outcome.err + outcome.out for word in _VANISHED)


def gone(socket: str) -> ServerGone:
    """Return the error for a server that is not there."""
    return ServerGone(f"no tmux server runs on socket {socket}", hint="deploy a team: agentctl deploy FILE")


def silent(socket: str, deadline: float) -> TerminalUnreachable:
    """Return the error for a server that does not answer."""
    return TerminalUnreachable(
        f"the tmux server on socket {socket} did not answer within {deadline:g} s",
        hint="look whether it is stopped or busy: agentctl doctor",
    )


def no_tmux() -> TerminalUnreachable:
    """Return the error for a machine without tmux."""
    return TerminalUnreachable("tmux is not installed", hint="install tmux 3.2 or newer and try again")
