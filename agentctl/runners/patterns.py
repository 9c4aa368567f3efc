"""Regular expressions of manifests: compiled once, and refused where they could take for ever.

Python cannot stop a search once it has begun. So what is searched is small (`screen` bounds it), a pattern whose time
could double with each character is refused by its shape, and one that is merely slow is found by a trial.
"""

from __future__ import annotations

import functools
import importlib
import re
import time
from collections.abc import Iterator
from typing import Any

_LONGEST_PATTERN = 1000
_TRIAL_SECONDS = 0.05
"""A whole screen takes 1 ms to read with a hundred patterns; one that takes fifty times that is a mistake."""
_TRIALS = 3
"""A machine that is virtual may be taken away in the middle of one, and that counts as CPU time."""
_WIDTH, _HEIGHT = 220, 50  # the size of our windows

_parser: Any = importlib.import_module("re._parser")  # private, and the only way to see a pattern's shape


@functools.lru_cache(maxsize=4096)  # the module's own cache holds fewer than all manifests have together
def compiled(pattern: str) -> re.Pattern[str]:
    """Return *pattern* for a region of lines: `^` and `$` are those of each line. Raises `re.error`."""
    return re.compile(pattern, re.MULTILINE)


def fault(pattern: str) -> str:
    """Return why *pattern* cannot be used, empty where it can; takes up to some tenths of a second for a bad one."""
    if len(pattern) > _LONGEST_PATTERN:
        return f"a pattern is at most {_LONGEST_PATTERN} characters"
    try:
        compiled(pattern)
        repeats = list(_repeats(_parser.parse(pattern, re.MULTILINE)))
    except re.error as error:
        return f"is no regular expression: {error}"
    except (RecursionError, OverflowError):
        return "is no regular expression: it is nested too deeply"
    if any(_varies(body) for body in repeats):
        return "a repeat without end must not repeat what itself can vary: write it as (?>…) or with ++"
    if len(repeats) > 1 and not _is_quick(pattern):
        return "takes too long on a full screen: say more exactly what is repeated"
    return ""


def _repeats(parsed: Any) -> Iterator[Any]:  # noqa: ANN401  the parser's own classes are private
    """Yield what each repeat without end repeats, at every depth."""
    for operation, argument in parsed:
        if str(operation) in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            if str(argument[1]) == "MAXREPEAT" and str(operation) != "POSSESSIVE_REPEAT":
                yield argument[2]
            yield from _repeats(argument[2])
        else:
            for part in _parts(argument):
                yield from _repeats(part)


def _varies(parsed: Any) -> bool:  # noqa: ANN401  as above
    """Tell whether the same text can fit *parsed* in two ways: by another length or another branch."""
    for operation, argument in parsed:
        match str(operation):
            case "ATOMIC_GROUP" | "POSSESSIVE_REPEAT" | "ASSERT" | "ASSERT_NOT":
                continue
            case "MAX_REPEAT" | "MIN_REPEAT" if argument[0] != argument[1] or _varies(argument[2]):
                return True
            case "BRANCH" if not _begin_differently(argument[1]):
                return True
            case _:
                if any(_varies(part) for part in _parts(argument)):
                    return True
    return False


def _begin_differently(branches: list[Any]) -> bool:
    firsts = [tuple(branch[0]) if len(branch) else ("", 0) for branch in branches]
    return all(str(name) == "LITERAL" for name, _ in firsts) and len(set(firsts)) == len(firsts)


def _parts(argument: Any) -> Iterator[Any]:  # noqa: ANN401  as above
    """Yield the patterns inside *argument*, however its operation wraps them."""
    if isinstance(argument, _parser.SubPattern):
        yield argument
    elif isinstance(argument, (tuple, list)):
        for item in argument:
            yield from _parts(item)


def _is_quick(pattern: str) -> bool:
    """Try *pattern* on screens that grow, so that even a bad one is given up early."""
    for character in sorted({"a", " ", *re.findall(r"\w|[^\x00-\x7f]", pattern)})[:12]:
        for width, height in ((25, 1), (60, 1), (_WIDTH, 1), (_WIDTH, 4), (_WIDTH, _HEIGHT)):
            text = "\n".join([character * width] * height) + "\0"
            if all(_seconds(pattern, text) > _TRIAL_SECONDS for _ in range(_TRIALS)):
                return False
    return True


def _seconds(pattern: str, text: str) -> float:
    """Return the CPU time of one search: not the wall clock's, for a busy machine makes no pattern slow."""
    started = time.thread_time()
    compiled(pattern).search(text)
    return time.thread_time() - started
