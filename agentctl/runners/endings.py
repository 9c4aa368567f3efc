"""Why an agent ended, from its exit code and its last words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from agentctl.domain.agent import Ending
from agentctl.domain.text import safe_text
from agentctl.runners.patterns import compiled
from agentctl.runners.reset import parse_reset
from agentctl.runners.runner import Runner

_LAST_LINES = 20
_LONGEST_LINE = 500
_MEMORY_CODES = frozenset({134, 137})  # SIGABRT, as node ends without heap, and SIGKILL, as the kernel does it
_MEMORY_WORDS = (
    r"heap out of memory",
    r"\bOut of memory\b",
    r"Cannot allocate memory",
    r"\bENOMEM\b",
    r"\bMemoryError\b",
    r"std::bad_alloc",
    r"memory allocation of \d+ bytes failed",
)
_TOLD = (Ending.LOGIN, Ending.QUOTA, Ending.MEMORY)
"""What a manifest's patterns tell, in the order in which they are believed: a wrong login is no matter of waiting."""


def why_ended(runner: Runner, code: int | None, lines: Sequence[str], killed_for: Ending | None = None) -> Ending:
    """Return why a program of *runner* ended with *code* and *lines* as its last words.

    *killed_for* is why we ended it ourselves, and then holds. Words say something only where the code is not 0: a
    person who leaves may have read of a limit before.
    """
    if killed_for is not None:
        return killed_for
    if code == 0:
        return Ending.DONE
    last = [safe_text(line)[:_LONGEST_LINE] for line in lines[-_LAST_LINES:]]
    text = "\n".join((*last, "".join(last)))  # a window may have broken what was one line
    if _holds(runner.session.lost, text):
        return Ending.LOST_SESSION
    for ending in _TOLD:
        if _holds(runner.ends.get(ending, ()), text):
            return ending
    if code in _MEMORY_CODES and _holds(_MEMORY_WORDS, text):
        return Ending.MEMORY
    return Ending.CRASH


def limit_ends(runner: Runner, lines: Sequence[str], now: datetime) -> datetime | None:
    """Return when the limit ends that *lines*, its last words, tell of; None where they name no time."""
    patterns = [rule.until for rule in runner.rules if rule.until]
    for line in reversed(lines[-_LAST_LINES:]):
        found = (compiled(pattern).search(safe_text(line)[:_LONGEST_LINE]) for pattern in patterns)
        resets = (parse_reset(match[1], now, now.astimezone().tzinfo) for match in found if match is not None)
        reset = next((moment for moment in resets if moment is not None), None)
        if reset is not None:
            return reset
    return None


def _holds(patterns: Iterable[str], text: str) -> bool:
    return any(compiled(pattern).search(text) for pattern in patterns)
