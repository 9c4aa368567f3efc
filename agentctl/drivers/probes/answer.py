"""What a probe answers."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from agentctl.domain.errors import Unreachable

_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN})


@dataclass(frozen=True, slots=True)
class Answer:
    """Yes or no, and what was seen, in one clean line for a person."""

    ok: bool
    evidence: str


def check_asked(error: OSError, question: str) -> None:
    """Raise `Unreachable` where *error* is this process's own want of files or memory: then nothing was asked."""
    if error.errno in _OURS:
        raise Unreachable(f"cannot ask {question}: {error.strerror}") from None
