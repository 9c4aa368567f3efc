"""Looking: who is there, what they show, what happened, and where to attach."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from agentctl import __version__
from agentctl.control.wire import PROTOCOL
from agentctl.domain.agent import ALIVE, Agent
from agentctl.domain.codec import encode
from agentctl.domain.errors import NotFound
from agentctl.domain.events import Event
from agentctl.domain.names import AgentId, session_name, team_of
from agentctl.domain.text import safe_text
from agentctl.supervisor.requests.request import Request
from agentctl.views.rows import agent_rows, team_rows

_LINES = 40
_LINES_MOST = 50_000
_FOLLOW_EVERY = 0.3
"""Seconds between two looks at a screen that somebody follows."""


async def hello(request: Request) -> dict[str, Any]:
    """Say who answers."""
    server = request.world.terminal.server()
    return {
        "version": __version__,
        "protocol": PROTOCOL,
        "pid": os.getpid(),
        "since": request.world.since.isoformat(timespec="milliseconds"),
        "home": str(request.world.home.path),
        "tmux": {"socket": request.world.home.tmux_socket, "pid": server.pid if server else None},
        "silence": request.desk.observer.silence,
        "teams": len(request.fleet.teams),
        "agents": len(request.fleet.agents),
        "seq": request.fleet.seq,
        "caller": request.caller.name,
    }


async def ps(request: Request) -> dict[str, Any]:
    """Return a row for each selected agent, those that need a person first."""
    rows = rows_of(request, request.selected())
    return {"agents": rows, "teams": team_rows(request.fleet), "silence": request.desk.observer.silence}


def rows_of(request: Request, agents: list[AgentId]) -> list[dict[str, Any]]:
    """Return a row for each of *agents*, with what is known of it now."""
    steward, pulse = request.desk.steward, request.desk.pulse
    kept = {name: refusal.words for name, refusal in steward.machine.kept_back().items()}
    return agent_rows(request.fleet, agents, steward.taken(), request.world.host, pulse.row, kept=kept)


async def names(request: Request) -> dict[str, Any]:
    """Return names for completion."""
    return {"teams": sorted(request.fleet.teams), "agents": sorted(request.fleet.agents)}


async def peek(request: Request) -> dict[str, Any]:
    """Return the last lines of one agent's screen."""
    agent = request.one()
    lines = min(request.arg("lines", int, _LINES), _LINES_MOST)
    escapes = request.arg("escapes", bool, default=False)
    text = await _screen(request, agent, lines, escapes=escapes)
    return {"agent": agent.id, "text": text if escapes else safe_text(text)}


async def logs(request: Request) -> dict[str, Any]:
    """Emit what the selected agents have printed, and go on with what they print where `follow` is asked."""
    agents = request.selected()
    lines = min(request.arg("lines", int, _LINES_MOST), _LINES_MOST)
    shown: dict[AgentId, list[str]] = {}
    await _emit_new(request, agents, shown, lines)
    while request.arg("follow", bool, default=False):
        await request.world.clock.sleep(_FOLLOW_EVERY)
        await _emit_new(request, agents, shown, _LINES_MOST)
    return {"agents": agents}


async def events(request: Request) -> dict[str, Any]:
    """Emit events of the log after a number, and go on with new ones where `follow` is asked."""
    after, stream = request.arg("after", int, 0), request.arg("stream", str, "")
    limit = request.arg("limit", int, 0) or None
    ledger = request.world.ledger
    follow = request.arg("follow", bool, default=False)
    while True:  # again where this caller was too slow and is cut off: it reads on from the log
        async with ledger.follow() as queue:
            for event in ledger.read(after, stream or None, limit):
                await request.emit(encode(event))
                after = event.seq
            if not follow:
                return {"head": request.fleet.seq}
            after, limit = await _emit_coming(request, queue, after, stream), None


async def attach(request: Request) -> dict[str, Any]:
    """Return where an agent, or a team, is to be found in tmux."""
    selector = request.need("selector", str)
    agents = [a for a in request.fleet.agents.values() if a.pane is not None and a.state in ALIVE]
    team = request.fleet.teams.get(selector)
    chosen = [a for a in agents if team_of(a.id) == selector][:1] if team else [request.one("selector")]
    if not chosen or chosen[0].pane is None:
        raise NotFound(
            f"nothing of '{selector}' runs in tmux", hint=f"start it: agentctl deploy {selector.partition('/')[0]}"
        )
    agent = chosen[0]
    spec = request.fleet.spec(agent.id)
    return {
        "socket": request.world.home.tmux_socket,
        "session": session_name(team_of(agent.id)),
        "window": spec.window if spec else "",
        "pane": agent.pane,
        "agent": agent.id,
    }


async def _screen(request: Request, agent: Agent, lines: int, *, escapes: bool = False) -> str:
    if agent.pane is None or agent.server != request.world.terminal.server():
        raise NotFound(f"{agent.id} has no window ({agent.state})", hint=f"what happened: agentctl events {agent.id}")
    text = await request.world.terminal.screen(agent.pane, history=lines, escapes=escapes)
    return "\n".join(text.rstrip().splitlines()[-lines:])


async def _emit_new(request: Request, agents: list[AgentId], shown: dict[AgentId, list[str]], lines: int) -> None:
    for name in agents:
        agent = request.fleet.agents.get(name)
        if agent is None or agent.pane is None:
            continue
        try:
            text = await _screen(request, agent, lines)
        except NotFound:
            continue
        now = _without_gaps(safe_text(text).splitlines())
        for line in _added(shown.get(name, []), now):
            await request.emit({"agent": name, "line": line})
        shown[name] = now


def _without_gaps(lines: list[str]) -> list[str]:
    """Return *lines* with at most one blank one in a row: a restart leaves half a screen of them."""
    return [line for i, line in enumerate(lines) if line.strip() or (i and lines[i - 1].strip())]


def _added(before: list[str], now: list[str]) -> list[str]:
    """Return the lines of *now* that come after what *before* already showed.

    Where the first of those are gone it is told by the last few.
    """
    if now[: len(before)] == before:
        return now[len(before) :]
    known = before[-3:]
    for end in range(len(now), len(known) - 1, -1):
        if now[end - len(known) : end] == known:
            return now[end:]
    return now


async def _emit_coming(request: Request, queue: asyncio.Queue[Event | None], after: int, stream: str) -> int:
    """Emit what comes, until the queue is cut off; return the number of the last event that was seen."""
    while (event := await queue.get()) is not None:
        if event.seq > after and stream in ("", event.stream):
            await request.emit(encode(event))
        after = max(after, event.seq)
    return after
