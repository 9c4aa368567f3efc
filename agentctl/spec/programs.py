"""What a team file has to fit of the programs that its agents are; whoever loads it says so: runners are strangers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Program:
    """One runner, as far as a team file has to fit it."""

    name: str
    """The runner's; under `auto`, of the one that it is here."""
    coding: bool = False
    """Whether it thinks: takes a brief, asks for leave, has a conversation to go on with."""
    least_memory_bytes: int = 0
    least_memory_why: str = ""
    policies: tuple[str, ...] = ()
    """What `approve:` may say."""
    counts: bool = False
    """Whether it keeps records that tell what its turns took."""


Programs: TypeAlias = Mapping[str, Program]
"""By the name that a team file gives a runner, `auto` among them where it is known what that is here."""
