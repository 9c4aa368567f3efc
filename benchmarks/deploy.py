"""Deploy: from the request to all windows made and their events durable, against the least tmux needs for it.

Floor: one `tmux source-file -` that makes the same windows with the same argv commands (the same shim and launch
files, written before the clock starts), read back by nothing. Beside it libtmux's object API making the same windows,
and `tmuxp load` where it is installed (dependency group `bench`), once a size because it takes long.
Teams of three; every run has a tmux server of its own that already runs. Wall time, median of 5, interleaved.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import libtmux
from measure import ROUNDS, interleave, report

from agentctl.control.client import Client
from agentctl.control.home import Home
from agentctl.domain.codec import encode
from agentctl.domain.names import AgentId
from agentctl.domain.team import AgentSpec, TeamSpec
from agentctl.drivers import launch
from agentctl.drivers.processes import SystemProcesses
from agentctl.supervisor.daemon import make_world, supervise

SIZES = (1, 10, 50, 100)
COMMAND = ("sleep", "100000")


def teams(agents: int) -> list[TeamSpec]:
    made = []
    for first in range(0, agents, 3):
        name = f"t{first // 3}"
        specs = tuple(
            AgentSpec(name, f"a{i}", "x", "process", f"W{i}", i, "/", argv=COMMAND)
            for i in range(min(3, agents - first))
        )
        made.append(TeamSpec(name, specs, f"Task-{name}"))
    return made


def end_server(socket: str) -> None:
    subprocess.run(["tmux", "-L", socket, "kill-server"], capture_output=True, check=False)
    Path(f"/tmp/tmux-{os.getuid()}/{socket}").unlink(missing_ok=True)


def ours(agents: int) -> float:
    return asyncio.run(_ours(agents))


async def _ours(agents: int) -> float:
    folder = Path(tempfile.mkdtemp(prefix="agentctl-bench-"))
    home = Home(folder / "home", chosen=True)
    home.prepare()
    world = make_world(home, SystemProcesses(home_id=home.id))
    finish = asyncio.Event()
    task = asyncio.create_task(supervise(world, asyncio.Event(), finish))
    try:
        await world.connect()
        await asyncio.sleep(0.5)
        started = time.perf_counter()
        asking = [threading.Thread(target=_deploy, args=(home, team)) for team in teams(agents)]
        for thread in asking:
            thread.start()
        while sum(a.process is not None for a in world.ledger.fleet.agents.values()) < agents:
            await world.ledger.changed()
        return time.perf_counter() - started
    finally:
        finish.set()
        await task
        await world.terminal.disconnect()
        world.ledger.close()
        end_server(home.tmux_socket)
        shutil.rmtree(folder, ignore_errors=True)  # shims that end just now still write their exit codes


def _deploy(home: Home, team: TeamSpec) -> None:
    environment = {"PATH": os.environ["PATH"]}
    Client(home).call("deploy", {"team": encode(team), "environment": environment, "wait": False})


def _launches(folder: Path, agents: int) -> list[tuple[str, int, tuple[str, ...]]]:
    environment = {"PATH": os.environ["PATH"]}
    return [
        (team.name, spec.index, launch.prepare(folder, AgentId(spec.id), 1, argv=COMMAND, env=environment, cwd="/"))
        for team in teams(agents)
        for spec in team.agents
    ]


def _with_server(work: str, agents: int) -> float:
    socket, folder = f"bench-{secrets.token_hex(4)}", Path(tempfile.mkdtemp(prefix="agentctl-bench-"))
    subprocess.run(
        ["tmux", "-L", socket, "-f", "/dev/null", "new-session", "-d", "-s", "hub", "-x", "220", "-y", "50", "cat"],
        check=True,
    )
    try:
        launches = _launches(folder, agents)
        time.sleep(0.2)
        started = time.perf_counter()
        WAYS[work](socket, launches)
        return time.perf_counter() - started
    finally:
        end_server(socket)
        shutil.rmtree(folder, ignore_errors=True)  # shims that end just now still write their exit codes


def _source_file(socket: str, launches: list[tuple[str, int, tuple[str, ...]]]) -> None:
    lines = []
    for team, index, argv in launches:
        words = " ".join(f'"{word}"' for word in argv)
        if index == 0:
            lines.append(f"new-session -d -s Task-{team} -n W0 -x 220 -y 50 {words}")
        else:
            lines.append(f"new-window -d -t Task-{team}:{index} -n W{index} {words}")
    subprocess.run(["tmux", "-L", socket, "source-file", "-"], input="\n".join(lines), text=True, check=True)


def _libtmux(socket: str, launches: list[tuple[str, int, tuple[str, ...]]]) -> None:
    server = libtmux.Server(socket_name=socket)
    sessions = {}
    for team, index, argv in launches:
        command = " ".join(argv)
        if index == 0:
            sessions[team] = server.new_session(f"Task-{team}", window_name="W0", window_command=command, x=220, y=50)
        else:
            sessions[team].new_window(f"W{index}", attach=False, window_index=str(index), window_shell=command)


def _tmuxp(socket: str, launches: list[tuple[str, int, tuple[str, ...]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for team in dict.fromkeys(team for team, _, _ in launches):
            windows = [
                f"- window_name: W{index}\n  window_shell: {' '.join(argv)}\n  panes: [null]"
                for name, index, argv in launches
                if name == team
            ]
            path = Path(folder, f"{team}.yaml")
            path.write_text(f"session_name: Task-{team}\nwindows:\n" + "\n".join(windows) + "\n")
            files.append(str(path))
        tmuxp = str(Path(sys.executable).with_name("tmuxp"))
        subprocess.run([tmuxp, "load", "-d", "-y", "-L", socket, *files], check=True, capture_output=True)


WAYS = {"source-file": _source_file, "libtmux": _libtmux, "tmuxp": _tmuxp}


def main() -> None:
    rows = []
    for size in [int(word) for word in sys.argv[1:] if word.isdigit()] or SIZES:
        us, floor, objects = interleave(
            ROUNDS,
            partial(ours, size),
            partial(_with_server, "source-file", size),
            partial(_with_server, "libtmux", size),
        )
        tmuxp = _with_server("tmuxp", size) if Path(sys.executable).with_name("tmuxp").exists() else None
        rows.append(
            (
                size,
                f"{us * 1000:.0f}",
                f"{floor * 1000:.0f}",
                f"{us / floor:.2f}",
                *(f"{taken / floor:.2f}" if taken else "not installed" for taken in (objects, tmuxp)),
            )
        )
    heads = ("agents", "agentctl, ms", "one source-file, ms", "ratio", "libtmux objects, ratio", "tmuxp load, ratio")
    report("deploy (median of 5)", heads, rows)


if __name__ == "__main__":
    main()
