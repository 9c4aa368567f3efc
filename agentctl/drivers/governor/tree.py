"""One agent's processes as the governor knows them, and what they have used."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable

from agentctl.domain.agent import Identity
from agentctl.domain.names import AgentId
from agentctl.drivers.governor.composure import Composure
from agentctl.drivers.governor.frozen import FrozenTable
from agentctl.drivers.governor.gauge import Gauge, Look, open_gauge, proportional_bytes
from agentctl.drivers.processes import handles
from agentctl.drivers.processes.table import Source

_MOST_LOOKS = 3
_ROUNDING_SECONDS = 0.05  # clocks are exact and reaped time comes in ticks of 10 ms: a death may seem to lose some


class Member:
    """One process of a tree."""

    __slots__ = ("_descriptor", "bore", "composure", "gauge", "identity", "look", "spared")

    def __init__(self, identity: Identity, gauge: Gauge, look: Look, *, spared: bool) -> None:
        self.identity = identity
        self.gauge = gauge
        self.look = look
        self.spared = spared
        """It is never stopped: the shim, whom tmux would continue at once, and its inner shell."""
        self.bore = False
        """A child was born to it since somebody asked."""
        self.composure: Composure | None = None
        """What a level that spares the calm has seen of it."""
        self._descriptor: int | None = None

    @property
    def calm(self) -> bool:
        """Tell whether it is not held back for its tree's limit."""
        return self.composure is not None and self.composure.calm

    def send(self, source: Source, number: int) -> bool:
        """Send signal *number* to this very process; False where it is gone. Raises PermissionError."""
        if not handles.have_pidfds():
            return handles.send(source, self.identity, number)
        try:
            if self._descriptor is None and not self._open():
                return False
            signal.pidfd_send_signal(self._descriptor, number)  # type: ignore[arg-type]
        except ProcessLookupError:
            return False
        return True

    def close(self) -> None:
        """Let go of its files."""
        self.gauge.close()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> bool:
        """Get hold of the process, then see that it is still the same: then the handle can mean no other."""
        self._descriptor = os.pidfd_open(self.identity.pid)
        look = self.gauge.look()
        if look is not None and look.start_ticks == self.identity.start_ticks:
            return True
        os.close(self._descriptor)
        self._descriptor = None
        return False


class Tree:
    """Everything that runs for one agent, parents before their children."""

    def __init__(self, agent: AgentId, root: Identity, source: Source, table: FrozenTable) -> None:
        self.agent = agent
        self.root = root
        self.members: dict[int, Member] = {}
        self.has_inner_shell = False
        """The shell below the pane's own is known."""
        self.stale = False
        """Somebody was born on this machine since the last look at all members."""
        self.scattered = False
        """Somebody may be outside his group: he fled, or his parent is spared or calm, who has another or none."""
        self._source = source
        self._table = table
        self._own = 0.0
        self._reaped = 0.0
        self._counted = 0.0
        self._lost = 0.0
        """What members took with them whose time nobody in the tree inherited."""
        self._told = 0.0

    # --- who belongs to it ---

    def add(self, identity: Identity, *, spared: bool) -> bool:
        """Take a process in; False where it is gone already."""
        known = self.members.get(identity.pid)
        if known is not None and known.identity == identity:
            return True
        if known is not None:
            self._drop(identity.pid)
        gauge = open_gauge(self._source, identity)
        look = gauge.look() if gauge is not None else None
        if gauge is None or look is None:
            return False
        self.members[identity.pid] = Member(identity, gauge, look, spared=spared)
        self._reaped += look.reaped_seconds
        return True

    def keep_only(self, pids: Iterable[int]) -> None:
        """Let go of all others."""
        for pid in self.members.keys() - set(pids):
            self._drop(pid)

    def close(self) -> None:
        """Let go of all files."""
        for member in self.members.values():
            member.close()
        self.members.clear()

    # --- what it has used ---

    def used_seconds(self) -> float:
        """Return the CPU seconds used so far.

        Cheap where no child can have come and gone: nobody was born on the machine, or no member has run at all.
        """
        try:
            own = sum([member.gauge.own_seconds() for member in self.members.values()])
        except OSError:
            return self.refresh()
        if self.stale and own > self._own:
            return self.refresh()
        self.stale = False
        return self._tell(self._reaped + own)

    def refresh(self) -> float:
        """Look at every member again, let go of those that are gone, and return the CPU seconds used so far.

        A parent read before its child's death shows nothing of it, one read after shows all: only a look during which
        nobody died adds up.
        """
        counted, self.stale = self._counted, False
        for _ in range(_MOST_LOOKS):
            counted, all_there = self._look_at_all()
            if all_there:
                break
        return self._tell(counted)

    @property
    def resident_bytes(self) -> int:
        """Return the sum of resident sets as last seen; shared pages count more than once."""
        return sum(member.look.resident_bytes for member in self.members.values())

    def proportional_bytes(self) -> int | None:
        """Return what the tree holds with each shared page counted once, None where that is not told."""
        shares = [proportional_bytes(pid) for pid in self.members]
        known = [share for share in shares if share is not None]
        return sum(known) if known else None

    @property
    def count(self) -> int:
        """Return how many processes run, the shim's own shells left out."""
        return sum(not member.spared and not member.look.ended for member in self.members.values())

    @property
    def threads(self) -> int:
        """Return how many threads may run at once."""
        return sum(member.look.threads for member in self.members.values() if not member.spared)

    # --- stopping it ---

    def stop_running(self) -> list[Member]:
        """Stop, parents first, who runs and may be stopped; return who was stopped by it.

        What somebody else has stopped stays his to continue. Raises PermissionError where one is not ours to signal.
        """
        stopped = []
        for member in list(self.members.values()):
            if member.spared or self._table.holds(member.identity) or not self._table.room:
                continue
            look = member.gauge.look()
            if look is None or look.ended or look.stopped:
                continue
            self._table.add(member.identity)
            try:
                if member.send(self._source, signal.SIGSTOP):
                    stopped.append(member)
                else:
                    self._table.remove(member.identity)
            except PermissionError:
                self._table.remove(member.identity)
                raise
        return stopped

    def stop_again(self) -> None:
        """Stop who was continued behind our back although the tree is to stand still."""
        for member in list(self.members.values()):
            if self._table.holds(member.identity):
                look = member.gauge.look()
                if look is not None and not look.stopped:
                    with contextlib.suppress(PermissionError):
                        member.send(self._source, signal.SIGSTOP)

    def go_on(self) -> None:
        """Continue, children first, everybody whom we have stopped."""
        for member in reversed(list(self.members.values())):
            if self._table.holds(member.identity):
                with contextlib.suppress(PermissionError):
                    member.send(self._source, signal.SIGCONT)
                self._table.remove(member.identity)

    def _look_at_all(self) -> tuple[float, bool]:
        own, reaped, gone = 0.0, 0.0, []
        for pid, member in self.members.items():
            look = member.gauge.look()
            try:
                own += member.gauge.own_seconds()
            except OSError:
                look = None
            if look is None:
                gone.append(pid)
            else:
                member.look = look
                reaped += look.reaped_seconds
        for pid in gone:
            self._drop(pid)
        self._own, self._reaped = own, reaped
        return own + reaped, not gone

    def _drop(self, pid: int) -> None:
        member = self.members.pop(pid)
        if self._table.holds(member.identity):
            with contextlib.suppress(PermissionError):
                member.send(self._source, signal.SIGCONT)
            self._table.remove(member.identity)
        member.close()

    def _tell(self, counted: float) -> float:
        """Return what was used in all: it never goes back."""
        if self._counted - counted > _ROUNDING_SECONDS:
            self._lost += self._counted - counted
        self._counted = counted
        self._told = max(self._told, counted + self._lost)
        return self._told
