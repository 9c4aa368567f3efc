"""Evidence of what an agent does: what its program signals, what its screen shows, and the verdict that follows.

Runners turn raw signals and screens into these; the engine weighs them; nobody else has to know any program's words.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from agentctl.domain.agent import Activity, Ask, Phase


class Meaning(StrEnum):
    """What a structured signal says."""

    SESSION = "session"
    """A conversation began or was taken up again: `Sign.session`."""
    PROMPT = "prompt"
    """A prompt was accepted: `Sign.text` is what arrived."""
    TOOL = "tool"
    """A tool of it begins: `Sign.text` is its name."""
    TOOL_END = "tool-end"
    ASKING = "asking"
    """It asks a person; the screen shows what. `Sign.text` is the question, where the program says it."""
    TURN_END = "turn-end"
    """It has done what it was asked: `Sign.text` is the answer."""
    ERROR = "error"
    """Its turn was broken off by an error: `Sign.text` is the reason."""
    END = "end"
    """The program ends: `Sign.text` is the reason."""
    READY = "ready"
    BUSY = "busy"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Sign:
    """One structured signal of an agent's program, in our words."""

    meaning: Meaning
    at: datetime
    """When it was taken in."""
    kind: str
    """The program's own name for it: `UserPromptSubmit`."""
    text: str = ""
    session: str = ""
    id: str = ""
    """The program's own id of the turn; the same id and meaning twice is one sign. Empty: it has none."""
    working: bool = False
    """A turn's end that is none: background work of it still runs."""
    record: str = ""
    """Path of the file in which the program keeps its conversation; it says so, and nobody has looked."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What one look at the screen says."""

    activity: Activity | None
    """None: the screen says nothing of it (a viewer, a picker, or no rule fits)."""
    rule: str = ""
    """The name of the rule that decided; empty where none did."""
    line: str = ""
    """The line it was seen by, cleaned."""
    phase: Phase = Phase.REASONING
    ask: Ask | None = None
    """For waiting: what it asks."""
    approve: tuple[str, ...] = ()
    """Keys that say yes to `ask`; empty where keys cannot."""
    deny: tuple[str, ...] = ()
    choices: tuple[tuple[str, ...], ...] = ()
    """Keys for each option of `ask`, in its order."""
    composer: bool = False
    """The place where text is typed is there."""
    draft: str = ""
    """What stands in it and was not submitted; a placeholder is no draft."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A sight and its place in time."""

    sight: Sight
    at: datetime
    """When it was looked at last."""
    since: datetime
    """Since when the sight has had this activity, rule and question."""
    drawn: datetime
    """When the screen changed last, in any way."""
    asked: datetime | None = None
    """When it was last seen to ask something; None: never."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an agent does, and how we know."""

    activity: Activity
    source: str
    """`hook`, `screen`, `title`, `worker`, or empty where nothing is known."""
    evidence: str
    """In words for a person."""
    phase: Phase = Phase.REASONING
    ask: Ask | None = None
