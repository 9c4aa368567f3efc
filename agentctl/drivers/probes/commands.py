"""The command probe: exit code 0 is yes; what takes too long is ended with all it has started."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shlex
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from agentctl.domain.text import safe_line
from agentctl.domain.units import format_duration
from agentctl.drivers.probes.answer import Answer, check_asked
from agentctl.drivers.processes.family import Family

_LONGEST_SHOWN = 80


async def ask_command(argv: Sequence[str], within: timedelta, env: Mapping[str, str], cwd: str) -> Answer:
    """Run *argv* in a session of its own, with no input and its output thrown away."""
    shown = safe_line(shlex.join(argv))[:_LONGEST_SHOWN]
    if not _is_folder(cwd):  # else its absence would be told as that of the program
        return Answer(False, f"cannot run {shown}: there is no folder {safe_line(cwd)}")
    mark = f"AGENTCTL_PROBE={secrets.token_hex(8)}"
    try:
        process = await _start(argv, {**env, **dict([mark.split("=")])}, cwd)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError):
            check_asked(error, shown)
        return Answer(False, f"cannot run {shown}: {safe_line(getattr(error, 'strerror', None) or str(error))}")
    family = Family(process.pid, mark)
    try:
        async with asyncio.timeout(within.total_seconds()):
            code = await process.wait()
    except TimeoutError:
        return Answer(False, f"{shown} did not end within {format_duration(within)}")
    finally:
        if process.returncode is None:
            family.kill()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 1)
    return Answer(code == 0, f"{shown} was ended by signal {-code}" if code < 0 else f"exit code {code} from {shown}")


def _is_folder(path: str) -> bool:
    return Path(path).is_dir()


async def _start(argv: Sequence[str], env: Mapping[str, str], cwd: str) -> asyncio.subprocess.Process:
    nothing = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(
        *argv, env=env, cwd=cwd, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
    )
