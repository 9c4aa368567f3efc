"""Figures as every face shows them: one row a stretch of time, the last minute of an agent, the machine as a whole."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from agentctl.domain.names import AgentId
from agentctl.domain.resources import Round
from agentctl.domain.samples import Figures, Resolution


def figures_row(figures: Figures, resolution: Resolution) -> dict[str, Any]:
    """Return *figures* as a row; averages are over the time in which the agent was looked at."""
    return {
        "agent": figures.agent,
        "at": datetime.fromtimestamp(figures.at, UTC).isoformat(),
        "resolution": resolution.value,
        "seconds": figures.millis / 1000,
        "cpu_percent": round(figures.cpu_percent, 1),
        "cpu_percent_most": figures.cpu_percent_most,
        "memory_bytes": figures.memory_bytes,
        "memory_bytes_most": figures.memory_bytes_most,
        "throttled_percent": round(figures.throttled_percent, 1),
        "longest_stop": figures.longest_stop / 1000,
        "processes": figures.processes,
    }


def recent_rows(rounds: Sequence[Round], agents: Collection[AgentId]) -> dict[AgentId, dict[str, Any]]:
    """Return what each of *agents* took in each of *rounds*, the oldest first; None where it was not seen."""
    seen = [{sample.agent: sample for sample in one.samples} for one in rounds]
    rows: dict[AgentId, dict[str, Any]] = {}
    for agent in agents:
        samples = [one.get(agent) for one in seen]
        rows[agent] = {
            "cpu_percent": [round(sample.cpu_percent, 1) if sample else None for sample in samples],
            "memory_bytes": [sample.memory_bytes if sample else None for sample in samples],
        }
    return rows


def machine_row(last: Round, band_percent: float, reserve_bytes: int) -> dict[str, Any]:
    """Return what the whole machine does, and what of it all agents take and may take.

    They may take *band_percent* of one core together, and *reserve_bytes* of memory are to stay free.
    """
    load, samples = last.load, last.samples
    return {
        "at": last.at.isoformat(timespec="milliseconds"),
        "cores": load.cores,
        "cpu_percent": round(load.cpu_percent, 1),
        "memory_bytes": load.memory_bytes,
        "available_bytes": load.available_bytes,
        "agents_cpu_percent": round(sum(sample.cpu_percent for sample in samples), 1),
        "agents_memory_bytes": sum(sample.memory_bytes for sample in samples),
        "band_percent": band_percent,
        "reserve_bytes": reserve_bytes,
    }
