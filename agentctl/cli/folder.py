"""Where the command was called."""

from __future__ import annotations

from pathlib import Path

from agentctl.domain.errors import NotFound


def here() -> Path:
    """Return the current folder; raises `NotFound` where it was removed under our feet."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise NotFound("the current folder does not exist any more", hint="cd to another one") from None
