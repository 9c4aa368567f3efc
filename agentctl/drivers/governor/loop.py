"""The governor's loop: orders in, reins held, one round a second out.

One thread that sleeps until the next rein is due. Nothing here waits for anything else.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from operator import attrgetter

from agentctl.domain.names import AgentId
from agentctl.domain.resources import Brake, Leash, Level, Round, Sample
from agentctl.drivers.governor.choice import Means, choose, kernel_limits, levels
from agentctl.drivers.governor.grove import Grove
from agentctl.drivers.governor.guardian import HANGS_AFTER, Guard
from agentctl.drivers.governor.levels import Freezer, Quota, Watch
from agentctl.drivers.governor.machine_load import MachineLoad
from agentctl.drivers.governor.rein import Rein
from agentctl.drivers.governor.watchman import Watchman
from agentctl.drivers.governor.wire import pack_round, unpack_order
from agentctl.drivers.processes import SystemProcesses

_ROUND = 1.0
_LEAST_ROUND = 0.01  # seconds: of less no share of a core can be told
_ASK = 0.02
"""Seconds at least between two questions who was born; whoever is stopped by signals asks anew."""
_MOST_BYTES = 1 << 20
_DISARM_AFTER = 2.0
"""Seconds in which nothing stood still; then the guardian need not watch the heart."""


# Asked of every tree at each wake-up.
_due: Callable[[object], float] = attrgetter("due")
_stands: Callable[[object], bool] = attrgetter("stands")
_is_scattered: Callable[[object], bool] = attrgetter("scattered")


class Loop:
    """Holds all trees of one supervisor."""

    def __init__(self, channel: socket.socket, processes: SystemProcesses, guard: Guard, means: Means) -> None:
        """Speak over *channel* and hold by *means*; *guard* undoes it all when we are gone."""
        self._channel = channel
        self._table = guard.table
        self._guard = guard
        self._means = means
        self._cores = os.cpu_count() or 1
        self._grove = Grove(processes, guard.table)
        self._reins: dict[AgentId, Rein] = {}
        self._watchmen: dict[AgentId, Watchman] = {}
        self._seen: dict[AgentId, tuple[float, float]] = {}
        """CPU seconds used and seconds stood still, up to the last round."""
        self._last: dict[AgentId, Sample] = {}
        self._load = MachineLoad()
        self._seen_load = self._load.look(1.0)
        self._buffer = b""
        self._round_at = time.monotonic()
        self._beat_at = self._stood_at = self._asked_at = 0.0

    def run(self) -> None:
        """Go on until the other side hangs up; then let everything run."""
        try:
            while self._hear(self._pause()):
                self._step(time.monotonic())
        finally:
            for rein in self._reins.values():
                with contextlib.suppress(OSError):
                    rein.let_go(time.monotonic())
            self._means.close()

    # --- orders ---

    def _hear(self, pause: float) -> bool:
        """Wait up to *pause* seconds and take in what was asked; False where the other side is gone."""
        readable, _, _ = select.select([self._channel], [], [], pause)
        if not readable:
            return True
        data = self._channel.recv(_MOST_BYTES)
        if not data:
            return False
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        if lines:
            self._obey(lines[-1])  # each order replaces the one before
        return True

    def _obey(self, order: bytes) -> None:
        now = time.monotonic()
        leashes, spared = unpack_order(order)
        self._grove.spare(spared)
        self._means.settle(one.pid for one in spared)
        for agent in [agent for agent, rein in self._reins.items() if not _is_same(rein, leashes.get(agent))]:
            self._forget(agent, now)
        if not self._reins:
            self._round_at = now
        self._grove.plant({agent: leash.root for agent, leash in leashes.items()})
        self._grove.discover(now)
        for agent, leash in leashes.items():
            self._take(agent, leash, now)

    def _take(self, agent: AgentId, leash: Leash, now: float) -> None:
        rein = self._reins.get(agent)
        if rein is None:
            rein = self._bridle(agent, leash, now, levels(self._means))
        elif rein.leash != leash:
            self._try(agent, rein, now, leash)
            self._watchmen[agent].come_back(now)  # what was within its bound may be past another
            if isinstance(rein.hold, Quota | Freezer):
                with contextlib.suppress(OSError):
                    rein.hold.bound(kernel_limits(leash))

    def _bridle(self, agent: AgentId, leash: Leash, now: float, wanted: list[Level]) -> Rein:
        """Take a new tree at the surest level that works on it."""
        tree = self._grove.trees[agent]
        for hold in choose(tree, leash, self._means.base, wanted, self._grove.discover_now):
            try:
                rein = Rein(tree, hold, leash, self._cores, now)
            except OSError:
                continue
            break
        else:
            rein = Rein(tree, Watch(tree), leash, self._cores, now)
        self._reins[agent] = rein
        self._watchmen[agent] = Watchman(tree, rein.hold, due=now, early=now)
        self._seen.setdefault(agent, (rein.used, 0.0))
        return rein

    def _try(self, agent: AgentId, rein: Rein, now: float, leash: Leash | None = None) -> None:
        """Have *rein* do what is due, or obey *leash*; where its level fails on this tree, take the next one."""
        try:
            if leash is not None:
                rein.obey(leash, now)
            else:
                rein.step(now)
        except OSError:
            with contextlib.suppress(OSError):
                rein.let_go(now)
            order = list(Level)
            lower = order[order.index(rein.hold.level) + 1 :] or [Level.WATCH]
            self._bridle(agent, leash or rein.leash, now, lower)

    def _forget(self, agent: AgentId, now: float) -> None:
        rein = self._reins.pop(agent)
        with contextlib.suppress(OSError):
            rein.let_go(now)
        del self._watchmen[agent], self._seen[agent]

    # --- time ---

    def _pause(self) -> float:
        if not self._reins:
            return 3600.0
        dues = map(_due, chain(self._reins.values(), self._watchmen.values()))
        due = min(self._round_at + _ROUND, *dues)
        return min(max(0.0, due - time.monotonic()), HANGS_AFTER / 3 if self._table.armed else math.inf)

    def _step(self, now: float) -> None:
        self._beat(now)
        if now >= self._asked_at + _ASK:
            self._asked_at = now
            self._take_in(now)
        if any(map(_is_scattered, self._grove.trees.values())):
            self._gather()
        for agent, rein in [(agent, rein) for agent, rein in self._reins.items() if rein.early <= now]:
            self._try(agent, rein, now)
            self._watchmen[agent].rouse(now, self._reins[agent].used)
        for agent, watchman in self._watchmen.items():
            if watchman.early <= now:
                self._watch(agent, watchman, now)
        if now >= self._round_at + _ROUND:
            self._tell(now)

    def _take_in(self, now: float) -> None:
        """Take in who was born since."""
        if self._grove.births():
            self._quell_swarms(now)
            self._grove.discover(now)
            for agent, rein in self._reins.items():
                most = rein.leash.processes
                if most is not None and len(rein.tree.members) > most and not rein.stands:
                    self._watchmen[agent].come_back(now)

    def _gather(self) -> None:
        """Put into their groups who did not come there by birth."""
        for rein in self._reins.values():
            if rein.tree.scattered and isinstance(rein.hold, Quota | Freezer):
                with contextlib.suppress(OSError):
                    rein.tree.scattered = not rein.hold.gather()
                    continue
            rein.tree.scattered = False

    def _quell_swarms(self, now: float) -> None:
        """Stop each tree that multiplies, before anything else: a look at its members would come too late."""
        for agent, many in self._grove.swarms().items():
            rein = self._reins[agent]
            if rein.leash.processes is not None and many > rein.leash.processes:
                rein.most_seen = many
                self._brake(rein, Brake.PROCESSES, now)

    def _beat(self, now: float) -> None:
        """Keep the guardian quiet; where it was not, for we came late, stop again what it has continued."""
        stands = any(map(_stands, self._reins.values()))
        if stands:
            self._stood_at = now
        if self._table.armed and now - self._beat_at >= HANGS_AFTER:
            for rein in self._reins.values():
                rein.stop_again()
        self._table.beat()
        self._beat_at = now
        if stands and not self._table.armed:
            self._guard.arm()
        elif self._table.armed and now - self._stood_at >= _DISARM_AFTER:
            self._table.armed = False

    def _watch(self, agent: AgentId, watchman: Watchman, now: float) -> None:
        rein = self._reins[agent]
        brake = watchman.look(now, rein.leash)
        if brake is not None:
            rein.most_seen = max(rein.most_seen, watchman.processes)
            self._brake(rein, brake, now)

    def _brake(self, rein: Rein, brake: Brake, now: float) -> None:
        """Tell, then stop: what is killed by it should not be taken for one that ended by itself."""
        if rein.brake is not None or rein.leash.released:
            return
        rein.brake = brake
        self._cry(rein)
        with contextlib.suppress(OSError):  # a level that cannot stop it has told of it all the same
            rein.stop_at_once(now)

    # --- rounds ---

    def _cry(self, braked: Rein) -> None:
        """Tell of a brake with the figures of the last round: to take fresh ones would be to wait."""
        agent = braked.tree.agent
        plain = Sample(agent, 0.0, 0.0, 0, "rss", 0, 0.0, 0.0, braked.hold.level)
        now = replace(self._last.get(agent, plain), brake=braked.brake, processes=max(braked.most_seen, 1))
        if braked.brake is Brake.MEMORY:
            watchman = self._watchmen[agent]
            now = replace(now, memory_bytes=watchman.bytes, memory_kind=watchman.kind, processes=braked.tree.count)
        self._last[agent] = now
        self._send(Round(datetime.now(UTC), _LEAST_ROUND, tuple(self._last.values()), self._seen_load))

    def _tell(self, now: float) -> None:
        seconds = max(now - self._round_at, _LEAST_ROUND)
        # On a grid, so that a round a second stays one; behind it after a sleep of the machine, we begin anew.
        self._round_at = self._round_at + _ROUND if _ROUND <= seconds < 2 * _ROUND else now
        self._last = {agent: self._sample(agent, rein, seconds, now) for agent, rein in self._reins.items()}
        self._seen_load = self._load.look(seconds)
        self._send(Round(datetime.now(UTC), seconds, tuple(self._last.values()), self._seen_load))

    def _send(self, seen: Round) -> None:
        """Send a round, or drop it where nobody reads: a supervisor that hangs must not make us hang."""
        _, writable, _ = select.select([], [self._channel], [], 0)
        if writable:  # at least three quarters of the buffer are free, which is many rounds
            with contextlib.suppress(ConnectionError):  # it has hung up: the next look at the channel says so
                self._channel.sendall(pack_round(seen))

    def _sample(self, agent: AgentId, rein: Rein, seconds: float, now: float) -> Sample:
        used, stood = rein.used_seconds(now), rein.stood_seconds(now)
        used_before, stood_before = self._seen[agent]
        self._seen[agent] = (used, stood)
        watchman = self._watchmen[agent]
        longest, rein.longest, rein.most_seen = rein.longest, 0.0, rein.most_seen if rein.brake else 0
        return Sample(
            agent=agent,
            cpu_percent=round(100 * max(0.0, used - used_before) / seconds, 2),
            cpu_seconds=round(used, 4),
            memory_bytes=watchman.bytes,
            memory_kind=watchman.kind,
            processes=max(rein.tree.count, rein.most_seen),
            throttled_percent=round(min(100.0, 100 * max(0.0, stood - stood_before) / seconds), 1),
            longest_stop=round(longest, 4),
            level=rein.hold.level,
            brake=rein.brake,
        )


def _is_same(rein: Rein, leash: Leash | None) -> bool:
    """Tell whether *leash* is for the very tree that *rein* holds."""
    return leash is not None and leash.root == rein.leash.root
