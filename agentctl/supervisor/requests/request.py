"""A request being answered: what was asked, by whom, and the way to send items back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from agentctl.domain.agent import Agent
from agentctl.domain.errors import UsageError
from agentctl.domain.events import Draft, Event
from agentctl.domain.names import AgentId
from agentctl.supervisor.answering import Answering
from agentctl.supervisor.archivist import Archivist
from agentctl.supervisor.attention import Attention
from agentctl.supervisor.caller import Caller
from agentctl.supervisor.observation import Observer
from agentctl.supervisor.pulse import Pulse
from agentctl.supervisor.recorder import Recorder
from agentctl.supervisor.scheduler import Scheduler
from agentctl.supervisor.senses import Senses
from agentctl.supervisor.steward import Steward
from agentctl.supervisor.world import World
from agentctl.views.fleet import Fleet
from agentctl.views.select import select, select_one

T = TypeVar("T")

_LONGEST = 3650 * 86400.0
"""Seconds; the longest duration that anybody may give, and one that every date can take."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What all handlers share."""

    world: World
    observer: Observer
    steward: Steward
    senses: Senses
    answering: Answering
    wake: asyncio.Event
    finish: asyncio.Event
    """Set to end the supervisor."""
    recorder: Recorder
    pulse: Pulse
    archivist: Archivist
    scheduler: Scheduler
    attention: Attention


@dataclass(frozen=True, slots=True)
class Request:
    """One call from one caller."""

    desk: Desk
    caller: Caller
    args: dict[str, Any]
    emit: Callable[[Any], Awaitable[None]]
    """Send one item."""

    @property
    def world(self) -> World:
        """Return the world."""
        return self.desk.world

    @property
    def fleet(self) -> Fleet:
        """Return the fleet as it is now."""
        return self.desk.world.ledger.fleet

    def arg(self, name: str, kind: type[T], default: T) -> T:
        """Return argument *name*; raise `UsageError` where it is of another type."""
        value = self.args.get(name)
        if value is None:
            return default
        if not isinstance(value, kind):
            raise UsageError(f"'{name}' has to be {kind.__name__}")
        return value

    def seconds(self, name: str, default: float) -> float:
        """Return argument *name* in seconds."""
        value = self.args.get(name)
        if value is None:
            return default
        if not isinstance(value, int | float):
            raise UsageError(f"'{name}' has to be a number of seconds")
        if not 0 <= value <= _LONGEST:
            raise UsageError(f"'{name}' has to lie between 0 and {_LONGEST:.0f} seconds")
        return float(value)

    def need(self, name: str, kind: type[T]) -> T:
        """Return argument *name*; raise `UsageError` where it is missing."""
        if self.args.get(name) is None:
            raise UsageError(f"'{name}' is missing")
        return self.arg(name, kind, kind())

    def texts(self, name: str) -> list[str]:
        """Return a list of texts, empty where none was given."""
        values = self.arg(name, list, [])
        if not all(isinstance(value, str) for value in values):
            raise UsageError(f"'{name}' has to be a list of texts")
        return values

    def selected(self) -> list[AgentId]:
        """Return the agents that the selectors name; all of them where there are none."""
        return select(self.texts("selectors"), self.fleet.agents.values())

    def one(self, name: str = "agent") -> Agent:
        """Return the one agent that argument *name* selects."""
        return self.fleet.agents[select_one(self.need(name, str), self.fleet.agents.values())]

    def record(self, drafts: list[Draft]) -> list[Event]:
        """Append *drafts* in the caller's name and wake the loop."""
        named = [Draft(d.stream, d.type, d.data, self.caller.name, d.expected) for d in drafts]
        events = self.world.ledger.append(named, request=self.args.get("request"))
        self.desk.wake.set()
        return events
