"""Progress: a line for each agent as it changes, until all have come as far as they will, or the time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any

from agentctl.domain.agent import Agent
from agentctl.domain.errors import TerminalUnreachable
from agentctl.domain.names import AgentId
from agentctl.supervisor.loop import first
from agentctl.supervisor.requests.request import Request

Said = tuple[str, str]

_LOOK_UP_SECONDS = 0.5
"""How often the one who follows looks whether tmux still answers: its silence is no event."""


async def follow(
    request: Request,
    agents: Collection[AgentId],
    settled: Callable[[AgentId], bool],
    timeout: float,  # noqa: ASYNC109  running out is an answer here, not an error
) -> bool:
    """Emit each change of *agents* until all are *settled*; return False where *timeout* seconds were not enough.

    Raises `TerminalUnreachable` where tmux falls silent: nobody can say when it will be done.
    """
    clock = request.world.clock
    begun = clock.monotonic()
    said: dict[AgentId, Said] = {}
    while True:
        changed = asyncio.ensure_future(request.world.ledger.changed())
        await _say(request, agents, said, clock.monotonic() - begun)
        left = timeout - (clock.monotonic() - begun)
        if all(settled(agent) for agent in agents) or left <= 0:
            changed.cancel()
            return left > 0 or all(settled(agent) for agent in agents)
        if request.desk.observer.silence:
            changed.cancel()
            raise _silent(request.desk.observer.silence)
        await first(changed, clock.sleep(min(left, _LOOK_UP_SECONDS)))


def _silent(silence: str) -> TerminalUnreachable:
    hint = "what was asked for is recorded and goes on when tmux answers; look at: agentctl doctor"
    return TerminalUnreachable(silence, hint=hint)


async def _say(request: Request, agents: Collection[AgentId], said: dict[AgentId, Said], seconds: float) -> None:
    for name in agents:
        agent = request.fleet.agents.get(name)
        now = _words(agent)
        if said.get(name) != now:
            said[name] = now
            await request.emit(_item(name, agent, seconds))


def _words(agent: Agent | None) -> Said:
    return ("gone", "") if agent is None else (agent.state.value, agent.evidence)


def _item(name: AgentId, agent: Agent | None, seconds: float) -> dict[str, Any]:
    state, evidence = _words(agent)
    return {
        "agent": name,
        "state": state,
        "evidence": evidence,
        "late": agent.late if agent else False,
        "exit_code": agent.exit_code if agent else None,
        "seconds": round(seconds, 2),
    }
