"""The user's crontab, by the `crontab` program alone, and whether a cron daemon is seen.

What cannot be read is unknown, which is not absent: nothing is written over it.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from agentctl.domain.errors import Refused, Unreachable
from agentctl.domain.text import safe_line

_SECONDS = 10.0
_FIXED = {"LC_ALL": "C", "CRONTAB_NOHEADER": "Y"}
"""Its words as we know them, and no lines of its own before the text."""
_ABSENT = re.compile(rb"no crontab for ")
_LONGEST_WORDS = 300

_ALTERED = re.compile(rb"\\r$", re.MULTILINE)
"""Debian's crontab shows a carriage return as these two letters: written back, they would be letters."""

_PROC = Path("/proc")
_DAEMONS = frozenset({"cron", "crond", "fcron"})


class Daemon(StrEnum):
    """What is seen of a cron daemon."""

    RUNS = "runs"
    NONE = "none"
    """No process has the name of one, and all can be seen."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sight:
    """A daemon, or none, and how that is known."""

    daemon: Daemon
    evidence: str


def read() -> bytes | None:
    """Return the crontab of whoever runs this, None where there is none; raises `Unreachable` where it is unknown."""
    done = _run("-l")
    if done.returncode == 0:
        return done.stdout
    if _ABSENT.search(done.stderr):
        return None
    raise _failure("the crontab cannot be read", done)


def replace(before: bytes | None, after: bytes) -> None:
    """Put *after* in the place of *before*, which has been read; an empty one is removed.

    Raises `Refused` where somebody has changed it meanwhile, or it was not shown as it is, and `Unreachable` where cron
    does not take it, or keeps something else.
    """
    if before is not None and (found := _ALTERED.search(before)):
        number = before.count(b"\n", 0, found.start()) + 1
        raise Refused(
            f"line {number} of the crontab ends in \\r: crontab shows a carriage return so, and would not keep it",
            hint="take it out with crontab -e, or put quotes around it, then try again",
        )
    if read() != before:
        raise Refused("somebody else changed the crontab meanwhile; nothing was written", hint="try again")
    done = _run("-", given=after) if after else _run("-r")
    if done.returncode != 0:
        raise _failure("cron does not take the crontab; nothing was changed", done)
    if (read() or b"") != after:
        raise Unreachable("the crontab is not what was written", hint="look at it: crontab -l")


def sight() -> Sight:
    """Look for a cron daemon among the processes."""
    try:
        (_PROC / "1" / "comm").read_bytes()
    except OSError:
        return Sight(Daemon.UNKNOWN, "not all processes can be seen here")
    for folder in _PROC.iterdir():
        if folder.name.isdigit() and (name := _name(folder)) in _DAEMONS:
            return Sight(Daemon.RUNS, f"{name}, pid {folder.name}")
    return Sight(Daemon.NONE, f"no process is called {', '.join(sorted(_DAEMONS))}")


def _name(folder: Path) -> str:
    try:
        return (folder / "comm").read_text(errors="replace").strip()
    except OSError:
        return ""


def _run(*words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["crontab", *words],
            input=given,
            capture_output=True,
            env={**os.environ, **_FIXED},
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise Unreachable(
            "there is no crontab program on PATH",
            hint="install cron (Debian, Ubuntu) or cronie; where a supervisor may stay: agentctl daemon install",
        ) from None
    except subprocess.TimeoutExpired:
        raise Unreachable(f"crontab {words[0]} did not end within {_SECONDS:g}s", hint="try: crontab -l") from None


def _failure(what: str, done: subprocess.CompletedProcess[bytes]) -> Unreachable:
    said = safe_line(os.fsdecode(done.stderr).strip())[:_LONGEST_WORDS] or f"exit code {done.returncode}"
    shorter = "Debian's cron takes 998 bytes: try again with a shorter PATH" if "too long" in said else ""
    return Unreachable(f"{what}: {said}", hint=shorter or "try: crontab -l")
