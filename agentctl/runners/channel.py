"""The supervisor's end of the native channel: a message goes into the worker's inbox once, then the doorbell rings."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

from agentctl.runners.mailbox import DONE, DOORBELL, INBOX, TAKEN, file_name


@dataclass(frozen=True, slots=True)
class Message:
    """What the worker gets."""

    id: str
    sender: str
    """An agent's id, or `person`."""
    kind: str
    """`brief` is shown to whoever watches and not run; every other kind is a command."""
    text: str


def deliver(run: Path, number: int, message: Message) -> None:
    """Put *message* into the inbox below the agent's run folder *run*; the worker takes them by *number*, lowest first.

    Repeating the call with the same number and id does nothing, whether the message waits, runs or is done, so it may
    be called again after a crash at any point. One process delivers (the supervisor). Nothing is synced to the disk: a
    power cut ends the worker too, and the log knows which messages no report has come for. Raises OSError where it
    could not be written, ValueError for an id that is no file name.
    """
    name = file_name(number, message.id)
    inbox = run / INBOX
    inbox.mkdir(mode=0o700, parents=True, exist_ok=True)
    if _was_delivered(run, name):
        return
    draft = inbox / f".{name}"  # the worker passes over names that begin with a dot
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
        file.write(json.dumps(asdict(message)).encode())
    draft.rename(inbox / name)


def poke(run: Path) -> bool:
    """Ring the worker's doorbell, without ever waiting; return whether somebody can have heard it.

    A hint only: the worker also looks by itself every few seconds, and when it starts.
    """
    try:
        fd = os.open(run / DOORBELL, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENXIO, errno.ELOOP):  # no worker listens, or this is no doorbell
            return False
        raise
    try:
        if not stat.S_ISFIFO(os.fstat(fd).st_mode):
            return False
        with contextlib.suppress(BlockingIOError):  # full: it rings already
            os.write(fd, b"!")
    except BrokenPipeError:
        return False
    finally:
        os.close(fd)
    return True


def _was_delivered(run: Path, name: str) -> bool:
    """Look in the order in which a message moves on, so that one on its way is met in one place or the next."""
    if (run / INBOX / name).exists():
        return True
    taken = run / TAKEN
    if taken.is_dir() and any(entry.name.partition(".")[0] == name for entry in taken.iterdir()):
        return True
    return (run / DONE / name).exists()
