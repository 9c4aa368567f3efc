"""What a scene is made of: what the model answers, what a person does, and when a picture is taken of which state.

`{cwd}` in a text stands for the folder that the program works in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.agents.model import Step


@dataclass(frozen=True)
class Paste:
    """Text put in as a bracketed paste; nothing is pressed."""

    text: str


@dataclass(frozen=True)
class Submit:
    """Text put in, and Enter after a moment."""

    text: str


@dataclass(frozen=True)
class Type:
    """Text typed key by key."""

    text: str


class Keys:
    """Keys by tmux's names."""

    def __init__(self, *names: str) -> None:
        self.names = names


@dataclass(frozen=True)
class See:
    """Wait until a pattern is on the screen."""

    pattern: str


@dataclass(frozen=True)
class Gone:
    """Wait until a pattern is not on the screen."""

    pattern: str


@dataclass(frozen=True)
class Still:
    """Wait until the screen has not changed for so many seconds."""

    seconds: float = 0.5


@dataclass(frozen=True)
class Pause:
    """Wait so many seconds, where nothing on the screen tells: a new dialog takes no key for a moment."""

    seconds: float


@dataclass(frozen=True)
class Script:
    """From here on the model answers so."""

    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Release:
    """Let the model's answers that are held go."""


@dataclass(frozen=True)
class Kill:
    """End the program with SIGKILL, and wait until its pane is dead."""


@dataclass(frozen=True)
class Ended:
    """Wait until the program has ended by itself."""


@dataclass(frozen=True)
class Shot:
    """Take the picture *name* when *see* is there and *gone* is not; *expect* goes into expect.toml as it is."""

    name: str
    expect: Mapping[str, Any]
    see: str = ""
    gone: str = ""
    still: float = 0.0
    """Seconds without a change before it is taken; 0: at once."""


Act = Paste | Submit | Type | Keys | See | Gone | Still | Pause | Script | Release | Kill | Ended | Shot


@dataclass(frozen=True)
class Scene:
    """One life of the program, with one or more pictures."""

    name: str
    acts: tuple[Act, ...]
    steps: tuple[Step, ...] = ()
    argv: tuple[str, ...] = ()
    """Words behind those of the setup."""
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """Below the home; they take the place of the setup's."""
    trusted: bool = True
    wide: bool = True
    """Whether it is played at 220x50 too."""


def idle(draft: str = "", **more: Any) -> dict[str, Any]:
    """The program waits for a prompt."""
    return {"state": "idle", "composer": True, "draft": draft, **more}


def working(phase: str = "reasoning", draft: str = "", **more: Any) -> dict[str, Any]:
    """A turn runs, and the composer takes text meanwhile."""
    return {"state": "working", "phase": phase, "composer": True, "draft": draft, **more}


def waiting(kind: str, *options: str, **more: Any) -> dict[str, Any]:
    """A person is asked; no composer is there."""
    asked = {"options": list(options)} if options else {}
    return {"state": "waiting", "kind": kind, "composer": False, **asked, **more}


def nothing(**more: Any) -> dict[str, Any]:
    """A viewer or a picker is open: the screen says nothing of the state."""
    return {"state": "none", "composer": False, **more}


def ended(how: str) -> dict[str, Any]:
    """The program is gone; *how* as in the README of the screens. Nothing else is read from it."""
    return {"state": "none", "ends": how}
