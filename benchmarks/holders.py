"""Ways to hold a tree of processes to a share of a core: agentctl at each of its levels, cpulimit, the bare kernel.

Each starts the tree itself, says which process is its root, and what holding it has cost so far.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import agentctl, fresh_home
from trees import tree

PERIOD_USEC = 100_000
"""Of the kernel's quota: its own choice, and the longest that a busy tree stands still in one go."""

_V1 = Path("/sys/fs/cgroup/cpu")
"""Where every distribution mounts it that still has it."""
_STARTS_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Held:
    """A tree that runs."""

    root: int
    cost: Callable[[], float]
    """CPU seconds of whoever holds it."""
    level: str = ""
    """How it is held, in the holder's own words."""


Holder = Callable[[Sequence[str], Path, float], AbstractContextManager[Held]]
"""Takes the command, the folder where it writes its pid down, and the percent of a core that it may use."""


def words(text: str) -> list[str]:
    """Return the words of an option that takes several; `none` is none."""
    return [word for word in text.split(",") if word not in ("", "none")]


def until_there(path: Path) -> str:
    """Return what stands in *path* as soon as something does."""
    end = time.monotonic() + _STARTS_WITHIN
    while not (path.exists() and (text := path.read_text())):
        if time.monotonic() > end:
            raise TimeoutError(f"{path} is not there")
        time.sleep(0.005)
    return text


@contextlib.contextmanager
def unlimited(command: Sequence[str], folder: Path, _: float) -> Iterator[Held]:
    with _started(command, folder) as root:
        yield Held(root, lambda: 0.0)


@contextlib.contextmanager
def _started(command: Sequence[str], folder: Path, prefix: Sequence[str] = ()) -> Iterator[int]:
    """Start *command* in a session of its own, and end all of it afterwards."""
    process = subprocess.Popen([*prefix, *command], start_new_session=True, stdin=subprocess.DEVNULL)
    try:
        yield int(until_there(folder / "pid"))
    finally:
        for number in (signal.SIGCONT, signal.SIGKILL):  # what cpulimit has stopped does not run after it either
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
        process.wait()


# --- agentctl ---


def by_agentctl(level: str) -> Holder:
    """Return agentctl, made to hold at *level*; `auto` leaves the choice to it."""

    @contextlib.contextmanager
    def hold(command: Sequence[str], folder: Path, percent: float) -> Iterator[Held]:
        with home_at(level) as environ:
            agent = {"command": list(command), "limits": {"cpu": f"{percent:g}%", "memory": "4GiB"}}
            deploy(folder, {"a": agent}, environ)
            root = int(until_there(folder / "pid"))
            pid = supervisor(environ)
            yield Held(root, lambda: cost_of_helpers(pid), level_of(environ))

    return hold


@contextlib.contextmanager
def home_at(level: str) -> Iterator[dict[str, str]]:
    """Give the environment of a new home whose supervisor holds at *level*; `auto` leaves the choice to it."""
    with fresh_home() as environ:
        yield environ | ({} if level == "auto" else {"AGENTCTL_LIMITS_LEVEL": level})


def deploy(folder: Path, agents: dict[str, dict[str, Any]], environ: dict[str, str]) -> None:
    """Deploy the team `bench` of *agents*, all of them plain processes; commands reach them as they stand here."""
    plain = {
        name: {"runner": "process", **agent, "command": [word.replace("$", "$$") for word in agent["command"]]}
        for name, agent in agents.items()
    }
    file = folder / "bench.yaml"
    file.write_text(json.dumps({"version": 1, "name": "bench", "agents": plain}))
    agentctl(["deploy", str(file), "--yes", "--timeout", "5m"], environ)


def supervisor(environ: dict[str, str]) -> int:
    """Return the supervisor's pid."""
    return int(json.loads(agentctl(["daemon", "status", "--json"], environ).stdout)["items"][0]["pid"])


def level_of(environ: dict[str, str]) -> str:
    """Return the level at which agentctl says that it holds its first agent."""
    row = json.loads(agentctl(["ps", "--json"], environ).stdout)["items"][0]
    return str(row.get("level") or "none")


def helpers(pid: int) -> list[int]:
    """Return the supervisor's children and what descends from them; its tmux client holds nobody."""
    return [seen.pid for seen in tree(pid).values() if seen.pid != pid and not seen.name.startswith("tmux")]


def cost_of_helpers(pid: int) -> float:
    """Return the CPU seconds of all of the supervisor's helper processes."""
    known = tree(pid)
    return sum(known[helper].own + known[helper].reaped for helper in helpers(pid) if helper in known)


# --- cpulimit ---


def by_cpulimit(*options: str) -> Holder | None:
    """Return Debian's cpulimit with these options, None where it is not installed.

    It starts the program itself: attached to a tree that is there already it leaves the children alone.
    """

    @contextlib.contextmanager
    def hold(command: Sequence[str], folder: Path, percent: float) -> Iterator[Held]:
        with _started(command, folder, ["cpulimit", "-q", "-f", *options, "-l", f"{percent:g}", "--"]) as root:
            yield Held(root, lambda: _cost_of_cpulimit(root), " ".join(options))

    return hold if shutil.which("cpulimit") else None


def _cost_of_cpulimit(root: int) -> float:
    """Return the CPU seconds of all that are called cpulimit in the session of *root*, of those that ended, too."""
    found = [seen for seen in tree(os.getsid(root)).values() if seen.name == "cpulimit"]
    return sum(seen.own + seen.reaped for seen in found)


# --- the bare kernel ---

Group = Callable[[float], AbstractContextManager[Path]]
"""Makes a cgroup whose members may use so many percent of a core."""


def quota_group() -> Group | None:
    """Return the kernel's own throttle, by cgroup v2 or v1, None where this machine has none that we may use."""
    for make in (_v2_group, _v1_group):
        with contextlib.suppress(OSError), make(50.0):
            return make
    return None


def kernel_quota() -> Holder | None:
    """Return the kernel's own throttle as a holder."""
    make = quota_group()
    if make is None:
        return None

    @contextlib.contextmanager
    def hold(command: Sequence[str], folder: Path, percent: float) -> Iterator[Held]:
        with make(percent) as group:
            enter = ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', str(group)]
            with _started(command, folder, enter) as root:
                yield Held(root, lambda: 0.0, "cpu.max" if (group / "cpu.max").exists() else "cfs quota (v1)")

    return hold


@contextlib.contextmanager
def _v2_group(percent: float) -> Iterator[Path]:
    """Make a group of cgroup v2 with a quota, at the root, where groups may stand beside processes."""
    root = next((path for path in mounts("cgroup2") if "cpu" in (path / "cgroup.controllers").read_text()), None)
    if root is None:
        raise OSError("no cpu controller in cgroup v2")
    (root / "cgroup.subtree_control").write_text("+cpu")
    with _group(root) as group:
        (group / "cpu.max").write_text(f"{percent / 100 * PERIOD_USEC:.0f} {PERIOD_USEC}")
        yield group


@contextlib.contextmanager
def _v1_group(percent: float) -> Iterator[Path]:
    """Make a group of cgroup v1 below our own."""
    rows = (line.split(":") for line in Path("/proc/self/cgroup").read_text().splitlines())
    own = next((where for _, controllers, where in rows if "cpu" in controllers.split(",")), "/")
    with _group(_V1 / own.lstrip("/")) as group:
        (group / "cpu.cfs_period_us").write_text(str(PERIOD_USEC))
        (group / "cpu.cfs_quota_us").write_text(f"{percent / 100 * PERIOD_USEC:.0f}")
        yield group


@contextlib.contextmanager
def _group(parent: Path) -> Iterator[Path]:
    group = parent / f"agentctl-bench-{os.getpid()}"
    group.mkdir()
    try:
        yield group
    finally:
        _remove(group)


def _remove(group: Path) -> None:
    """Remove *group* as soon as nobody is in it."""
    for _ in range(200):
        with contextlib.suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.01)


def mounts(kind: str) -> Iterator[Path]:
    """Yield where file systems of *kind* are mounted."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, where, what, *_ = line.split()
        if what == kind:
            yield Path(where)
