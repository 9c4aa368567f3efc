"""Writing a few bytes to somebody's terminal device, at once or not at all."""

from __future__ import annotations

import os
import stat


def write(path: str, data: bytes) -> None:
    """Write *data* to the terminal device at *path*; raise OSError where that is no terminal of ours or takes it not.

    A terminal that a person has stopped (Ctrl-S) is not waited for.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISCHR(found.st_mode) or found.st_uid != os.getuid() or not os.isatty(descriptor):
            raise PermissionError(f"{path} is no terminal of this user")
        if os.write(descriptor, data) != len(data):
            raise BlockingIOError(f"{path} took only a part")
    finally:
        os.close(descriptor)
