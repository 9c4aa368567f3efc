"""What is wanted: a team and its agents after every default, role and replica has been worked out.

`spec` makes these from YAML; the log keeps them as JSON; nothing here knows the file format.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from agentctl.domain.codec import encode
from agentctl.domain.names import AgentId, agent_id
from agentctl.domain.notice import Notice
from agentctl.domain.schedule import Schedule

TAG = "<tag>"
"""Stands in a prompt for the tag of the team's messages, which is made when the team is deployed first."""
HANG_AFTER = timedelta(minutes=15)
PRIORITY = 5

ProbeKind = Literal["http", "tcp", "command", "log"]


@dataclass(frozen=True, slots=True)
class Probe:
    """A question asked of the outside world; its yes means ready, or healthy."""

    kind: ProbeKind
    target: str = ""
    """A URL, `host:port` or a regular expression over the agent's output lines."""
    argv: tuple[str, ...] = ()
    """For `command`: exit code 0 is yes."""
    every: timedelta = timedelta(seconds=1)
    timeout: timedelta = timedelta(seconds=60)
    """Readiness: how long to keep asking. Health: how long one answer may take."""
    failures: int = 3
    """Health: this many noes in a row make the agent unhealthy."""

    @property
    def local_port(self) -> int | None:
        """Return the port on this machine that an http or tcp probe asks, None for any other probe."""
        place = re.fullmatch(r"(?:http://)?(?:127\.\d+\.\d+\.\d+|localhost|\[::1\]):(\d+)(?:/.*)?", self.target)
        return int(place[1]) if self.kind in ("http", "tcp") and place else None


@dataclass(frozen=True, slots=True)
class Backoff:
    """The wait before restart n: initial, then times factor, at most `longest`."""

    initial: timedelta = timedelta(seconds=1)
    factor: float = 2.0
    longest: timedelta = timedelta(seconds=300)
    jitter: bool = True


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """What happens when an agent ends by itself (defaults: kubelet's backoff, OTP's intensity)."""

    policy: Literal["never", "on-failure", "always"] = "on-failure"
    most: int = 5
    """More failures than this within `window` make the agent fatal."""
    window: timedelta = timedelta(hours=1)
    backoff: Backoff = field(default_factory=Backoff)
    well_after: timedelta = timedelta(minutes=10)
    """Running this long wipes the count of failures."""
    closed: Literal["leave", "restart"] = "leave"
    """What a person closed stays closed, unless this says otherwise."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an agent's whole process tree may take; None is no limit."""

    cpu_percent: float | None = 50.0
    """Of one core."""
    memory_bytes: int | None = 512 * 2**20
    pulse: timedelta = timedelta(seconds=2)
    """Least gap between two operations handed to the agent."""
    processes: int | None = 512
    """At most so many at a time; a real build takes some dozens, a fork bomb thousands."""
    on_exceed: Literal["warn", "throttle", "restart", "stop"] = "restart"
    """How far to go above the memory limit: each includes those before it."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What an agent may use up before a person is asked; None is no bound."""

    tokens: int | None = None
    usd: float | None = None
    time: timedelta | None = None
    """Working time: what it spends idle or waiting does not count."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """Another agent of the team that must have come this far first."""

    agent: str
    condition: Literal["started", "ready"] = "ready"


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret's value comes from; the value itself stands in no file and no log."""

    name: str
    variable: str
    """The environment variable the agent finds it in."""
    source: Literal["env", "file", "command"]
    reference: str = ""
    """The variable of the caller, or the file's path."""
    argv: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """One agent as wanted; replicas are separate specs."""

    team: str
    name: str
    role: str
    runner: str
    """The name of a runner, or `auto`: the first coding agent installed, else `shell`."""
    window: str
    index: int
    """The window's place in the session, from 0, in the file's order."""
    cwd: str
    """Absolute."""
    argv: tuple[str, ...] = ()
    """The command of a `process`; empty where the runner brings its own."""
    model: str = ""
    env: dict[str, str] = field(default_factory=dict)
    env_pass: tuple[str, ...] = ()
    """Names of the caller's variables that the agent may see beside the base set."""
    secrets: tuple[Secret, ...] = ()
    prompt: str = ""
    """What the agent is told first: its brief, rendered."""
    depends_on: tuple[Dependency, ...] = ()
    capabilities: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    reports_to: str = ""
    approve: Literal["", "ask", "plan", "auto-edit", "auto"] = ""
    """What it may do without asking; empty leaves it to the program's own settings."""
    dialogs: dict[str, str] = field(default_factory=dict)
    """By kind of start-up dialog (trust, theme, update): `accept` or `decline`; any other waits for a person."""
    resume: bool = True
    """Whether a restart goes on with the agent's own conversation where its program can."""
    hang_after: timedelta | None = HANG_AFTER
    """Working with nothing of it moving for this long counts as hung; None: never."""
    restart: RestartPolicy = field(default_factory=RestartPolicy)
    grace: timedelta = timedelta(seconds=5)
    """Between TERM and KILL when it is stopped."""
    ready: Probe | None = None
    health: Probe | None = None
    limits: Limits = field(default_factory=Limits)
    budget: Budget = field(default_factory=Budget)
    priority: int = PRIORITY
    """From 1 to 9: under pressure the lowest is paused first."""

    @property
    def id(self) -> AgentId:
        """Return `team/name`."""
        return agent_id(self.team, self.name)

    def digest(self) -> str:
        """Return a short hash of what only a restart can change: program, place, environment and brief."""
        parts = [self.runner, self.argv, self.model, self.cwd, self.env, self.env_pass, self.prompt]
        parts.append([encode(secret) for secret in self.secrets])
        parts += [self.approve] if self.approve else []  # absent as before there was such a thing
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class TeamSpec:
    """One team as wanted."""

    name: str
    agents: tuple[AgentSpec, ...]
    session: str
    source: str = ""
    """The file it came from, absolute."""
    description: str = ""
    layout: Literal["repair", "leave"] = "repair"
    """What to do when a window or session of the team is renamed or moved, or loses its marks."""
    notes: tuple[str, ...] = ()
    """What the file asks for that this version does not act on, in words for a person."""
    schedules: tuple[Schedule, ...] = ()
    """What is done for its agents again and again, our defaults included."""
    notify: tuple[Notice, ...] | None = None
    """When a person is told of its agents; None: as that person's own settings say."""

    def agent(self, name: str) -> AgentSpec:
        """Return the agent called *name*; raise KeyError where there is none."""
        for agent in self.agents:
            if agent.name == name:
                return agent
        raise KeyError(name)
