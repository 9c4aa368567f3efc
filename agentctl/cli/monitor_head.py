"""What `monitor` says above its table: the machine, what agents take of it, who waits. Light: standard library only."""

from __future__ import annotations

from agentctl.cli.asking import waiting
from agentctl.cli.nearness import color_of
from agentctl.domain.units import format_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, TypeAlias

    Words: TypeAlias = tuple[str, str]
    """What is said, and its colour."""

_GAP = "   "


def head(picture: Mapping[str, Any]) -> list[Words]:
    """Return what is said of *picture* as a whole, part by part, what needs a person first."""
    rows = picture["agents"]
    parts: list[Words] = []
    if asking := len(waiting(rows)):
        parts.append((f"{'1 agent waits' if asking == 1 else f'{asking} agents wait'} for you", "yellow"))
    parts.append(("no agents" if not rows else "1 agent" if len(rows) == 1 else f"{len(rows)} agents", ""))
    machine = picture.get("machine")
    return [*parts, *(_machine(machine) if machine else [])]


def lines(parts: Sequence[Words], width: int) -> list[list[Words]]:
    """Return *parts* in as many lines of *width* as they need; none is broken."""
    made: list[list[Words]] = []
    room = 0
    for part in parts:
        needed = len(part[0]) + (len(_GAP) if made and made[-1] else 0)
        if not made or needed > room:
            made.append([])
            needed, room = len(part[0]), width
        elif made[-1]:
            made[-1].append((_GAP, ""))
        made[-1].append(part)
        room -= needed
    return made


def _machine(machine: Mapping[str, Any]) -> list[Words]:
    """Return what agents take of the CPU that is for them, and the memory that is free beside what is to stay so."""
    used, band = machine["agents_cpu_percent"], machine["band_percent"]
    free, reserve = machine["available_bytes"], machine["reserve_bytes"]
    all_cores = f"machine {machine['cpu_percent']:.0f} of {100 * machine['cores']}%"
    return [
        (f"CPU: agents {used:.0f} of {band:g}%, {all_cores}", color_of(used, band)),
        (f"memory: {format_bytes(free)} free, {format_bytes(reserve)} to stay free", "red" if free < reserve else ""),
    ]
