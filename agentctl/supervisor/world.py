"""The world as the supervisor is given it: every port, and the few facts that are fixed for its life."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from agentctl.control.home import Home
from agentctl.domain.checkpoint import Checkpoints
from agentctl.domain.names import AgentId
from agentctl.domain.ports import Clock, Governor, Notifier, Processes, SampleStore, Terminal
from agentctl.drivers.secrets import Redactor
from agentctl.engine.attention import Habits
from agentctl.engine.machine import Bounds
from agentctl.runners.registry import Runners
from agentctl.runners.usage.prices import Prices
from agentctl.store.samples_memory import MemorySamples
from agentctl.supervisor.ledger import Ledger

UNKEPT = "(not kept: a supervisor that has ended knew its secrets)"


@dataclass(frozen=True, slots=True)
class World:
    """What the supervisor's parts share; the composition root makes it, tests make their own."""

    home: Home
    host: str
    clock: Clock
    ledger: Ledger
    terminal: Terminal
    processes: Processes
    governor: Governor
    runners: Runners
    checkpoints: Checkpoints
    environ: dict[str, str]
    """The variables the supervisor was started with: what it falls back on for secrets."""
    since: datetime
    """When this supervisor began."""
    bounds: Bounds = field(default_factory=Bounds)
    """What all agents together may take of the machine."""
    prices: Prices = field(default_factory=Prices.load)
    """What models cost, where programs do not say."""
    rng: random.Random = field(default_factory=random.Random)
    samples: SampleStore = field(default_factory=MemorySamples)
    ways: Mapping[str, Notifier] = field(default_factory=dict)
    """By name: how the person can be reached."""
    habits: Habits = field(default_factory=Habits)
    """When they want to be."""
    given: dict[str, dict[str, str]] = field(default_factory=dict)
    """By team: values of variables that were handed over with a deploy. Never in a log or a file."""

    redactors: dict[AgentId, Redactor] = field(default_factory=dict)
    """By agent: what masks the secrets that its generation was started with."""

    in_hand: set[str] = field(default_factory=set)
    """Ids of the messages that are being handed over now: nobody else may take them, or give them up."""

    def masked(self, agent: AgentId, text: str) -> str:
        """Return *text*, which comes from *agent*, as it may be kept: without the agent's secrets.

        Nothing of it may where they are not known: an earlier supervisor has started the agent.
        """
        redactor, spec = self.redactors.get(agent), self.ledger.fleet.spec(agent)
        if redactor is not None:
            return redactor.mask(text)
        return text if spec is not None and not spec.secrets else UNKEPT

    async def connect(self) -> None:
        """Get in touch with tmux, starting its server where there is none; it is no part of any agent's tree."""
        await self.terminal.connect()
        server = self.terminal.server()
        if server is not None:
            self.processes.spare(server)

    def agent_folder(self, agent: str) -> Path:
        """Return the run folder of *agent*."""
        return self.home.run / "agents" / agent
