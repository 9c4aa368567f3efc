"""Everything that can be asked of the supervisor: verbs, who may ask, and what comes back.

A person's command line may ask all of it; an agent (told apart by the kernel, not by what it says) only what is open
to agents. Results are plain JSON; their keys are part of the public API.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing that can be asked."""

    name: str
    agents: bool = False
    """Whether an agent may ask it."""
    streams: bool = False
    """Whether items come before the result."""


_ALL = (
    # {} → {version, protocol, pid, since, home, tmux, agents, teams}
    Verb("hello", agents=True),
    # {team: TeamSpec} → PlanDocument
    Verb("plan"),
    # {team, environment: {NAME: value}, wait: bool, timeout: seconds, remove: bool}
    #   items {agent, state, evidence, seconds}; result {team, session, plan, ready: [id], failed: [Failure],
    #   waiting: [id], timed_out, attach}
    Verb("deploy", streams=True),
    # {selectors: [text]} → {agents: [AgentRow], teams: [TeamRow], level}
    Verb("ps", agents=True),
    # {} → {teams: [name], agents: [id]}
    Verb("names", agents=True),
    # {agent, lines, escapes} → {agent, text}
    Verb("peek", agents=True),
    # {selectors, lines, follow} items {agent, line}; result {}
    Verb("logs", agents=True, streams=True),
    # {after, stream, limit, follow} items Event; result {head}
    Verb("events", agents=True, streams=True),
    # {agent, text, keys: [name], wait: seconds | null} → {message, state, evidence, code}
    Verb("send", agents=True),
    # {selectors, grace} items {agent, state, evidence}; result {stopped: [id], survivors: [{agent, pid}]}
    Verb("stop", streams=True),
    # {selectors} items as deploy; result as deploy
    Verb("restart", streams=True),
    # {grace} as stop
    Verb("stop-all", streams=True),
    # {team} items as stop; result {team, kept: path}
    Verb("reset", streams=True),
    # {selector} → {socket, session, window, pane, agent}
    Verb("attach"),
    # {} → {}: the supervisor ends, agents run on
    Verb("shutdown"),
)

VERBS: dict[str, Verb] = {verb.name: verb for verb in _ALL}
