"""Whether to colour, and how. Standard library only.

Rich turns colour on for `FORCE_COLOR=0` and does not know `CLICOLOR_FORCE`, so the decision is made here and handed
to it.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

_CODES = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
    "dim": "2",
    "bold": "1",
}
_OFF = ("", "0", "false", "no", "off")


def wanted(stream: TextIO, choice: str = "auto", environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether *stream* gets colour: the flag first, then the usual variables, then whether it is a terminal."""
    if choice != "auto":
        return choice == "always"
    if environ.get("NO_COLOR"):
        return False
    if "FORCE_COLOR" in environ:
        return environ["FORCE_COLOR"].lower() not in _OFF
    if environ.get("CLICOLOR_FORCE", "").lower() not in _OFF:
        return True
    if environ.get("TERM") == "dumb" or environ.get("CLICOLOR") == "0":
        return False
    return stream.isatty()


def paint(text: str, color: str, *, on: bool) -> str:
    """Return *text* in *color* where colour is *on*; an empty colour is none."""
    return f"\x1b[{_CODES[color]}m{text}\x1b[0m" if on and color else text
