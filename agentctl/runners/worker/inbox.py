"""The worker's end of the native channel: each message is claimed once, by rename, before anything of it is run."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import NamedTuple

from agentctl.runners.mailbox import DONE, INBOX, NAME, TAKEN, number_of

_KEPT = 10_000
"""Markers of done messages, kept so that a repeated delivery is noticed; older ones go when a worker starts."""


class Claim(NamedTuple):
    """A message that is ours now."""

    name: str
    id: str
    sender: str = ""
    kind: str = ""
    text: str = ""
    fault: str = ""
    """Why it cannot be read, where it cannot."""


class Leftover(NamedTuple):
    """What an earlier worker claimed and did not bring to its end."""

    name: str
    id: str
    code: int | None
    """The exit code where it had ended and only the report is in doubt; None where it was interrupted."""
    seconds: float


class Inbox:
    """The three folders of `mailbox`; one worker at a time uses them."""

    def __init__(self, run: Path) -> None:
        self._inbox, self._taken, self._done = run / INBOX, run / TAKEN, run / DONE
        for folder in (self._inbox, self._taken, self._done):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._drop_old_markers()

    def waiting(self) -> bool:
        """Tell whether a message waits."""
        return any(NAME.fullmatch(entry.name) for entry in self._inbox.iterdir())

    def claim(self) -> Claim | None:
        """Take the waiting message with the lowest number, None where none waits."""
        for name in _names(self._inbox):
            (self._inbox / name).rename(self._taken / name)
            return _read(self._taken / name)
        return None

    def record(self, name: str, code: int, seconds: float) -> str:
        """Write down how the claimed message *name* ended, in its name; return the new name."""
        recorded = f"{name}.{code}.{int(seconds * 1000)}"
        (self._taken / name).rename(self._taken / recorded)
        return recorded

    def finish(self, name: str) -> None:
        """Mark the claimed message *name* as reported."""
        marker = self._done / name.partition(".")[0]
        (self._taken / name).rename(marker)
        if stat.S_ISREG(marker.lstat().st_mode):
            os.truncate(marker, 0)

    def leftovers(self) -> list[Leftover]:
        """Return what was claimed and not finished, lowest number first."""
        found = []
        for name in _names(self._taken):
            _, message, code, millis = _parts(name)
            found.append(Leftover(name, message, None if code is None else int(code), int(millis or 0) / 1000))
        return found

    def _drop_old_markers(self) -> None:
        for name in _names(self._done)[:-_KEPT]:
            (self._done / name).unlink()


def _names(folder: Path) -> list[str]:
    """Return the names of messages in *folder*, lowest number first."""
    names = [entry.name for entry in folder.iterdir() if NAME.fullmatch(entry.name)]
    return sorted(names, key=lambda name: (number_of(name), name))


def _parts(name: str) -> tuple[str, str, str | None, str | None]:
    match = NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is no message's name")
    return match[1], match[2], match[3], match[4]


def _read(path: Path) -> Claim:
    message = _parts(path.name)[1]
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            data = json.loads(file.read())
        fields = [data[key] for key in ("sender", "kind", "text")]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        return Claim(path.name, message, fault=f"it cannot be read ({type(error).__name__})")
    if not all(isinstance(field, str) for field in fields):
        return Claim(path.name, message, fault="it is not a message")
    return Claim(path.name, message, *fields)
