"""The machine's bounds as the settings hand them over: variables of the supervisor's environment."""

from __future__ import annotations

from collections.abc import Mapping

from agentctl.domain.errors import UsageError
from agentctl.domain.units import parse_bytes, parse_percent
from agentctl.engine.machine import Bounds

_NONE, _AUTO = "none", "auto"
"""No bound; ours to choose."""


def bounds_of(environ: Mapping[str, str]) -> Bounds:
    """Return the bounds that *environ* asks for; raises `UsageError` for what cannot be read.

    Whoever starts the supervisor has checked them; a person may have set them by hand.
    """
    try:
        plain, cpu = Bounds(), environ.get("AGENTCTL_MACHINE_CPU", "")
        reserve = environ.get("AGENTCTL_MACHINE_MEMORY_RESERVE") or _AUTO
        share = reserve.endswith("%")
        return Bounds(
            cpu_percent=parse_percent(cpu) if cpu else plain.cpu_percent,
            reserve_bytes=parse_bytes(reserve) if reserve != _AUTO and not share else None,
            reserve_share=parse_percent(reserve) / 100 if share else None,
            agents=_count(environ.get("AGENTCTL_MACHINE_AGENTS") or _NONE),
            starting=_count(environ.get("AGENTCTL_MACHINE_STARTING") or _AUTO),
        )
    except ValueError as error:
        raise UsageError(f"a setting of the machine cannot be read: {error}", hint="agentctl config show") from None


def _count(text: str) -> int | None:
    return None if text in (_NONE, _AUTO) else int(text)
