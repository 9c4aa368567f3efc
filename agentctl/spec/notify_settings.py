"""How the settings say by which ways a person wants to be told, and when: the readers of `notify.…`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from agentctl.domain.notice import named
from agentctl.domain.quiet import parse_quiet

_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Address:
    """Where a webhook is; whoever knows it can write there, so it is shown in part only."""

    text: str = field(default="", repr=False)
    """An http or https URL, or the name of an environment variable that holds one, in `${…}`; empty: there is none."""

    @property
    def is_variable(self) -> bool:
        """Tell whether it only names a variable."""
        return _VARIABLE.fullmatch(self.text) is not None

    def __str__(self) -> str:
        if not self.text or self.is_variable:
            return self.text or "none"
        parts = urlsplit(self.text)
        return f"{parts.scheme}://{parts.hostname}/…"


def reasons(value: object) -> object:
    """Return what to tell about, a list or a text with commas, as a text with commas."""
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise ValueError("write a list, for example [waiting, error]")
    words = [word.strip() for word in words]
    named(words)
    return ",".join(words)


def flag(value: object) -> object:
    """Return a yes or no."""
    if value in ("true", "false"):
        return value == "true"
    if not isinstance(value, bool):
        raise ValueError("takes true or false")  # noqa: TRY004  shown with its place
    return value


def hours(value: object) -> object:
    """Return quiet hours as they are written, or `none`."""
    if not isinstance(value, str):
        raise ValueError("write the hours as 22:00-07:00, or none")  # noqa: TRY004  as above
    if value != "none":
        parse_quiet(value)
    return value


def address(value: object) -> object:
    """Return the address of a webhook, or none; the words of a refusal do not repeat it."""
    if value == "none":
        return Address()
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise ValueError("write an https address, or ${NAME} for a variable that holds one")
    found = Address(value)
    if not found.is_variable and not _is_url(value):
        raise ValueError("write an https address, or ${NAME} for a variable that holds one")
    return found


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        plain = text.isascii() and text.isprintable() and " " not in text
        return plain and parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
