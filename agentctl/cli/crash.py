"""Crash files: what is needed to mend a mistake of ours, and nothing of the user's that is secret."""

from __future__ import annotations

import os
import platform
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from agentctl import __version__
from agentctl.cli.app import BY_NAME
from agentctl.control.home import Home, find_home
from agentctl.domain.errors import AgentctlError

KEPT = 10
_SHORTEST_SECRET = 6  # shorter values (`en`, `1`, `xterm`) would tear holes into every line


def write_crash_file(error: BaseException, argv: Sequence[str]) -> Path | None:
    """Write what *error* left behind below the state folder and return where; None where that is impossible."""
    try:
        home = find_home()
        home.prepare()
        path = home.logs / f"crash-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}.txt"
        text = redact(_report(error, argv), os.environ)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
            file.write(text)
        _keep_newest(home)
    except (OSError, AgentctlError):
        return None
    return path


def redact(text: str, environ: Mapping[str, str]) -> str:
    """Return *text* with every value of *environ* that stands in it replaced by the variable's name."""
    values = sorted(environ.items(), key=lambda item: -len(item[1]))
    for name, value in values:
        if len(value) >= _SHORTEST_SECRET and not value.startswith("/"):
            text = text.replace(value, f"${name}")
    return text


def _report(error: BaseException, argv: Sequence[str]) -> str:
    # Of the command line only its commands and the names of its flags: what follows may be a message or a secret.
    words = [word.partition("=")[0] for word in argv if word.startswith("-") or word in _commands()]
    facts = [
        f"agentctl {__version__} on Python {platform.python_version()}, {platform.platform()}",
        f"command: {' '.join(words)}",
        f"executable: {sys.executable}",
        "",
    ]
    return "\n".join(facts) + "".join(traceback.format_exception(error))


def _commands() -> frozenset[str]:
    return frozenset(part for name in BY_NAME for part in name.split())


def _keep_newest(home: Home) -> None:
    for old in sorted(home.logs.glob("crash-*.txt"))[:-KEPT]:
        old.unlink(missing_ok=True)
