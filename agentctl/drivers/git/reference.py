"""The reference that an agent's checkpoints are on, and how it moves: from what it was to the next, or not at all."""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path

from agentctl.domain.checkpoint import Skipped
from agentctl.domain.names import AgentId
from agentctl.drivers.git.command import GitFailed
from agentctl.drivers.git.place import read_start
from agentctl.drivers.git.shadow import Shadow

STALE_SECONDS = 10.0
"""An empty lock that is as old is nobody's: git holds one for milliseconds."""

_STEP_SECONDS = 0.05
_WHOLE = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\n?")


def name_of(agent: AgentId) -> str:
    """Return the full name of the reference of *agent*."""
    return f"refs/agentctl/{agent}"


def move(shadow: Shadow, reference: str, new: str, old: str) -> Skipped | None:
    """Move *reference* from *old* (empty: it is not there) to *new*; return why it was not moved."""
    words = ("-c", "core.fsync=reference", "update-ref", "--no-deref", reference, new, old or "0" * len(new))
    deadline = time.monotonic() + STALE_SECONDS + 1
    while True:
        clear_stale_lock(shadow, reference)
        try:
            shadow.git(*words)
        except GitFailed as failure:
            if (
                "but expected" in failure.said
                or "already exists" in failure.said
                or "unable to resolve" in failure.said
            ):
                return Skipped.BUSY
            if failure.skipped is not Skipped.BUSY or time.monotonic() > deadline:
                return failure.skipped
            time.sleep(_STEP_SECONDS)
        else:
            return None


def clear_stale_lock(shadow: Shadow, reference: str) -> None:
    """Remove the lock of *reference* that a killed git process of ours has left behind.

    Asked only by who has the shadow's lock, so no git process of ours is alive. Only we write to these references, so a
    lock with a commit in it is ours. An empty one may be that of the user's `git pack-refs`, which locks a reference to
    take its file away; that takes it milliseconds, so an empty one goes when it is old.
    """
    lock = _lock(shadow, reference)
    with contextlib.suppress(FileNotFoundError):
        if _WHOLE.fullmatch(read_start(lock)) or time.time() - lock.lstat().st_mtime > STALE_SECONDS:
            lock.unlink()


def _lock(shadow: Shadow, reference: str) -> Path:
    return shadow.place.common / f"{reference}.lock"
