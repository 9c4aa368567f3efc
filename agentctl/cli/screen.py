"""The terminal while a live picture is on it: keys are not echoed, q ends it, and it is left as it was found."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeAlias

from rich.console import Console

from agentctl.cli.pace import pause

Wait: TypeAlias = Callable[[float], bool]
"""Lets so many seconds pass; True as soon as the person wants to leave."""

Attributes: TypeAlias = list[Any]
"""What `termios.tcgetattr` returns."""

_MOST_BYTES = 1024


@contextmanager
def held(console: Console) -> Iterator[Wait]:
    """Give a `Wait` for the block; a TERM ends the block too, and Ctrl-Z gives the terminal back until the job goes on.

    The block has *console* on its other screen.
    """
    if not _has_keyboard():
        with _obeyed(signal.SIGTERM, _leave):
            yield _wait
        return
    keyboard = sys.stdin.fileno()
    with (
        _obeyed(signal.SIGTERM, _leave),
        _unechoed(keyboard) as before,
        _obeyed(signal.SIGTSTP, lambda *_: _step_aside(console, keyboard, before)),
    ):
        yield _wait_for_key


@contextmanager
def _obeyed(number: signal.Signals, how: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = signal.getsignal(number)
    if before is not signal.SIG_IGN:
        signal.signal(number, how)
    try:
        yield
    finally:
        signal.signal(number, before)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _step_aside(console: Console, keyboard: int, before: Attributes) -> None:
    """Leave the terminal as it was found, stop, and take it again when a shell says so."""
    console.set_alt_screen(enable=False)
    console.show_cursor(show=True)
    termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
    signal.raise_signal(signal.SIGSTOP)
    tty.setcbreak(keyboard)  # in the background it stops again here
    console.show_cursor(show=False)
    console.set_alt_screen(enable=True)


def _has_keyboard() -> bool:
    """Tell whether the terminal's keys are ours to read: a job in the background would be stopped for it."""
    try:
        return sys.stdin.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False


@contextmanager
def _unechoed(keyboard: int) -> Iterator[Attributes]:
    before = termios.tcgetattr(keyboard)
    tty.setcbreak(keyboard)  # Ctrl-C stays what it is
    try:
        yield before
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def _wait(seconds: float) -> bool:
    pause(seconds)
    return False


def _wait_for_key(seconds: float) -> bool:
    keyboard, until = sys.stdin.fileno(), time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if select.select([keyboard], [], [], left)[0]:
            pressed = os.read(keyboard, _MOST_BYTES)
            if not pressed or b"q" in pressed.lower():
                return True
    return False
