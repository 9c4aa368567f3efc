"""What this machine allows: each way of holding is tried on a process of our own, and read back."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from agentctl.drivers.governor import cgroups

_WITHIN = 1.0
_LOOK_EVERY = 0.005
_LIMIT_BYTES, _LIMIT_TASKS, _SHARE = 64 * 2**20, 100, 0.4


@dataclass(frozen=True, slots=True)
class Able:
    """One way of holding that was tried."""

    what: str
    """`CPU` or `memory` and so on, and by which means."""
    ok: bool
    how: str
    """What works, or why it does not."""


def probe(wait: Callable[[float], None], server: int | None = None) -> list[Able]:
    """Try everything; *server* is the terminal's, whose scope may be ours to divide. *wait* waits some seconds."""
    argv = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"]
    sleeper = subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        return [*_try_groups(sleeper.pid, server, wait), _try_signals(sleeper.pid, wait), _try_weight(sleeper.pid)]
    finally:
        sleeper.kill()
        sleeper.wait()


def _try_groups(pid: int, server: int | None, wait: Callable[[float], None]) -> Iterator[Able]:
    home = f"probe-{secrets.token_hex(4)}"
    scope = cgroups.scope_of(server) if server is not None else None
    # In the group of a server whose agents have groups already; an empty one of its own is all that is made there.
    base = cgroups.make_base(home, scope)
    if base is None:
        yield Able("cgroup", ok=False, how=_why_no_group())
        return
    before = cgroups.group_of(pid)
    try:
        group = cgroups.Group(base, "probe")
        group.move(pid)
        yield _attempt("CPU quota", lambda: _quota(group))
        yield _attempt("CPU freezer", lambda: _freezer(group, wait))
        yield _attempt("memory", lambda: _memory(group))
        yield _attempt("processes", lambda: _tasks(group))
        if before is not None:
            cgroups.move_back(before, pid)
        group.close()
    except OSError as error:
        yield Able("cgroup", ok=False, how=f"no process may be put into {base}: {error.strerror}")
    finally:
        cgroups.clear(base)


def _attempt(what: str, work: Callable[[], str]) -> Able:
    try:
        return Able(what, ok=True, how=work())
    except OSError as error:
        return Able(what, ok=False, how=error.strerror or str(error))


def _quota(group: cgroups.Group) -> str:
    if not group.has("cpu"):
        raise OSError(0, "the cpu controller is not handed down to us")
    group.set_quota(_SHARE)
    said = group.quota_file.read_text().split()
    if int(said[0]) != round(_SHARE * int(said[1])):
        raise OSError(0, f"cpu.max reads back {' '.join(said)}")
    return "the kernel holds it (cpu.max)"


def _freezer(group: cgroups.Group, wait: Callable[[float], None]) -> str:
    group.freeze(on=True)
    try:
        _until(lambda: "frozen 1" in (group.path / "cgroup.events").read_text(), wait)
    finally:
        group.freeze(on=False)
    return "frozen and thawed many times a second (cgroup.freeze)"


def _memory(group: cgroups.Group) -> str:
    if not group.has("memory"):
        raise OSError(0, "the memory controller is not handed down to us: use is watched, and a tree above it stopped")
    group.set_memory(_LIMIT_BYTES)
    if int((group.path / "memory.high").read_text()) != _LIMIT_BYTES:
        raise OSError(0, "memory.high does not keep what is written")
    return "the kernel holds it (memory.high, memory.max)"


def _tasks(group: cgroups.Group) -> str:
    if not group.has("pids"):
        raise OSError(0, "the pids controller is not handed down to us: they are counted, and a tree with more stopped")
    group.set_tasks(_LIMIT_TASKS)
    return "the kernel holds their number (pids.max)"


def _try_signals(pid: int, wait: Callable[[float], None]) -> Able:
    try:
        os.kill(pid, signal.SIGSTOP)
        _until(lambda: ") T " in Path(f"/proc/{pid}/stat").read_text(), wait)
        os.kill(pid, signal.SIGCONT)
    except OSError as error:
        return Able("CPU signals", ok=False, how=error.strerror or str(error))
    return Able("CPU signals", ok=True, how="stopped and continued many times a second (SIGSTOP, SIGCONT)")


def _try_weight(pid: int) -> Able:
    try:
        path = Path(f"/proc/{pid}/autogroup")
        path.write_text("1")
        weighs = "nice 1" in path.read_text()
    except OSError as error:
        return Able("CPU nice", ok=False, how=error.strerror or str(error))
    how = "its session yields to all others (autogroup)" if weighs else "this kernel does not weigh sessions"
    return Able("CPU nice", ok=weighs, how=how)


def _until(holds: Callable[[], bool], wait: Callable[[float], None]) -> None:
    end = time.monotonic() + _WITHIN
    while not holds():
        if time.monotonic() > end:
            raise OSError(0, "without effect")
        wait(_LOOK_EVERY)


def _why_no_group() -> str:
    if cgroups.mount_point() is None:
        return "there is no cgroup v2 here"
    own = cgroups.group_of("self")
    return f"no group may be made in {own}, and no scope of systemd was handed to us"
