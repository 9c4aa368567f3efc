"""Plan, deploy and restart: record what is wanted, then follow the agents until they are up."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Collection
from typing import Any

from agentctl.domain.agent import ALIVE, Agent, AgentState
from agentctl.domain.codec import decode, encode
from agentctl.domain.errors import AgentctlError, UsageError
from agentctl.domain.events import Draft, EventType, agent_stream, team_stream
from agentctl.domain.names import AgentId, session_name, team_of
from agentctl.domain.team import AgentSpec, TeamSpec
from agentctl.domain.text import safe_text
from agentctl.drivers.launch import own_words
from agentctl.drivers.tmux.attach import attach_argv
from agentctl.engine.dialogs import answer_by_policy
from agentctl.engine.overrides import kept
from agentctl.engine.plan import Plan, is_up, needs_restart, plan
from agentctl.supervisor.requests.pauses import thaw_drafts
from agentctl.supervisor.requests.progress import follow
from agentctl.supervisor.requests.request import Request
from agentctl.views.fleet import Fleet
from agentctl.views.waits import waits_in_vain

BASE_VARIABLES = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "COLORTERM", "SSH_AUTH_SOCK", "TMPDIR"}
)
_BASE_PREFIXES = ("LC_", "XDG_")

_TIMEOUT = 120.0
_FAILS_AFTER = 2
"""An agent that ended this often while it is waited for has failed for the one who waits; it is tried again anyway."""

_ENDED = frozenset({AgentState.FATAL, AgentState.CLOSED, AgentState.EXITED, AgentState.STOPPED})


async def make_plan(request: Request) -> dict[str, Any]:
    """Say what a deploy would do."""
    return _document(_plan(request, _team(request)))


async def deploy(request: Request) -> dict[str, Any]:
    """Record the team as wanted, then follow it up; an unchanged running team is left alone."""
    wanted = _team(request)
    await _check_terminal(request)
    planned = _plan(request, wanted)
    base, further = _split(request.arg("environment", dict, {}))
    request.world.given.setdefault(wanted.name, {}).update(further)
    request.record(_drafts(request.fleet, wanted, base, tuple(sorted(further))))
    agents = [spec.id for spec in wanted.agents]
    return {"plan": _document(planned), **await _bring_up(request, wanted.name, agents)}


async def restart(request: Request) -> dict[str, Any]:
    """Start the selected agents anew: the living are ended first, the others just start."""
    await _check_terminal(request)
    agents = request.selected()
    chosen = [request.fleet.agents[name] for name in agents]
    anew = [_forget_conversation(agent) for agent in chosen] if request.arg("new", bool, default=False) else []
    thawed = thaw_drafts(chosen, "restart was asked for")
    request.record([*thawed, *anew, *(_restart_draft(agent) for agent in chosen)])
    team = team_of(agents[0]) if agents else ""
    return await _bring_up(request, team, agents)


def _forget_conversation(agent: Agent) -> Draft:
    facts = {"generation": agent.generation, "session": "", "evidence": "a new conversation was asked for"}
    return Draft(agent_stream(agent.id), EventType.AGENT_SESSION, facts)


def _restart_draft(agent: Agent) -> Draft:
    stream = agent_stream(agent.id)
    if agent.state in ALIVE:
        return _anew(agent, "restart was asked for")
    return Draft(stream, EventType.AGENT_WANTED, {"reason": "restart was asked for", "fresh": True})


def _anew(agent: Agent, reason: str) -> Draft:
    """Return the event that has a living agent end and start again; the last word on it counts."""
    facts = {"generation": agent.generation, "reason": reason, "again": True}
    return Draft(agent_stream(agent.id), EventType.AGENT_STOPPING, facts)


def _team(request: Request) -> TeamSpec:
    try:
        return decode(TeamSpec, request.need("team", dict))
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"the team cannot be read: {error}") from None


async def _check_terminal(request: Request) -> None:
    """Raise `TerminalUnreachable` where tmux does not answer now: nothing is promised then."""
    await request.world.terminal.panes()


def _plan(request: Request, wanted: TeamSpec) -> Plan:
    environment = request.arg("environment", dict, {})

    def runner_of(spec: AgentSpec) -> str:
        try:
            choice = request.world.runners.choose(spec.runner, environment.get("PATH", ""))
        except AgentctlError as error:
            return f"runner {spec.runner}: {error.message}"
        return f"runner {choice.runner.name}" + (f" ({choice.reason})" if choice.reason else "")

    return plan(wanted, request.fleet, runner_of)


def _split(environment: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Part the variables that may stand in the log from those that may hold a secret."""
    base = {n: v for n, v in environment.items() if n in BASE_VARIABLES or n.startswith(_BASE_PREFIXES)}
    return base, {n: v for n, v in environment.items() if n not in base}


def _drafts(fleet: Fleet, wanted: TeamSpec, base: dict[str, str], passed: tuple[str, ...]) -> list[Draft]:
    drafts = []
    known = fleet.teams.get(wanted.name)
    moves = [draft for spec in wanted.agents for draft in (*_agent_drafts(fleet, spec), *_taken_back(fleet, spec))]
    moves += _removals(fleet, wanted)
    if known is None or known.spec != wanted or moves:
        tag = known.tag if known is not None and known.tag else secrets.token_hex(2)
        facts = {"spec": encode(wanted), "environment": base, "passed": list(passed), "tag": tag}
        drafts.append(Draft(team_stream(wanted.name), EventType.TEAM_DEPLOYED, facts))
    return drafts + moves


def _agent_drafts(fleet: Fleet, spec: AgentSpec) -> list[Draft]:
    agent, stream = fleet.agents.get(spec.id), agent_stream(spec.id)
    if agent is not None and agent.state is AgentState.STOPPING:
        return [] if agent.again else [_anew(agent, "deployed")]
    if agent is None or not is_up(agent):
        return [Draft(stream, EventType.AGENT_WANTED, {"reason": "deployed", "fresh": True})]
    if not needs_restart(agent, spec, fleet.spec(spec.id)):
        return []
    if agent.state in ALIVE:
        return [_anew(agent, "its team file changed")]
    return [Draft(stream, EventType.AGENT_WANTED, {"reason": "its team file changed", "fresh": True})]


def _taken_back(fleet: Fleet, spec: AgentSpec) -> list[Draft]:
    """Return the event that drops what a person set by hand where the file says something new of it."""
    agent, old = fleet.agents.get(spec.id), fleet.spec(spec.id)
    if agent is None or old is None or (left := kept(agent, old, spec)) == (agent.limits, agent.budget):
        return []
    facts = {"limits": encode(left[0]), "budget": encode(left[1])}
    return [Draft(agent_stream(spec.id), EventType.AGENT_LIMITED, facts)]


def _removals(fleet: Fleet, wanted: TeamSpec) -> list[Draft]:
    names = {spec.id for spec in wanted.agents}
    return [
        stop_draft(agent, "no longer part of its team")
        for agent in fleet.agents.values()
        if team_of(agent.id) == wanted.name and agent.id not in names and agent.state is not AgentState.STOPPED
    ]


def stop_draft(agent: Agent, reason: str, grace: float | None = None) -> Draft:
    """Return the event that asks *agent* to end, *grace* seconds from TERM to KILL (None: as its spec says)."""
    facts = {"generation": agent.generation, "reason": reason, "again": False, "grace": grace}
    return Draft(agent_stream(agent.id), EventType.AGENT_STOPPING, facts)


async def _bring_up(request: Request, team: str, agents: Collection[AgentId]) -> dict[str, Any]:
    in_time = True
    if request.arg("wait", bool, default=True):
        timeout = request.seconds("timeout", _TIMEOUT)
        in_time = await follow(request, agents, lambda name: _is_as_far_as_it_goes(request, name), timeout)
    ready = [name for name in agents if _is_ready(request.fleet, name)]
    asking = [name for name in agents if _asks(request.fleet, name)]
    failed = [name for name in agents if name not in (*ready, *asking) and _settled(request.fleet, name)]
    kept = request.desk.steward.machine.kept_back()
    return {
        "team": team,
        "session": session_name(team),
        "attach": shlex.join(attach_argv(request.world.home.tmux_socket, session_name(team), environ={})),
        "ready": ready,
        "failed": [await _failure(request, name) for name in failed],
        "waiting": [name for name in agents if name not in ready and name not in failed],
        "kept_back": [{"agent": name, "reason": kept[name].words} for name in agents if name in kept],
        "asking": [
            {"agent": name, "ask": encode(agent.asking)}
            for name in agents
            if (agent := request.fleet.agents.get(name)) is not None and agent.asking is not None
        ],
        "timed_out": not in_time,
    }


def _is_as_far_as_it_goes(request: Request, name: AgentId) -> bool:
    """Tell whether waiting for *name* is over, or in vain: one that the machine has no room for may wait for ever."""
    if _settled(request.fleet, name):
        return True
    agent = request.fleet.agents.get(name)
    if agent is None or agent.state is not AgentState.PENDING:
        return False
    refusal = request.desk.steward.machine.kept_back().get(name)
    return refusal is not None and not refusal.passes


def _is_ready(fleet: Fleet, name: AgentId) -> bool:
    agent = fleet.agents.get(name)
    return agent is not None and agent.state is AgentState.RUNNING


def _asks(fleet: Fleet, name: AgentId) -> bool:
    """Tell whether *name* waits for a person before it can get ready."""
    agent = fleet.agents.get(name)
    return agent is not None and agent.state is AgentState.STARTING and agent.asking is not None


def _settled(fleet: Fleet, name: AgentId) -> bool:
    agent, spec = fleet.agents.get(name), fleet.spec(name)
    if agent is None or spec is None or agent.state is AgentState.RUNNING or agent.late:
        return True
    if agent.asking is not None:
        return answer_by_policy(agent.asking, spec) is None
    if agent.state is AgentState.PENDING:
        return bool(waits_in_vain(spec, fleet))
    if agent.state in (AgentState.BACKOFF, AgentState.STARTING):
        return len(agent.failures) >= _FAILS_AFTER
    return agent.state in _ENDED and not agent.again and not _decision_due(fleet, agent)


def _decision_due(fleet: Fleet, agent: Agent) -> bool:
    """Tell whether the loop has yet to say what follows this end."""
    spec = fleet.spec(agent.id)
    if agent.state is not AgentState.EXITED or spec is None:
        return False
    policy = spec.restart.policy
    return policy == "always" or (policy == "on-failure" and agent.exit_code != 0)


async def _failure(request: Request, name: AgentId) -> dict[str, Any]:
    agent, spec = request.fleet.agents.get(name), request.fleet.spec(name)
    if agent is None or spec is None:
        return {"agent": name, "state": "gone", "evidence": "", "lines": []}
    evidence = agent.evidence
    blocked = waits_in_vain(spec, request.fleet) if agent.state is AgentState.PENDING else []
    if blocked:
        evidence = "waits for " + ", ".join(f"{b} ({request.fleet.agents[b].state})" for b in blocked)
    return {"agent": name, "state": agent.state.value, "evidence": evidence, "lines": await _last_lines(request, agent)}


async def _last_lines(request: Request, agent: Agent) -> list[str]:
    """Return what the screen of an agent that runs shows, else the last words of its latest end."""
    if agent.state in ALIVE and agent.pane is not None:
        try:
            screen = await request.world.terminal.screen(agent.pane)
        except AgentctlError as error:
            return [f"its screen cannot be read: {error.message}"]
        words = request.world.masked(agent.id, own_words(safe_text(screen), agent.generation))
        return [line.rstrip() for line in words.splitlines() if line.strip()]
    lines: list[str] = []
    for event in request.world.ledger.read(0, agent_stream(agent.id), None):
        if event.type == EventType.AGENT_EXITED:
            lines = list(event.data.get("lines", []))
    return lines


def _document(planned: Plan) -> dict[str, Any]:
    return {**encode(planned), "counts": planned.counts()}
