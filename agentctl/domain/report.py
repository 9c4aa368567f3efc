"""A status report: what an agent answers to a check-in."""

from __future__ import annotations

from dataclasses import dataclass

CHECK_IN = "check-in"
"""The kind of the messages that ask for one, and the name of the schedule that sends them."""


@dataclass(frozen=True, slots=True)
class Report:
    """An agent's own words, a line each, cleaned and cut; the whole answer stands with its message."""

    done: tuple[str, ...] = ()
    doing: tuple[str, ...] = ()
    """What it works on now, and all that it said under no heading."""
    blocked: tuple[str, ...] = ()
    """What keeps it from going on."""
    needs: tuple[str, ...] = ()
    """What it needs a person for."""
    worded: bool = True
    """Whether words of the answer are known; not every program tells what it says."""
