"""A message's way to its reader: its states, the legal moves between them, and what the log knows of it.

The table is the truth; docs/design/delivery.md draws it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from agentctl.domain.errors import IllegalMove
from agentctl.domain.names import AgentId

PERSON = "person"
"""Whoever sits at the machine: the sender of what a command line sends, and the reader of `agentctl inbox`."""


class MessageState(StrEnum):
    """How far a message has come."""

    QUEUED = "queued"
    """Durable; nothing has kept it back so far."""
    HELD = "held"
    """Durable; something keeps it back, and `reason` says what."""
    TYPED = "typed"
    """It stands in the agent's terminal or inbox, once; nobody has said that it was read."""
    UNSEEN = "unseen"
    """Typed, and no sign of it came in time, or it came cut: a person has to look. Nothing types it again by itself."""
    SEEN = "seen"
    """The agent's program has taken it: its hook, its protocol or its screen says so."""
    ANSWERED = "answered"
    """The turn that it began has ended, its command has, or the reader took it from the inbox."""
    DEAD = "dead"
    """It can not be delivered, and `reason` says why; `agentctl messages retry` queues it again."""


MESSAGE_MOVES: dict[MessageState, frozenset[MessageState]] = {
    MessageState.QUEUED: frozenset(
        {MessageState.HELD, MessageState.TYPED, MessageState.SEEN, MessageState.ANSWERED, MessageState.DEAD}
    ),
    MessageState.HELD: frozenset(
        {MessageState.HELD, MessageState.QUEUED, MessageState.TYPED, MessageState.SEEN, MessageState.ANSWERED,
         MessageState.DEAD}
    ),
    MessageState.TYPED: frozenset(
        {MessageState.UNSEEN, MessageState.SEEN, MessageState.ANSWERED, MessageState.DEAD, MessageState.QUEUED}
    ),
    MessageState.UNSEEN: frozenset(
        {MessageState.SEEN, MessageState.ANSWERED, MessageState.DEAD, MessageState.QUEUED}
    ),
    MessageState.SEEN: frozenset({MessageState.ANSWERED, MessageState.DEAD}),
    MessageState.ANSWERED: frozenset(),
    MessageState.DEAD: frozenset({MessageState.QUEUED}),
}  # fmt: skip

KEPT = 2048
"""Characters of a text that are kept at hand once it was handed over; all of it stands in the log."""

WAITING = frozenset({MessageState.QUEUED, MessageState.HELD})
"""It still has to be handed over."""
OVER = frozenset({MessageState.ANSWERED, MessageState.DEAD})
"""Nothing more happens to it by itself."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message on its way to an agent, or to a person."""

    id: str
    """Eight hex digits."""
    agent: AgentId
    """Who it is for; `PERSON` for whoever sits at the machine."""
    text: str
    sender: str
    """An agent's id, `PERSON`, or `agentctl` for what the program itself has to say; set from the kernel's word."""
    seq: int = 0
    """The event that queued it: its place among all messages."""
    kind: str = "message"
    """`message`; `brief`: what an agent is told first; `restart`: why it was started again; `limit`: that it takes
    too much of something; `schedule`: what its team file has it told at this time; `check-in`: how far it is."""
    keys: tuple[str, ...] = ()
    when: str = ""
    """`idle`: only while it does nothing; `now`: even while it works; empty: as its runner takes it."""
    hops: int = 0
    """How many agents passed on what led to it; a person's message has none."""
    state: MessageState = MessageState.QUEUED
    number: int = 0
    """Its place among the texts typed into its generation."""
    generation: int = 0
    """The generation it was handed to."""
    reason: str = ""
    """Why it is held, unseen or dead."""
    evidence: str = ""
    """How we know that it was seen or answered."""
    answer: str = ""
    """What the agent said at the end of the turn that it began, cleaned and cut."""
    code: int | None = None
    since: datetime | None = None
    """When it came to the state it is in."""
    queued_at: datetime | None = None
    nudged: bool = False
    """The runner's remedy was tried: its keys were pressed once more."""
    reported: bool = False
    """For a check-in: its answer was kept as a report."""

    def move(self, to: MessageState, **facts: object) -> Message:
        """Return the message in state *to*; raise `IllegalMove` where that is not its to make."""
        if to not in MESSAGE_MOVES[self.state]:
            raise IllegalMove(f"message {self.id} cannot go from {self.state} to {to}")
        return replace(self, state=to, **facts)  # type: ignore[arg-type]
