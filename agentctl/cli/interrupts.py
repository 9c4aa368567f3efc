"""Ctrl-C: while a command's code is loaded it ends the process at once, from then on it is an exception.

Nothing has begun before, so nothing is left half done; and an exception raised amid the imports of a library may be
swallowed there, or wrapped in its words.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

INTERRUPTED = 130
"""128 and the number of SIGINT, as shells have it."""


def end_at_once() -> None:
    """Have Ctrl-C end this process; where it is ignored, as below `nohup`, it stays so."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def raise_again() -> None:
    """Have Ctrl-C raise KeyboardInterrupt: a command begins that may have something to put in order."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, frame: FrameType | None) -> None:
    del number, frame
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)
