"""Questions asked of the outside world: is it ready, is it well. One answer a call; asking again is the caller's.

A no is an answer too, with its evidence. Where the question itself could not be asked (no more file descriptors, a
terminal that does not show its output) `Unreachable` or what the output raised is raised instead.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import assert_never

from agentctl.domain.team import Probe
from agentctl.drivers.probes.answer import Answer

__all__ = ["Answer", "ask"]

_LONGEST_TRY = timedelta(seconds=5)  # a server that hangs once must not use up all the time it has to get ready


async def ask(
    probe: Probe,
    *,
    env: Mapping[str, str],
    cwd: str,
    output: Callable[[], Awaitable[str]],
    within: timedelta | None = None,
) -> Answer:
    """Ask *probe* once.

    *within* bounds the try; by default it is the probe's timeout, and at most 5 s for http and tcp. *env* and *cwd* are
    for a command; *output* gives the agent's output, cleaned, for a log line.
    """
    from agentctl.drivers.probes import commands, connections, patterns  # noqa: PLC0415  asyncio and more

    match probe.kind:
        case "http":
            return await connections.ask_http(probe.target, within or min(probe.timeout, _LONGEST_TRY))
        case "tcp":
            return await connections.ask_tcp(probe.target, within or min(probe.timeout, _LONGEST_TRY))
        case "command":
            return await commands.ask_command(probe.argv, within or probe.timeout, env, cwd)
        case "log":
            return patterns.ask_lines(probe.target, await output())
        case _:
            assert_never(probe.kind)
