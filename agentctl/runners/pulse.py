"""The pulse folder of an agent: what its hooks read of its pulse, and where they claim their turns.

pulse/     gap.2000                        the pulse in milliseconds; put there by the supervisor
pulse/     call.100000007                  the seventh tool call of this launch went on; made by its hook
pulse/     call.100000007.1234567          and when, in hundredths of a second of the hook's own clock

All stands in names: the agent may write here, and a name is short whatever it does. See `hook.sh`.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

PULSE = "pulse"
_GAP = "gap."
_MOST_MILLIS = 999_999
"""What hooks take for a number; they hold a call for much less."""


def begin(run: Path, pulse: timedelta) -> None:
    """Make the folder below the agent's run folder *run* for a launch; raises OSError.

    Calls of an earlier one are forgotten: their times may be of a clock that has started anew.
    """
    folder = run / PULSE
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISDIR(folder.lstat().st_mode):
            folder.unlink()
    with _opened(folder) as descriptor:
        for name in _names(descriptor):
            _remove(descriptor, name)
        _make(descriptor, _name(pulse))


def set_gap(run: Path, pulse: timedelta) -> None:
    """Have the hooks of the agent that runs keep *pulse* from now on; raises OSError."""
    with _opened(run / PULSE) as descriptor:
        _make(descriptor, _name(pulse))
        for name in _names(descriptor):
            if name.startswith(_GAP) and name != _name(pulse):
                _remove(descriptor, name)


def _name(pulse: timedelta) -> str:
    return f"{_GAP}{min(-(-pulse // timedelta(milliseconds=1)), _MOST_MILLIS)}"


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """Open *folder*, which is made where it is not there; a link in its place leads nowhere."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _names(descriptor: int) -> list[str]:
    with os.scandir(descriptor) as found:
        return [entry.name for entry in found]


def _make(descriptor: int, name: str) -> None:
    """Make the empty file *name*; whatever is called so already says the same."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with contextlib.suppress(FileExistsError):
        os.close(os.open(name, flags, 0o600, dir_fd=descriptor))


def _remove(descriptor: int, name: str) -> None:
    with contextlib.suppress(OSError):  # a folder of the agent's own: a hook reads past it
        os.unlink(name, dir_fd=descriptor)
