"""How soon a change on a screen is known, and what watching costs: 50 quiet panes, and 10 busy ones among them.

The floor in the same run is the plainest way to watch: one `tmux list-panes -a` a second, which tells in whole seconds
that a window drew and shows no screen. CPU is each process's own clock, so other load on the machine does not count;
what the agents use is left out. "known" is the time from an agent's output to our having looked at a screen with it.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from measure import report

from agentctl.domain.agent import Identity
from agentctl.domain.names import AgentId, PaneId, session_name, window_name
from agentctl.domain.ports import Opening
from agentctl.drivers import launch
from agentctl.drivers.tmux.terminal import TmuxTerminal

SECONDS = 20.0
QUIET, BUSY = 50, 10
SAMPLES = 20  # a pane, on ten panes
BUSY_AGENT = "while sleep 0.2; do date +%s%N; done"


class Fleet:
    """A tmux server of its own with our driver on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = f"agentctl-bench-{secrets.token_hex(4)}"
        self.terminal = self.connection()

    def connection(self) -> TmuxTerminal:
        return TmuxTerminal(self.socket, run_dir=self.folder, home="c0ffee", identify=identify)

    def opening(self, team: str, number: int, command: str) -> Opening:
        agent = AgentId(f"{team}/a{number}")
        argv = launch.prepare(
            self.folder, agent, 1, argv=["sh", "-c", command], env={"PATH": os.environ["PATH"]}, cwd=str(self.folder)
        )
        name = f"a{number}"
        return Opening(agent, 1, session_name(team), window_name(team, name), number, argv, str(self.folder))

    async def add(self, team: str, size: int, command: str) -> list[PaneId]:
        opened = await self.terminal.open([self.opening(team, number, command) for number in range(size)])
        return [one.pane for one in opened if one.pane]

    def tmux(self, *words: str) -> str:
        done = subprocess.run(["tmux", "-L", self.socket, *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def writer(self, pane: PaneId) -> Callable[[str], object]:
        """Return what writes to the pane's terminal, as its agent does."""
        return Path(self.tmux("display-message", "-p", "-t", pane, "#{pane_tty}")).write_text

    def end(self) -> None:
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], check=False, capture_output=True)


def identify(pid: int) -> Identity | None:
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else Identity("boot", pid, int(rest[18]))


def server_seconds(pid: int) -> float:
    """Return the CPU seconds of a process, to the nanosecond; `stat` counts in hundredths of a second."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def own_seconds() -> float:
    """Return our own CPU seconds and those of the processes that we waited for."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


@asynccontextmanager
async def watching(fleet: Fleet, *, look: bool) -> AsyncIterator[dict[PaneId, tuple[float, str]]]:
    """Watch as the supervisor does, on a connection of its own; with *look* the screens told of are read."""
    terminal = fleet.connection()
    await terminal.connect()
    seen: dict[PaneId, tuple[float, str]] = {}

    async def follow() -> None:
        async for panes in terminal.drawn():
            if look:
                shown = await terminal.shown(panes)
                now = time.monotonic()
                seen.update({pane: (now, one.text) for pane, one in shown.items()})

    task = asyncio.create_task(follow())
    await asyncio.sleep(3)  # the first words, which tell of all panes
    yield seen
    task.cancel()
    await asyncio.wait([task])
    await terminal.disconnect()


async def plainly(fleet: Fleet, lasting: float) -> None:
    """List all panes once a second, the floor."""
    end = time.monotonic() + lasting
    while time.monotonic() < end:
        listing = ("tmux", "-L", fleet.socket, "list-panes", "-a", "-F", "#{pane_id} #{window_activity}")
        await asyncio.to_thread(subprocess.run, listing, stdout=subprocess.DEVNULL, check=True)
        await asyncio.sleep(1)


async def cost(server: int, lasting: float, work: Callable[[], Awaitable[object]]) -> tuple[str, str]:
    """Return the shares of one core that we and tmux used during *work*."""
    ours, theirs = own_seconds(), server_seconds(server)
    await work()
    return (
        f"{100 * (own_seconds() - ours) / lasting:.3f} %",
        f"{100 * (server_seconds(server) - theirs) / lasting:.3f} %",
    )


async def costs(fleet: Fleet, server: int, lasting: float, what: str, goal: str) -> list[tuple[str, ...]]:
    rows = []
    async with watching(fleet, look=True):
        rows.append(
            (f"{what}, watched and looked at", *await cost(server, lasting, lambda: asyncio.sleep(lasting)), goal)
        )
    async with watching(fleet, look=False):
        rows.append((f"{what}, watched", *await cost(server, lasting, lambda: asyncio.sleep(lasting)), ""))
    rows.append((f"{what}, nobody watches", *await cost(server, lasting, lambda: asyncio.sleep(lasting)), ""))
    rows.append((f"{what}, floor", *await cost(server, lasting, lambda: plainly(fleet, lasting)), ""))
    return rows


async def delays(fleet: Fleet, panes: list[PaneId]) -> list[float]:
    """Have agents say something at random moments and return how long each word took to be known."""
    chance = random.Random(3)

    async def one(pane: PaneId, seen: dict[PaneId, tuple[float, str]]) -> list[float]:
        say = fleet.writer(pane)
        taken = []
        for _ in range(SAMPLES):
            await asyncio.sleep(chance.uniform(0, 2.5))
            word, said = secrets.token_hex(4), time.monotonic()
            say(f"\x1b[H{word}\x1b[H")
            while word not in seen.get(pane, (0.0, ""))[1]:  # noqa: ASYNC110  the moment was noted by who looked
                await asyncio.sleep(0.005)
            taken.append(seen[pane][0] - said)
        return taken

    async with watching(fleet, look=True) as seen:
        return [taken for many in await asyncio.gather(*(one(pane, seen) for pane in panes)) for taken in many]


async def measured(folder: Path, lasting: float) -> None:
    fleet = Fleet(folder)
    await fleet.terminal.connect()
    try:
        quiet = await fleet.add("quiet", QUIET, "cat")
        server = int(fleet.tmux("display-message", "-p", "#{pid}"))
        rows = await costs(fleet, server, lasting, f"{QUIET} quiet panes", "we < 0.2 %, tmux < 0.5 %")
        taken = await delays(fleet, quiet[:10])
        await fleet.add("busy", BUSY, BUSY_AGENT)
        rows += await costs(fleet, server, lasting, f"and {BUSY} busy ones", "")
    finally:
        await fleet.terminal.disconnect()
        fleet.end()
    report(f"watching for {lasting:g} s each", ("what", "we, of a core", "tmux, of a core", "goal"), rows)
    p95 = statistics.quantiles(taken, n=20)[18]
    times = (len(taken), *(f"{1000 * t:.0f} ms" for t in (statistics.median(taken), p95, max(taken))))
    report(
        "a change on a screen is known after", ("changes", "p50", "p95", "most", "goal"), [(*times, "under 1,200 ms")]
    )


def main() -> None:
    lasting = float(next((word for word in sys.argv[1:] if word.replace(".", "").isdigit()), SECONDS))
    with tempfile.TemporaryDirectory(prefix="agentctl-bench-") as folder:
        os.environ["TMUX_TMPDIR"] = folder
        os.environ.pop("TMUX", None)
        asyncio.run(measured(Path(folder), lasting))


if __name__ == "__main__":
    main()
