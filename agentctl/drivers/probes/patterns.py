"""The log probe: a regular expression over the agent's output.

Both are other people's, and some patterns take for ever on some lines; the search has a budget of CPU time that nothing
can stretch. It must run in the main thread, where Python handles signals.
"""

from __future__ import annotations

import contextlib
import re
import signal
from collections.abc import Iterator
from types import FrameType

from agentctl.domain.text import safe_line
from agentctl.drivers.probes.answer import Answer

_MOST_CHARACTERS = 256 * 1024  # the newest of the output
_LONGEST_LINE = 4096
_LONGEST_PATTERN = 1000
_LONGEST_SHOWN = 200
_BUDGET_SECONDS = 0.1  # of this process's CPU; an ordinary pattern needs a hundredth of it for all the output


class _TooSlow(Exception):
    """The budget is spent."""


def ask_lines(pattern: str, output: str) -> Answer:
    """Tell whether a line of *output* matches *pattern*; the evidence is the line."""
    shown = safe_line(pattern)[:_LONGEST_SHOWN]
    if len(pattern) > _LONGEST_PATTERN:
        return Answer(False, f"the pattern is longer than {_LONGEST_PATTERN} characters")
    lines = output[-_MOST_CHARACTERS:].splitlines()
    try:
        with _budget():
            wanted = re.compile(pattern)
            found = next((line for line in lines if wanted.search(line[:_LONGEST_LINE])), None)
    except _TooSlow:
        return Answer(False, f"the pattern {shown!r} takes too long on this output: write it without nested repeats")
    except (re.error, RecursionError, OverflowError) as error:
        return Answer(False, f"{shown!r} is not a regular expression: {safe_line(str(error))}")
    if found is None:
        return Answer(False, f"none of {len(lines)} lines matches {shown!r}")
    return Answer(True, f"line: {safe_line(found)[:_LONGEST_SHOWN]}")


@contextlib.contextmanager
def _budget() -> Iterator[None]:
    """Raise `_TooSlow` in the body when it has used the budget: the matcher looks for signals as it works.

    The timer counts CPU time of this process, so waiting costs nothing and nobody else's timer is in the way.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise _TooSlow

    before = signal.signal(signal.SIGVTALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, _BUDGET_SECONDS)
        yield
    finally:
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        finally:  # the signal may come at the last moment, in the line above
            signal.signal(signal.SIGVTALRM, before)
