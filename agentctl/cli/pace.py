"""How often a command looks again."""

from __future__ import annotations

import time


def pause(seconds: float) -> None:
    """Let *seconds* pass between two looks; what is waited for is always looked at again."""
    time.sleep(seconds)  # noqa: TID251  a short-lived command has no loop and no clock of its own
