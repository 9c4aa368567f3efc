"""Quoting for lines that a tmux server parses, from a control client or a source file.

No text of a user ever stands where tmux expands formats, but for start directories, where `#` is escaped.
"""

from __future__ import annotations

import re

_ESCAPES = str.maketrans(
    {"\\": "\\\\", '"': '\\"', "$": "\\$", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\e", "~": "\\176"},
)
# tmux takes `~` for a home folder even in double quotes, where a word begins with it.
_PLAIN = re.compile(r"[A-Za-z0-9_@%:./,+|=-]+")
_HASHES = re.compile(r"#+(\[)?")


def quote(text: str) -> str:
    """Return *text* as one word in double quotes that tmux reads back exactly; it may hold anything but NUL."""
    return f'"{text.translate(_ESCAPES)}"'


def line(*words: str) -> str:
    """Return one command line made of *words*, each quoted where it needs to be."""
    return " ".join(word if _PLAIN.fullmatch(word) else quote(word) for word in words)


def literal(path: str) -> str:
    """Return *path* so that tmux, expanding it as a format, gets the path back: `#` doubled.

    A run of `#` before `[` is a style to tmux and stays as it is, so it must not be doubled.
    """
    return _HASHES.sub(lambda run: run[0] if run[1] else run[0] * 2, path)
