"""The name under which a process of ours is listed."""

from __future__ import annotations

import sys

_PR_SET_NAME = 15


def set_title(name: str) -> None:
    """Be listed as *name* (15 letters at most) where the system has such a thing (Linux)."""
    if sys.platform != "linux":
        return
    try:
        import ctypes  # noqa: PLC0415  not every Python has it

        ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        return
