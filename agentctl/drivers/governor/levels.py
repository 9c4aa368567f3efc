"""The ways to hold a tree back: one class each, chosen by what this machine allows.

Two kinds of them: with a *duty* the tree is stopped and let go many times a second, without one it is slowed once and
held so until it wants less.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from agentctl.domain.resources import Level
from agentctl.drivers.governor import cgroups
from agentctl.drivers.governor.composure import Composure, allowance
from agentctl.drivers.governor.tree import Member, Tree

_PASSES = 10
"""Looks for newcomers while a tree is being stopped, or put into a group: two do as a rule."""

_POLITE = 19
"""The lowest weight that an autogroup can have."""


class Hold(Protocol):
    """Holds one tree."""

    level: Level
    duty: bool

    def used_seconds(self) -> float:
        """Return the CPU seconds used so far."""
        ...

    def count(self) -> int:
        """Return how many processes the tree has, the shim's own shells left out."""
        ...

    def slow(self, share: float) -> None:
        """Bring the tree to a stop, or where there is no duty hold it to *share* of a core; raises OSError."""
        ...

    def let_go(self) -> None:
        """Let the tree run freely."""
        ...

    def freeze(self) -> None:
        """Bring the tree to a stop until `thaw`; raises OSError where this level cannot."""
        ...

    def quell(self) -> None:
        """Bring a tree that multiplies to an end of it: stop it, or where new ones would come faster, kill it."""
        ...

    def thaw(self) -> None:
        """Let a tree go on that was frozen."""
        ...

    def close(self) -> None:
        """Let go of the tree for good."""
        ...


class _Loose:
    """What the levels have in common that know a tree by its members."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def used_seconds(self) -> float:
        """Return the CPU seconds used so far."""
        return self._tree.used_seconds()

    def count(self) -> int:
        """Return how many processes the tree has."""
        return self._tree.count


class Signals(_Loose):
    """SIGSTOP and SIGCONT to everything below the shim."""

    level, duty = Level.SIGNALS, True

    def __init__(self, tree: Tree, discover: Callable[[], bool]) -> None:
        """Take *tree*; *discover* takes in who was born lately, and tells whether anybody was."""
        super().__init__(tree)
        self._discover = discover

    def slow(self, share: float) -> None:
        """Stop them, parents first, until nobody new turns up."""
        del share
        self.freeze()

    def freeze(self) -> None:
        """Stop them, parents first, until nobody new turns up."""
        self._discover()
        for _ in range(_PASSES):
            if not self._tree.stop_running() or not self._discover():
                break

    def quell(self) -> None:
        """Kill the pane's whole process group, which no fork escapes; stop what had left it."""
        _kill_group(self._tree)
        self.freeze()

    def let_go(self) -> None:
        """Continue them, children first."""
        self._tree.go_on()

    thaw = let_go

    def close(self) -> None:
        """Continue them."""
        self._tree.go_on()


class _Group:
    """What the levels with a cgroup have in common."""

    def __init__(
        self, tree: Tree, base: Path, limits: tuple[int | None, int | None], discover: Callable[[], bool]
    ) -> None:
        """Put *tree* into a group of its own below *base*, with *limits* of memory and tasks; raises OSError.

        *discover* takes in who was born lately, and tells whether anybody was.
        """
        self._tree = tree
        self._discover = discover
        self.group = cgroups.Group(base, _name(tree))
        self._used_before = tree.refresh() - self.group.used_seconds()
        self.bound(limits)
        self.gather()

    def gather(self) -> bool:
        """Put members in that are not, and who was born to them on their way; later children follow by themselves.

        Returns False where new ones turn up again and again. Raises OSError where nobody can be put in.
        """
        return any(not self._fetch() or not self._discover() for _ in range(_PASSES))

    def _fetch(self) -> bool:
        """Put members in that are not; tell whether any were."""
        inside, refused = set(self.group.pids()), None
        missing = [(pid, member) for pid, member in list(self._tree.members.items()) if pid not in inside]
        fetched = False
        for pid, member in missing:
            if not member.spared and not member.calm and not member.look.ended:
                try:
                    self._move(pid, member)
                    fetched = True
                except ProcessLookupError:
                    continue
                except OSError as error:
                    refused = error
        if refused is not None and not fetched and not inside:
            raise refused
        return fetched

    def bound(self, limits: tuple[int | None, int | None]) -> None:
        """Have the kernel hold memory and tasks where it can."""
        memory, tasks = limits
        if self.group.has("memory"):
            self.group.set_memory(memory)
        if self.group.has("pids"):
            self.group.set_tasks(tasks)

    def used_seconds(self) -> float:
        """Return the CPU seconds used so far."""
        return self._used_before + self.group.used_seconds()

    def count(self) -> int:
        """Return how many processes the group has: known at once, however many were born."""
        return len(self.group.pids()) + len(self.group.pids(calm=True))

    def part(self, share: float) -> None:
        """Tell who is calm from who is not, before the latter are held to *share* of a core; raises OSError."""
        now, members = time.monotonic(), [one for one in self._tree.members.values() if not one.spared]
        allowed = allowance(share, (one.composure for one in members if one.composure is not None), now)
        for member in members:
            with contextlib.suppress(OSError):  # it is gone
                self._judge(member, now, allowed)

    def _judge(self, member: Member, now: float, allowed: float) -> None:
        """Put *member* where it belongs by what it took since the last time; *allowed* is what a calm one may take."""
        seen, used = member.composure, member.gauge.own_seconds()
        if seen is None:
            member.composure = Composure(now, used, since=now)
            return
        was, bore, member.bore = seen.calm, member.bore, False
        if seen.look(now, used, allowed, bore=bore) != was:
            self._move(member.identity.pid, member)

    def freeze(self) -> None:
        """Bring the group to a stop."""
        self.group.freeze(on=True)

    quell = freeze

    def thaw(self) -> None:
        """Let the group go on."""
        self.group.hold_back(on=False)
        self.group.freeze(on=False)

    def close(self) -> None:
        """Let the group go on and leave it where somebody is in it still."""
        with contextlib.suppress(OSError):
            self.thaw()
        self.group.close()

    def _move(self, pid: int, member: Member) -> None:
        """Move that very process; one that took its pid meanwhile goes back to where it was."""
        before = cgroups.group_of(pid)
        self.group.move(pid, calm=member.calm)
        look = member.gauge.look()
        if (look is None or look.start_ticks != member.identity.start_ticks) and before is not None:
            with contextlib.suppress(OSError):
                cgroups.move_back(before, pid)


class Freezer(_Group):
    """A cgroup that is frozen and thawed: unseen by the programs, and no fork escapes."""

    level, duty = Level.FREEZER, True

    def slow(self, share: float) -> None:
        """Bring all who are not calm to a stop."""
        self.part(share)
        self.group.hold_back(on=True)

    def let_go(self) -> None:
        """Let them go on."""
        self.group.hold_back(on=False)


class Quota(_Group):
    """A cgroup with a quota: the kernel holds it, and we say when."""

    level, duty = Level.QUOTA, False

    def slow(self, share: float) -> None:
        """Set the quota of all who are not calm."""
        self.part(share)
        self.group.set_quota(share)

    def let_go(self) -> None:
        """Take the quota away."""
        self.group.set_quota(None)

    def throttled_seconds(self) -> float:
        """Return how long the kernel has held it back so far."""
        return self.group.throttled_seconds()


class Nice(_Loose):
    """The weight of its session against everything else: it yields, and takes all that nobody wants."""

    level, duty = Level.NICE, False

    def slow(self, share: float) -> None:
        """Give it the lowest weight."""
        del share
        self._weigh(_POLITE)

    def let_go(self) -> None:
        """Give it its own weight back."""
        with contextlib.suppress(OSError):
            self._weigh(0)

    def freeze(self) -> None:
        """Give it the lowest weight: this level can do no more."""
        self._weigh(_POLITE)

    def quell(self) -> None:
        """Kill the pane's whole process group."""
        _kill_group(self._tree)

    thaw = close = let_go

    def _weigh(self, nice: int) -> None:
        """Weigh each session of the tree; raises OSError where the system knows no such thing."""
        for pid, member in self._tree.members.items():
            path = f"/proc/{pid}/autogroup"
            if member.spared or os.getsid(pid) == pid:
                descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
                try:
                    os.write(descriptor, str(nice).encode())
                finally:
                    os.close(descriptor)


class Watch(_Loose):
    """Nothing is held; what is used is seen."""

    level, duty = Level.WATCH, False

    def slow(self, share: float) -> None:
        """Do nothing."""

    def let_go(self) -> None:
        """Do nothing."""

    freeze = thaw = close = let_go

    def quell(self) -> None:
        """Kill the pane's whole process group: watching must not cost the machine."""
        _kill_group(self._tree)


def _kill_group(tree: Tree) -> None:
    """Kill the group that the pane's process leads: in one call, which a process that forks cannot outrun.

    Stopping it is no way: tmux continues the whole group as soon as it hears that the pane's process was stopped.
    """
    root = tree.members.get(tree.root.pid)
    look = root.gauge.look() if root is not None else None
    if look is not None and look.start_ticks == tree.root.start_ticks and not look.ended:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(tree.root.pid, signal.SIGKILL)


def _name(tree: Tree) -> str:
    """Return the name of its group: names of agents hold no dots, and a start is a new one."""
    return f"{tree.agent.replace('/', '.')}.{tree.root.pid}"
