"""Real trees below the real shim's shells, and a real governor that holds them, for tests at every level."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

from agentctl.domain.agent import Identity
from agentctl.domain.names import AgentId
from agentctl.domain.resources import Leash, Level, Round, Sample
from agentctl.drivers.governor import cgroups
from agentctl.drivers.governor.choice import Means, levels
from agentctl.drivers.governor.process import SystemGovernor
from agentctl.drivers.processes import SystemProcesses
from agentctl.drivers.shim import INNER, OUTER

SPIN = (sys.executable, "-I", "-S", "-c", "while True: pass")
SLEEP = ("sleep", "1000")


def possible() -> list[Level]:
    """Return the levels that hold a tree on this machine."""
    home = secrets.token_hex(4)
    means = Means(home, Level.QUOTA, lambda _base: None)
    able = [level for level in levels(means) if level not in (Level.NICE, Level.WATCH)]
    means.close()
    return able


class Ground:
    """Where agents' trees grow; all are ended with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = secrets.token_hex(4)
        self.processes = SystemProcesses(self.home)
        self._roots: list[subprocess.Popen[bytes]] = []

    def grow(self, name: str, command: Sequence[str]) -> Identity:
        """Start *command* as the agent `t/NAME` below the shim's two shells; return the pane's process."""
        identity = self._start(name, self._shim(name, command))
        wait_for(lambda: len(self.tree(name, identity)) > 2)
        return identity

    def sow(self, name: str, command: Sequence[str]) -> Identity:
        """Do as `grow`, but have the pane's process stop itself before it starts anything."""
        identity = self._start(name, ["sh", "-c", 'kill -STOP $$; exec "$@"', "sh", *self._shim(name, command)])
        wait_for(lambda: state(identity) == "T")
        return identity

    def _shim(self, name: str, command: Sequence[str]) -> list[str]:
        return ["sh", "-c", OUTER, "agentctl", "/bin/sh", "-c", INNER, str(self.folder / f"exit.{name}"), *command]

    def _start(self, name: str, words: Sequence[str]) -> Identity:
        env = {**os.environ, "AGENTCTL_HOME_ID": self.home, "AGENTCTL_AGENT": f"t/{name}"}
        root = subprocess.Popen(words, env=env, start_new_session=True, stdin=subprocess.DEVNULL)
        self._roots.append(root)
        identity = self.processes.identify(root.pid)
        assert identity is not None
        return identity

    def tree(self, name: str, root: Identity) -> list[Identity]:
        """Return everything of the agent, its shells first."""
        return self.processes.tree(AgentId(f"t/{name}"), root)

    def clear(self) -> None:
        while found := self.processes.marked(self.home):
            for agent in found.values():
                self.processes.signal(agent, signal.SIGKILL)
        for root in self._roots:
            root.kill()
            root.wait()


@contextlib.contextmanager
def ground(folder: Path) -> Iterator[Ground]:
    here = Ground(folder)
    try:
        yield here
    finally:
        here.clear()
        wait_for(lambda: not any(map(cgroups.clear, cgroups.bases(here.home))))


@contextlib.asynccontextmanager
async def governed(here: Ground, level: Level) -> AsyncIterator[SystemGovernor]:
    governor = SystemGovernor(here.home, here.folder / "frozen", level)
    try:
        yield governor
    finally:
        await governor.close()


def leash(name: str, root: Identity, **facts: object) -> Leash:
    return Leash(AgentId(f"t/{name}"), root, **facts)  # type: ignore[arg-type]


async def until(governor: SystemGovernor, shows: Callable[[dict[str, Sample]], bool], within: float = 30.0) -> Round:
    """Return the first round whose samples, by agent's name, show it."""
    async with asyncio.timeout(within):
        async for seen in governor.rounds():
            if shows({sample.agent.partition("/")[2]: sample for sample in seen.samples}):
                return seen
    raise AssertionError("the rounds ended")


async def for_seconds(governor: SystemGovernor, seconds: float) -> list[Round]:
    """Listen to the governor for *seconds*."""
    rounds, end = [], time.monotonic() + seconds
    async for seen in governor.rounds():
        rounds.append(seen)
        if time.monotonic() >= end:
            break
    return rounds


def state(process: Identity) -> str:
    """Return the letter of its state, empty where it is gone."""
    try:
        data = Path(f"/proc/{process.pid}/stat").read_bytes()
    except OSError:
        return ""
    return chr(data[data.rindex(b")") + 2])


def command(process: Identity) -> str:
    """Return the name of its program, empty where it is gone."""
    try:
        return Path(f"/proc/{process.pid}/comm").read_text().strip()
    except OSError:
        return ""


def used(processes: Sequence[Identity]) -> float:
    """Return the CPU seconds of *processes* by the kernel's own clocks."""
    total = 0.0
    for process in processes:
        with contextlib.suppress(OSError):
            total += time.clock_gettime_ns((~process.pid << 3) | 2) / 1e9
    return total


def wait_for(holds: Callable[[], object], within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.005)
