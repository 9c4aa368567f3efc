"""The marked lines of one home in a crontab: written, found, taken out; no other byte of it changes.

A crontab is bytes: whose encoding, line ends and comments it has is its owner's business.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import timedelta

from agentctl.domain.errors import Refused

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def timing(every: timedelta) -> str:
    """Return the five fields that say *every*; raise ValueError where cron's clock has no even steps of it."""
    for unit, whole, fields in ((_MINUTE, _HOUR, "{} * * * *"), (_HOUR, _DAY, "0 {} * * *")):
        if unit <= every < whole and not every % unit and not whole % every:
            return fields.format("*" if every == unit else f"*/{every // unit}")
    if every == _DAY:
        return "0 0 * * *"
    raise ValueError("cron knows 1m to 30m that make up an hour (5m, 20m), 1h to 12h that make up a day, and 1d")


def job(fields: str, environ: Mapping[str, str], argv: Sequence[str]) -> bytes:
    """Return the line on which cron runs *argv* with the variables *environ* at the times *fields*, without its end.

    It reads the same in every shell that a crontab may name as SHELL. Raises ValueError where that cannot be written.
    """
    if "=" in argv[0]:
        raise ValueError(f"{argv[0]} has a '=', so that env takes it for a variable")
    words = [*(f"{name}={value}" for name, value in environ.items()), *argv]
    if any(letter in word for word in words for letter in "\n\r\0"):
        raise ValueError("a line break cannot stand in a crontab")
    return os.fsencode(" ".join([fields, "/usr/bin/env", *map(_quoted, words)]))


def marked(text: bytes, mark: str) -> bytes | None:
    """Return the job that stands in *text* for the home with id *mark*, None where none does.

    Raises `Refused` where the marks are not those of one whole section: somebody has edited them.
    """
    lines = _lines(text)
    found = _find(lines, mark)
    return None if found is None else b"".join(lines[found[0] + 1 : found[1]]).rstrip(b"\r\n")


def put_in(text: bytes, mark: str, line: bytes) -> bytes:
    """Return *text* with *line* for the home *mark*: in the place of what stood there for it, else at the end.

    A last line without an end gets one, which cron demands of every line. Raises as `marked`.
    """
    section = [b"%s\n" % _begin(mark), b"%s\n" % line, b"%s\n" % _end(mark)]
    lines = _lines(text)
    found = _find(lines, mark)
    if found is not None:
        lines[found[0] : found[1] + 1] = section
        return b"".join(lines)
    ended = b"" if not text or text.endswith(b"\n") else b"\n"
    return b"".join([text, ended, *section])


def take_out(text: bytes, mark: str) -> bytes:
    """Return *text* without what stands in it for the home *mark*; raises as `marked`."""
    lines = _lines(text)
    found = _find(lines, mark)
    if found is not None:
        del lines[found[0] : found[1] + 1]
    return b"".join(lines)


def _quoted(word: str) -> str:
    """Return *word* for a shell, by way of cron, which takes a `%` without a backslash for a line break.

    Quotes end before each, so that no backslash of the word's own comes to stand there.
    """
    return "\\%".join(shlex.quote(part) if part else "" for part in word.split("%")) or "''"


def _lines(text: bytes) -> list[bytes]:
    return re.findall(rb"[^\n]*\n|[^\n]+", text)


def _begin(mark: str) -> bytes:
    return f"# agentctl {mark} begin".encode()


def _end(mark: str) -> bytes:
    return f"# agentctl {mark} end".encode()


def _find(lines: Sequence[bytes], mark: str) -> tuple[int, int] | None:
    """Return on which lines the section begins and ends."""
    begins, ends = (
        [number for number, line in enumerate(lines) if line.rstrip() == edge] for edge in (_begin(mark), _end(mark))
    )
    if not begins and not ends:
        return None
    if len(begins) == len(ends) == 1 and begins[0] < ends[0]:
        return begins[0], ends[0]
    raise Refused(
        f"the crontab has {len(begins)} begin and {len(ends)} end of agentctl {mark}, not one section; nothing changed",
        hint="crontab -e: take these lines out, then try again",
    )
