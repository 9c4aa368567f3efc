"""Holding: why a message cannot be handed to its agent now. Nothing is typed into a dialog, a draft or a dead pane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from agentctl.domain.agent import Activity, Agent, AgentState, Ask, AskKind
from agentctl.domain.evidence import Sight
from agentctl.domain.message import Message, MessageState
from agentctl.domain.ports import Pane
from agentctl.domain.text import safe_line
from agentctl.domain.units import format_duration

_TYPING_PAUSE = timedelta(seconds=3)
"""A person who has pressed no key for this long has stopped typing."""

_LOOK_AGAIN = timedelta(seconds=1)
"""For what no event tells of: copy mode left, a window found again."""

_LIMIT_LASTS = timedelta(minutes=5)
"""A limit that names no end is tried again after this: it may be one by the minute."""

_TITLE_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Reader:
    """An agent that is to take a message, as it is this moment."""

    agent: Agent
    taking: Literal["typing", "inbox", "none"]
    queues: bool
    """Its program keeps what comes while it works until it can take it."""
    reads_screen: bool
    """Its runner knows what its screen says and where its composer is."""
    sight: Sight | None
    pane: Pane | None
    """None where tmux does not show it now, or nothing is typed into it."""
    pulse: timedelta
    last_operation: datetime | None
    now: datetime
    unproven: Message | None = None
    """One that was typed before and of which no sign has come: what follows must not overtake it."""

    @property
    def ask(self) -> Ask | None:
        """Return what it asks, by its screen or by what the log knows."""
        return (self.sight.ask if self.sight is not None else None) or self.agent.asking

    @property
    def since_key(self) -> timedelta | None:
        """Return how long ago a person pressed a key there, None where nobody watches or the clock was set back."""
        if self.pane is None or not self.pane.watched:
            return None
        since = self.now.timestamp() - self.pane.keyed
        return timedelta(seconds=since) if since >= 0 else None


@dataclass(frozen=True, slots=True)
class Held:
    """Why a message waits."""

    reason: str
    again: timedelta | None
    """When to look again by itself; None where an event tells."""
    pulse: bool = False
    """It could be taken now, but for the pulse."""


_Again = Callable[[Reader], timedelta | None]


def _by_event(_reader: Reader) -> timedelta | None:
    return None


def _in_a_second(_reader: Reader) -> timedelta | None:
    return _LOOK_AGAIN


@dataclass(frozen=True, slots=True)
class _Row:
    """One reason, in words that may name a property below, and what must be true for it."""

    reason: str
    holds: Callable[[Message, Reader], bool]
    again: _Again = _by_event
    keys: bool = False
    """It holds back raw keys too."""


def hold(message: Message, reader: Reader) -> Held | None:
    """Return why *message* cannot be handed to *reader* now, None where it can."""
    for row in _ROWS:
        if (row.keys or not message.keys) and row.holds(message, reader):
            return Held(_in_words(row.reason, reader), row.again(reader), row.holds is _is_too_soon)
    return None


# --- tests, in the order of the table ---


def _is_not_running(_message: Message, reader: Reader) -> bool:
    return reader.agent.state not in (AgentState.STARTING, AgentState.RUNNING)


def _is_starting(_message: Message, reader: Reader) -> bool:
    return reader.agent.state is AgentState.STARTING


def _is_paused(_message: Message, reader: Reader) -> bool:
    return reader.agent.paused is not None


def _takes_nothing(_message: Message, reader: Reader) -> bool:
    return reader.taking == "none"


def _is_out_of_sight(_message: Message, reader: Reader) -> bool:
    return reader.taking == "typing" and reader.pane is None


def _is_another(_message: Message, reader: Reader) -> bool:
    pane = reader.pane
    return pane is not None and (pane.dead or pane.generation != reader.agent.generation)


def _is_scrolled(_message: Message, reader: Reader) -> bool:
    return reader.pane is not None and reader.pane.mode


def _is_typed_into(_message: Message, reader: Reader) -> bool:
    return reader.since_key is not None and reader.since_key < _TYPING_PAUSE


def _typing_over(reader: Reader) -> timedelta:
    return _TYPING_PAUSE - (reader.since_key or timedelta(0))


def _is_limited(_message: Message, reader: Reader) -> bool:
    return reader.taking == "typing" and _is_at_limit(reader) and _limit_over(reader) > timedelta(0)


def _is_at_limit(reader: Reader) -> bool:
    """Tell whether a limit is all that it waits for: no dialog is open, and its composer is there."""
    limit = reader.ask is not None and reader.ask.kind is AskKind.LIMIT
    return limit and reader.sight is not None and reader.sight.composer


def _limit_over(reader: Reader) -> timedelta:
    """Return how long a limit still holds: until its reset, and where none is told for a while; then it is tried."""
    known = reader.agent.asking
    since = (known.since if known is not None else None) or reader.now
    until = reader.ask.until_at if reader.ask is not None else None
    return (until or since + _LIMIT_LASTS) - reader.now


def _asks(_message: Message, reader: Reader) -> bool:
    shown = reader.sight is not None and reader.sight.activity is Activity.WAITING
    waits = shown or reader.ask is not None or reader.agent.activity is Activity.WAITING
    return reader.taking == "typing" and waits and not _is_at_limit(reader)


def _overtakes(_message: Message, reader: Reader) -> bool:
    return _is_of_now(reader) and reader.unproven is not None and reader.unproven.state is MessageState.TYPED


def _overtakes_unseen(_message: Message, reader: Reader) -> bool:
    return _is_of_now(reader) and reader.unproven is not None and reader.unproven.state is MessageState.UNSEEN


def _is_of_now(reader: Reader) -> bool:
    """Tell whether the unproven message is this generation's: one that ended took its own with it."""
    before = reader.unproven
    return reader.taking == "typing" and before is not None and before.generation == reader.agent.generation


def _has_draft(_message: Message, reader: Reader) -> bool:
    return reader.taking == "typing" and reader.sight is not None and bool(reader.sight.draft)


def _is_busy(message: Message, reader: Reader) -> bool:
    if reader.agent.activity is not Activity.WORKING:
        return False
    return message.when == "idle" or (reader.taking == "typing" and not reader.queues)


def _has_no_composer(_message: Message, reader: Reader) -> bool:
    return _reads(reader) and (reader.sight is None or not reader.sight.composer)


def _is_unknown(message: Message, reader: Reader) -> bool:
    if reader.agent.activity is not Activity.UNKNOWN:
        return False
    insists = message.when == "now" and reader.queues
    return message.when == "idle" or (_reads(reader) and not insists)


def _reads(reader: Reader) -> bool:
    return reader.taking == "typing" and reader.reads_screen


def _is_not_idle(message: Message, reader: Reader) -> bool:
    return message.when == "idle" and reader.agent.activity is not Activity.IDLE


def _is_too_soon(_message: Message, reader: Reader) -> bool:
    return _pulse_over(reader) > timedelta(0)


def _pulse_over(reader: Reader) -> timedelta:
    since = reader.now - reader.last_operation if reader.last_operation is not None else reader.pulse
    return reader.pulse - since if since >= timedelta(0) else timedelta(0)  # the clock was set back: no way to tell


_ROWS = (
    _Row("it is not running: {state}", _is_not_running, keys=True),
    _Row("it is not ready", _is_starting, keys=True),
    _Row("it is paused: {pause}", _is_paused),
    _Row("its program takes no messages", _takes_nothing),
    _Row("tmux does not show its window now", _is_out_of_sight, _in_a_second, keys=True),
    _Row("its window shows no program that runs", _is_another, _in_a_second, keys=True),
    _Row("its window is in copy mode", _is_scrolled, _in_a_second, keys=True),
    _Row("a person types there", _is_typed_into, _typing_over, keys=True),
    _Row("its provider takes no more for now{until}", _is_limited, _limit_over),
    _Row("it asks: {title}", _asks),
    _Row("nothing has shown so far that it took message {before}", _overtakes),
    _Row("message {before} was typed and never seen: a person has to look", _overtakes_unseen),
    _Row("an unsent text stands in its composer", _has_draft),
    _Row("it is working", _is_busy),
    _Row("its composer is not to be seen", _has_no_composer),
    _Row("nothing tells what it does", _is_unknown),
    _Row("it is not idle", _is_not_idle),
    _Row("its pulse leaves {pulse} between messages", _is_too_soon, _pulse_over),
)
"""The first that holds is the one that is told."""


def _in_words(reason: str, reader: Reader) -> str:
    ask = reader.ask
    return reason.format(
        state=reader.agent.state,
        pause=safe_line(reader.agent.pause_reason)[:_TITLE_SHOWN] or reader.agent.paused or "",
        title=safe_line(ask.title)[:_TITLE_SHOWN] or ask.kind if ask is not None else "see its window",
        until=f", until {safe_line(ask.until)[:_TITLE_SHOWN]}" if ask is not None and ask.until else "",
        before=reader.unproven.id if reader.unproven is not None else "",
        pulse=format_duration(reader.pulse),
    )
