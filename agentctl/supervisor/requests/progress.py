"""Progress: a line for each agent as it changes, until all have come as far as they will, or the time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any

from agentctl.domain.agent import Agent
from agentctl.domain.names import AgentId
from agentctl.supervisor.loop import first
from agentctl.supervisor.requests.request import Request

Said = tuple[str, str]


async def follow(
    request: Request,
    agents: Collection[AgentId],
    settled: Callable[[AgentId], bool],
    timeout: float,  # noqa: ASYNC109  running out is an answer here, not an error
) -> bool:
    """Emit each change of *agents* until all are *settled*; return False where *timeout* seconds were not enough."""
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
        await first(changed, clock.sleep(left))


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
