"""Escapes out of an agent's screen that may reach a terminal: colours, and nothing else."""

from __future__ import annotations

import re

from agentctl.domain.text import safe_text

_COLOR = re.compile("\x1b\\[[0-9;:]*m")
_PLAIN = "\x1b[0m"


def only_colors(text: str) -> str:
    """Return *text* with its colour escapes (SGR) and no other; each line that has one ends plain."""
    return "\n".join(_line(line) for line in text.replace("\r\n", "\n").split("\n"))


def _line(line: str) -> str:
    """Clean the stretches between colours, each by itself, so that no escape can form across one."""
    clean = "".join(
        part if _COLOR.fullmatch(part) else safe_text(part) for part in re.split(f"({_COLOR.pattern})", line)
    )
    return clean + _PLAIN if "\x1b" in clean else clean
