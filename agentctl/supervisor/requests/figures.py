"""Figures: what agents take of the machine now, over the last minute, and over longer."""

from __future__ import annotations

import asyncio
from typing import Any

from agentctl.domain.errors import UsageError
from agentctl.domain.names import AgentId
from agentctl.domain.samples import Figures, Resolution
from agentctl.supervisor.recorder import RECENT_ROUNDS
from agentctl.supervisor.requests.look import ps
from agentctl.supervisor.requests.request import Request
from agentctl.views.figures import figures_row, machine_row, recent_rows

_ROWS_MOST = 20_000
"""Rows of one answer: five megabytes, below the longest line; a week of one agent's minutes is half of it."""


async def monitor(request: Request) -> dict[str, Any]:
    """Return what `ps` does, with each agent's last minute and the machine's load; from memory alone."""
    answer = await ps(request)
    rounds = request.desk.recorder.recent(min(request.arg("recent", int, RECENT_ROUNDS), RECENT_ROUNDS))
    recent = recent_rows(rounds, [AgentId(row["agent"]) for row in answer["agents"]])
    for row in answer["agents"]:
        row["recent"] = recent[row["agent"]]
    now = request.world.clock.now().isoformat(timespec="milliseconds")
    return answer | {"at": now, "machine": _machine(request)}


async def samples(request: Request) -> dict[str, Any]:
    """Return what the selected agents took over the last so many seconds, a row for each stretch of it."""
    resolution = _resolution(request)
    until = int(request.world.clock.now().timestamp()) + 1
    since = until - 1 - int(request.seconds("since", float(resolution.seconds * 60)))
    since -= since % resolution.seconds  # the stretch in which it begins is part of the answer
    rows = await request.desk.recorder.read(request.selected(), since, until, resolution, limit=_ROWS_MOST + 1)
    if len(rows) > _ROWS_MOST:
        raise UsageError(
            f"that is more than {_ROWS_MOST} rows", hint="take a coarser resolution, fewer agents or a shorter time"
        )
    return {"resolution": resolution.value, "rows": await asyncio.to_thread(_rows, rows, resolution)}


def _machine(request: Request) -> dict[str, Any] | None:
    """Return the machine's row, None where nobody has looked lately."""
    last, bounds = request.desk.recorder.last(), request.world.bounds
    if last is None:
        return None
    return machine_row(last, bounds.band(last.load.cores), bounds.reserve(last.load.memory_bytes))


def _rows(rows: list[Figures], resolution: Resolution) -> list[dict[str, Any]]:
    return [figures_row(row, resolution) for row in rows]


def _resolution(request: Request) -> Resolution:
    word = request.arg("resolution", str, Resolution.MINUTE.value)
    try:
        return Resolution(word)
    except ValueError:
        raise UsageError(f"'resolution' is {', '.join(Resolution)}, not '{word}'") from None
