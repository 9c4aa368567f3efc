"""A person's line: read with readline where it is there, and given up at once, draft kept, when there is work."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

from agentctl.runners.worker.terminal import Terminal
from agentctl.runners.worker.wake import SOON_SECONDS, SWEEP_SECONDS, Wake, hush, listen

try:
    import readline

    _EDITS = True
except ImportError:  # some builds of Python come without it
    _EDITS = False


class _Woken(BaseException):
    """There is something to do that is not the person's line."""


class EditedLine:
    """Reads lines with readline: the user's key bindings, a history that lives as long as the worker."""

    def __init__(self, terminal: Terminal, wake: Wake, due: Callable[[], bool]) -> None:
        self._terminal, self._wake, self._due = terminal, wake, due
        self._draft = ""
        if "libedit" not in (readline.__doc__ or ""):
            readline.parse_and_bind("set enable-bracketed-paste on")  # a pasted text of several lines is one command
            readline.parse_and_bind("tab: complete")
        readline.set_startup_hook(self._begin)

    def read(self, prompt: str) -> str | None:
        """Return a line, None as soon as something is due instead; raise EOFError on Ctrl-D."""
        self._wake.interrupt = self._interrupt
        signal.setitimer(signal.ITIMER_REAL, SWEEP_SECONDS, SWEEP_SECONDS)
        try:
            line = None if self._due() else input(prompt)
        except _Woken:
            self._terminal.write(b"\n" if self._draft else b"\r\x1b[K")
            return None
        except KeyboardInterrupt:
            self._terminal.write(b"\n")
            line = ""
        finally:
            self._wake.interrupt = None
            signal.setitimer(signal.ITIMER_REAL, 0)
            listen()
        if line is not None:
            self._draft = ""
        return line

    def _begin(self) -> None:
        readline.insert_text(self._draft)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """Leave the editor where that loses nothing, else look again soon; called by a signal handler in `read`."""
        if number != signal.SIGINT and not self._due():
            return
        if not self._is_editing(frame):
            signal.setitimer(signal.ITIMER_REAL, SOON_SECONDS, SWEEP_SECONDS)
            return
        hush()
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        self._draft = readline.get_line_buffer()
        raise _Woken

    def _is_editing(self, frame: FrameType | None) -> bool:
        """Tell whether the signal met `input` before Enter.

        After Enter the terminal is in its normal mode again, and the line is on its way to us. In `_begin`, which
        `input` calls, an exception would be swallowed.
        """
        return frame is not None and frame.f_code is EditedLine.read.__code__ and self._terminal.editing()


class PlainLine:
    """Reads lines as the terminal's line discipline, or a pipe, hands them over."""

    def __init__(self, terminal: Terminal, wake: Wake, due: Callable[[], bool]) -> None:
        self._terminal, self._wake, self._due = terminal, wake, due
        self._unread = b""

    def read(self, prompt: str) -> str | None:
        """Return a line, None as soon as something is due instead; raise EOFError at the end of input."""
        self._terminal.write(prompt.encode(errors="replace"))
        while b"\n" not in self._unread:
            if self._due():
                self._terminal.write(b"\n")
                return None
            if self._wake.wait(SWEEP_SECONDS, 0):
                data = os.read(0, 65536)
                if not data and not self._unread:
                    raise EOFError
                self._unread += data or b"\n"
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode(errors="surrogateescape")


def open_prompt(terminal: Terminal, wake: Wake, due: Callable[[], bool]) -> EditedLine | PlainLine:
    """Return the best way to read lines here; *due* tells whether there is work that goes before them."""
    if _EDITS and terminal.interactive:
        return EditedLine(terminal, wake, due)
    return PlainLine(terminal, wake, due)
