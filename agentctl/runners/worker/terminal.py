"""The pane as the worker holds it: who is in its foreground, how it behaves, and what the worker says on it."""

from __future__ import annotations

import contextlib
import os
import termios

_STDIN, _STDOUT = 0, 1
_CALM = b"\x1b[0m\x1b(B\x0f\x1b[?25h\x1b[?1l\x1b>\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l"
"""Undoes what a command that died may have left: colours, line drawing, a hidden cursor, keypad, mouse, paste mode."""


class Terminal:
    """The controlling terminal, or a pipe in its place: then there is no job control and no line editing."""

    def __init__(self) -> None:
        self.interactive = os.isatty(_STDIN) and os.isatty(_STDOUT)
        with contextlib.suppress(PermissionError):  # the session's leader leads its own group already
            os.setpgid(0, 0)
        self._group = os.getpgrp()
        if self.interactive and not self._lead(self._group):
            self.interactive = False
        if self.interactive:
            self._manners = termios.tcgetattr(_STDIN)
            self._manners[0] |= termios.ICRNL
            self._manners[1] |= termios.OPOST
            self._manners[3] |= termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN
            self._restore()

    def give(self, group: int) -> None:
        """Put the process group *group* into the foreground: keys and Ctrl-C are for it."""
        if self.interactive:
            self._lead(group)

    def take_back(self) -> None:
        """Put the worker into the foreground again and undo what the command did to the terminal."""
        if self.interactive:
            self._lead(self._group)
            self._restore()
            self.write(_CALM)

    def is_gone(self) -> bool:
        """Tell whether the terminal has hung up: its window is closed, or tmux has died."""
        try:
            return self.interactive and not termios.tcgetattr(_STDIN)
        except termios.error:
            return True

    def editing(self) -> bool:
        """Tell whether a line is being edited: the editor holds the terminal in a mode of its own until Enter."""
        return not termios.tcgetattr(_STDIN)[3] & termios.ICANON

    def say(self, line: str) -> None:
        """Write *line*, which the caller has cleaned, where the cursor stands at the start of a line."""
        self.write(line.encode(errors="replace") + b"\n")

    def say_after_output(self, line: str) -> None:
        """Write *line* where a command may have left the cursor anywhere: an empty line is the price of certainty."""
        self.say(f"\n{line}")

    def write(self, data: bytes) -> None:
        """Write *data*; where the terminal is gone nobody is there to read it."""
        with contextlib.suppress(OSError):
            while data:
                data = data[os.write(_STDOUT, data) :]

    def _lead(self, group: int) -> bool:
        try:
            os.tcsetpgrp(_STDIN, group)
        except OSError:  # not our terminal, or the command is gone already
            return False
        return True

    def _restore(self) -> None:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(_STDIN, termios.TCSANOW, self._manners)
