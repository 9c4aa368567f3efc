"""Control groups, version 2: finding what may be used, one group an agent below it, and the files in a group.

A group is a folder; what is said to it is written to its files. What a controller's file does not take raises OSError.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

_CONTROLLERS = ("cpu", "memory", "pids")
_QUOTA_PERIOD_USEC = 50_000
"""Half of the kernel's default: with it a tree of four busy processes at 20 % has stood still for 0.2 s at a time."""

_LEAST_QUOTA_USEC = 1000  # the kernel takes no less
_SCOPE = re.compile(r"agentctl-[A-Za-z0-9_.-]+\.scope")
_REST = "rest"
"""Of a scope: the group of the tmux server and of all that is no agent's."""

_HELD, _CALM = "held", "calm"
"""Of an agent's group: who is held back, and who is not. A group that hands controllers down holds nobody itself."""

_MOST_MOVES = 10  # who forks while it is moved leaves a child behind for the next round
_MOST_BYTES = 1 << 16
_OVER = 1.1
"""The wall (`memory.max`) stands this much above the limit, at which the kernel begins to press (`memory.high`)."""


def mount_point() -> Path | None:
    """Return where the groups of version 2 are mounted, None where they are not."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    for line in lines:
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 "):
            return Path(before.split(" ")[4].encode().decode("unicode_escape"))
    return None


def group_of(pid: int | str) -> Path | None:
    """Return the group of process *pid* (`self` for our own), None where it has none or is gone."""
    mount = mount_point()
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    path = next((line[3:] for line in lines if line.startswith("0::")), None)
    if mount is None or path is None or path.endswith(" (deleted)"):
        return None
    return mount / path.lstrip("/")


def groups(base: Path) -> Iterator[Path]:
    """Yield the agents' groups below *base*."""
    with contextlib.suppress(OSError), os.scandir(base) as found:
        for item in found:
            if item.is_dir(follow_symlinks=False):
                yield Path(item.path)


def scope_of(pid: int) -> Path | None:
    """Return the systemd scope that process *pid* is in, where it is one that was handed to us to divide."""
    group = group_of(pid)
    while group is not None and not _SCOPE.fullmatch(group.name):
        group = group.parent if group != group.parent else None
    return group


def make_base(home_id: str, scope: Path | None = None) -> Path | None:
    """Make the group below which this home's agents get theirs; None where no group may be made.

    It lies in *scope*, which was handed to us, else in our own group: there a container or a service that is delegated
    may divide. Controllers are handed down as far as the kernel allows it; the freezer needs none.
    """
    parent = scope or group_of("self")
    if parent is None:
        return None
    if scope is not None:
        _clear_out(scope)
    base = parent / f"agentctl-{home_id}"
    try:
        base.mkdir(exist_ok=True)
    except OSError:
        return None
    for folder in (parent, base):
        _hand_down(folder)
    return base


def bases(home_id: str) -> Iterator[Path]:
    """Yield every group that was made for the agents of this home, wherever it lies."""
    mount, name = mount_point(), f"agentctl-{home_id}"
    if mount is None:
        return
    for folder, below, _ in os.walk(mount):  # a group that vanishes meanwhile is passed over
        if name in below:
            yield Path(folder, name)


def clear(base: Path) -> bool:
    """Thaw and remove all that can be removed; tell whether *base* is there still, because somebody is in it."""
    sweep(base)
    with contextlib.suppress(OSError):
        base.rmdir()
    return base.exists()


def sweep(base: Path) -> None:
    """Thaw what a governor that died left frozen, and remove groups that hold nobody."""
    for group in groups(base):
        thaw(group)
        _remove(group)


class Group:
    """One agent's group; files that are used many times a second stay open. Raises OSError where it cannot be had.

    Memory and tasks are bounded for all who are in it, and all can be frozen. CPU time is kept from those only who are
    not calm.
    """

    def __init__(self, base: Path, name: str) -> None:
        """Make the group *name* below *base*, or take it over."""
        self.path = base / name
        for folder in (self.path, self.path / _HELD, self.path / _CALM):
            folder.mkdir(exist_ok=True)
        if self.has("cpu"):
            with contextlib.suppress(OSError):
                _write(self.path / "cgroup.subtree_control", "+cpu")
        self._files: dict[str, int] = {}
        self._counts_memory = self.has("memory")

    def close(self) -> None:
        """Let go of it; it is removed where nobody is in it any more, else by the next sweep."""
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files.clear()
        _remove(self.path)

    def move(self, pid: int, *, calm: bool = False) -> None:
        """Put process *pid* into it; raises OSError where that is not allowed, or it is gone. Takes milliseconds."""
        _write(self.path / (_CALM if calm else _HELD) / "cgroup.procs", str(pid))

    def pids(self, *, calm: bool = False) -> list[int]:
        """Return who is in it and held back, or those who are *calm*."""
        return [int(line) for line in self._read(f"{_CALM if calm else _HELD}/cgroup.procs").split()]

    def freeze(self, *, on: bool) -> None:
        """Bring everybody in it to a stop, or let them go on."""
        self._switch("cgroup.freeze", on=on)

    def hold_back(self, *, on: bool) -> None:
        """Bring all who are not calm to a stop, or let them go on."""
        self._switch(f"{_HELD}/cgroup.freeze", on=on)

    def set_quota(self, share: float | None) -> None:
        """Let all who are not calm have *share* of a core (1 is a whole one), None for all they want."""
        quota = "max" if share is None else str(max(_LEAST_QUOTA_USEC, round(share * _QUOTA_PERIOD_USEC)))
        _write(self.quota_file, f"{quota} {_QUOTA_PERIOD_USEC}")

    @property
    def quota_file(self) -> Path:
        """Return where the quota stands."""
        return self.path / _HELD / "cpu.max"

    def set_memory(self, limit: int | None) -> None:
        """Have the kernel press on it above *limit* bytes and kill in it above a tenth more."""
        _write(self.path / "memory.high", "max" if limit is None else str(limit))
        _write(self.path / "memory.max", "max" if limit is None else str(round(limit * _OVER)))

    def set_tasks(self, most: int | None) -> None:
        """Let it have at most so many tasks; threads count."""
        _write(self.path / "pids.max", "max" if most is None else str(most))

    def used_seconds(self) -> float:
        """Return the CPU seconds that were spent in it since it was made."""
        return int(self._read("cpu.stat").split(None, 2)[1]) / 1e6

    def throttled_seconds(self) -> float:
        """Return how long the quota has held it back, 0 where it has none."""
        return _pairs(self._read(f"{_HELD}/cpu.stat")).get(b"throttled_usec", 0) / 1e6

    def memory_bytes(self) -> int | None:
        """Return the memory of it that cannot simply be dropped, None where it is not counted."""
        if not self._counts_memory:
            return None
        try:
            counted = _pairs(self._read("memory.stat"))
        except OSError:
            return None
        return sum(counted.get(kind, 0) for kind in (b"anon", b"shmem", b"kernel"))

    def has(self, controller: str) -> bool:
        """Tell whether *controller* (cpu, memory, pids) works in it."""
        return has(self.path, controller)

    def _switch(self, name: str, *, on: bool) -> None:
        os.pwrite(self._open(name, os.O_RDWR), b"1" if on else b"0", 0)

    def _read(self, name: str) -> bytes:
        return os.pread(self._open(name, os.O_RDONLY), _MOST_BYTES, 0)

    def _open(self, name: str, flags: int) -> int:
        if name not in self._files:
            self._files[name] = os.open(self.path / name, flags | os.O_CLOEXEC)
        return self._files[name]


def move_back(group: Path, pid: int) -> None:
    """Put process *pid* into *group*, which is none of ours; raises OSError."""
    _write(group / "cgroup.procs", str(pid))


def thaw(group: Path) -> None:
    """Let everybody in an agent's *group* go on, as far as there is one."""
    for folder in (group, group / _HELD):
        with contextlib.suppress(OSError):
            _write(folder / "cgroup.freeze", "0")


def has(group: Path, controller: str) -> bool:
    """Tell whether *controller* (cpu, memory, pids) works in *group*."""
    with contextlib.suppress(OSError):
        return controller in (group / "cgroup.controllers").read_text().split()
    return False


def _remove(group: Path) -> None:
    """Remove an agent's *group*, where nobody is in it any more."""
    with contextlib.suppress(OSError):
        for folder in (*groups(group), group):
            folder.rmdir()


def _clear_out(scope: Path) -> None:
    """Move all that is in *scope* itself into a group below: a group that hands controllers down holds nobody."""
    rest = scope / _REST
    with contextlib.suppress(OSError):
        rest.mkdir(exist_ok=True)
        for _ in range(_MOST_MOVES):
            inside = (scope / "cgroup.procs").read_text().split()
            for pid in inside:
                with contextlib.suppress(ProcessLookupError):
                    _write(rest / "cgroup.procs", pid)
            if not inside:
                return


def has_below(group: Path, controller: str) -> bool:
    """Tell whether *controller* works in the groups below *group*."""
    with contextlib.suppress(OSError):
        return controller in (group / "cgroup.subtree_control").read_text().split()
    return False


def _hand_down(folder: Path) -> None:
    """Enable each controller for the groups below *folder*; one that cannot be is not to be had."""
    with contextlib.suppress(OSError):
        there = (folder / "cgroup.controllers").read_text().split()
        for controller in set(_CONTROLLERS).intersection(there):
            with contextlib.suppress(OSError):
                _write(folder / "cgroup.subtree_control", f"+{controller}")


def _pairs(data: bytes) -> dict[bytes, int]:
    pairs = (line.split() for line in data.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}  # noqa: PLR2004


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
