"""Reaching the person: who waits longest, and whether the ways that are configured work."""

from __future__ import annotations

import asyncio
from typing import Any

from agentctl.domain.errors import AgentctlError, UsageError
from agentctl.domain.notice import WAYS
from agentctl.supervisor.requests.request import Request
from agentctl.views.attention import waiting, waits_since


async def next_(request: Request) -> dict[str, Any]:
    """Return who of the selected agents waits for a person, the longest first."""
    found = waiting(request.fleet.agents[name] for name in request.selected())
    moments = [(agent.id, waits_since(agent)) for agent in found]
    return {"waiting": [{"agent": name, "since": since.isoformat()} for name, since in moments if since is not None]}


async def notify(request: Request) -> dict[str, Any]:
    """Try each of the named ways, all that are configured where none is named, and say what came of it."""
    named = request.texts("ways")
    for way in named:
        if way.partition(":")[0] not in WAYS:
            raise UsageError(f"there is no way '{way}'", hint=f"there are: {', '.join(WAYS)}")
    return {"ways": await asyncio.gather(*(_try(request, way) for way in named or request.world.ways))}


async def _try(request: Request, way: str) -> dict[str, Any]:
    if way.partition(":")[0] not in request.world.ways:
        return {"way": way, "told": False, "words": "it is switched off, or has no address: agentctl config show"}
    try:
        words = await request.desk.attention.try_out(way)
    except AgentctlError as error:
        return {"way": way, "told": False, "words": error.message}
    return {"way": way, "told": True, "words": words}
