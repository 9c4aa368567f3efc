"""Where a native channel's messages lie in an agent's run folder; shared by both of its ends.

inbox/     <number>-<id>                   put there by the supervisor
taken/     <number>-<id>                   claimed by the worker, before anything is run
taken/     <number>-<id>.<code>.<millis>   it ended so; the report may be missing
done/      <number>-<id>                   reported; emptied, kept so that nothing is taken twice
doorbell   a FIFO: a byte in it wakes the worker
signals/   <generation>.jsonl              what the worker reports, one JSON object a line

A message only ever moves down this list, by rename. Standard library only, and little of it: the worker starts with it.
"""

from __future__ import annotations

import re

INBOX = "inbox"
TAKEN = "taken"
DONE = "done"
DOORBELL = "doorbell"
SIGNALS = "signals"

NAME = re.compile(r"(\d{1,18})-([A-Za-z0-9_-]{1,64})(?:\.(\d{1,3})\.(\d{1,15}))?")
"""Number, id and, in `taken`, how it ended."""


def file_name(number: int, message: str) -> str:
    """Return the name of message *number* with id *message*, so that names sort as numbers do.

    Raises ValueError for a number below 0 or an id that may not stand in a file name.
    """
    name = f"{number:012d}-{message}"
    if not NAME.fullmatch(name) or "." in name:
        raise ValueError(f"{number}, {message!r}: a number from 0, and an id of letters, digits, - and _")
    return name


def number_of(name: str) -> int:
    """Return the number in a file name that `NAME` fits."""
    return int(name.partition("-")[0])
