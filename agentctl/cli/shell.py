"""Commands as they can be pasted into a shell."""

from __future__ import annotations

import shlex
from collections.abc import Sequence


def shell_line(argv: Sequence[str]) -> str:
    """Return *argv* for any shell: zsh would look up a bare word that begins with `=` as a program."""
    return " ".join(
        f"'{word}'" if shlex.quote(word) == word and word.startswith("=") else shlex.quote(word) for word in argv
    )
