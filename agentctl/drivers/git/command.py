"""How a git process is started: an argument list, a few variables, a deadline, and what its failure means."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
from collections.abc import Collection, Mapping, Sequence
from typing import BinaryIO

from agentctl.domain.checkpoint import Skipped
from agentctl.domain.errors import Unreachable
from agentctl.domain.text import safe_line

SECONDS = 60.0
"""Longest time of one git process: adding 100 MiB takes some 6 s on a slow core."""

_PASSED = ("PATH", "HOME", "XDG_CONFIG_HOME")
"""What git may see of our environment: where it is, and where the user's own list of ignored files is."""

_FIXED = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_PAGER": "cat",
    "GIT_EDITOR": "false",
    "GIT_ASKPASS": "false",
    "SSH_ASKPASS": "false",
}
_NO_CONFIGURATION = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_ATTR_NOSYSTEM": "1"}

_MEANINGS = (
    (re.compile("No space left|quota exceeded|File too large"), Skipped.FULL),
    (re.compile("Read-only file system|Permission denied|insufficient permission"), Skipped.READ_ONLY),
    (re.compile(r"\.lock': File exists"), Skipped.BUSY),
)
_ERRNOS = {
    errno.ENOSPC: Skipped.FULL,
    errno.EDQUOT: Skipped.FULL,
    errno.EFBIG: Skipped.FULL,
    errno.EROFS: Skipped.READ_ONLY,
    errno.EACCES: Skipped.READ_ONLY,
    errno.EPERM: Skipped.READ_ONLY,
}
_LONGEST_WORDS = 300


class GitFailed(Unreachable):
    """git said no, was killed, or did not end in time."""

    def __init__(self, verb: str, code: int, said: str) -> None:
        words = safe_line(said)[:_LONGEST_WORDS] or f"exit code {code}"
        super().__init__(f"git {verb} failed: {words}", hint="look at the repository: git fsck")
        self.code = code
        self.said = said

    @property
    def skipped(self) -> Skipped:
        """What it means for a checkpoint."""
        if self.code == -signal.SIGXFSZ:
            return Skipped.FULL
        return next((why for pattern, why in _MEANINGS if pattern.search(self.said)), Skipped.BROKEN)


def meaning(error: OSError) -> Skipped:
    """Return what a failure of the file system means for a checkpoint."""
    return _ERRNOS.get(error.errno or 0, Skipped.BROKEN)


def environment(more: Mapping[str, str], *, configured: bool = False) -> dict[str, str]:
    """Return the environment of a git process; only one that is *configured* reads the user's own configuration."""
    passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
    return passed | _FIXED | ({} if configured else _NO_CONFIGURATION) | dict(more)


def run(
    words: Sequence[str],
    environ: Mapping[str, str],
    *,
    given: bytes | BinaryIO = b"",
    into: BinaryIO | None = None,
    held: Collection[int] = (),
    allowed: Collection[int] = (0,),
    seconds: float = SECONDS,
) -> bytes:
    """Run git with *words* and return what it printed, or write that *into* a file; raise `GitFailed`.

    *given* is its input. The descriptors *held* stay open in it, so that a lock on one of them outlives us with it.
    """
    try:
        done = subprocess.run(
            ["git", *words],
            input=given if isinstance(given, bytes) else None,
            stdin=None if isinstance(given, bytes) else given,
            stdout=subprocess.PIPE if into is None else into,
            stderr=subprocess.PIPE,
            env=environ,
            cwd="/",
            pass_fds=tuple(held),
            start_new_session=True,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError as missing:
        raise Unreachable("git is not installed", hint="install git 2.34 or newer and try again") from missing
    except subprocess.TimeoutExpired as late:
        raise GitFailed(_verb(words), -signal.SIGKILL, f"no end within {seconds:g} s") from late
    if done.returncode not in allowed:
        raise GitFailed(_verb(words), done.returncode, os.fsdecode(done.stderr))
    output: bytes = done.stdout or b""
    return output


def _verb(words: Sequence[str]) -> str:
    return next((word for word in words if re.fullmatch("[a-z]+(-[a-z]+)*", word)), "")
