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
from typing import TypeAlias

from agentctl.cli.pace import pause

Wait: TypeAlias = Callable[[float], bool]
"""Lets so many seconds pass; True as soon as the person wants to leave."""

_MOST_BYTES = 1024


@contextmanager
def held() -> Iterator[Wait]:
    """Give a `Wait` for the block; a TERM ends the block too, so that the terminal is put back."""
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        if _has_keyboard():
            with _unechoed(sys.stdin.fileno()):
                yield _wait_for_key
        else:
            yield _wait
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _has_keyboard() -> bool:
    """Tell whether the terminal's keys are ours to read: a job in the background would be stopped for it."""
    try:
        return sys.stdin.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False


@contextmanager
def _unechoed(keyboard: int) -> Iterator[None]:
    before = termios.tcgetattr(keyboard)
    tty.setcbreak(keyboard)  # Ctrl-C stays what it is
    try:
        yield
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
