"""What holds for every command wherever it stands on the line: colour, questions, debugging.

Standard library only, and little of it: this is read before anything else.
"""

from __future__ import annotations

import os

from agentctl.domain.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COLORS = ("auto", "always", "never")

GLOBAL_FLAGS = (
    ("--color [auto|always|never]", "When to colour (NO_COLOR is heeded)."),
    ("--no-input", "Never ask; exit with 8 where a question stands."),
    ("--debug", "Show tracebacks."),
)
"""As the help shows them; they may stand anywhere before `--`."""


class Call:
    """One run of agentctl, as the flags for all commands shape it."""

    __slots__ = ("color", "debug", "no_input")

    def __init__(self, *, color: str = "auto", no_input: bool = False, debug: bool = False) -> None:
        self.color = color
        self.no_input = no_input
        self.debug = debug


def take(argv: Sequence[str], environ: Mapping[str, str] = os.environ) -> tuple[Call, list[str]]:
    """Return the call that *argv* asks for, and the words that are left; raise `UsageError` for a bad `--color`."""
    call = Call(color=environ.get("AGENTCTL_COLOR", "") or "auto", debug=_truth(environ.get("AGENTCTL_DEBUG", "")))
    words: list[str] = []
    rest = iter(argv)
    for word in rest:
        if word == "--":
            words += [word, *rest]
        elif word == "--no-input":
            call.no_input = True
        elif word == "--debug":
            call.debug = True
        elif word == "--no-color":
            call.color = "never"
        elif word == "--color":
            call.color = next(rest, "")
        elif word.startswith("--color="):
            call.color = word.removeprefix("--color=")
        else:
            words.append(word)
    if call.color not in COLORS:
        raise UsageError(f"--color takes {', '.join(COLORS)}, not '{call.color}'")
    return call, words


def _truth(text: str) -> bool:
    return text.lower() not in ("", "0", "false", "no", "off")
