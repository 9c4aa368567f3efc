"""What a tree has used since it was first looked at, short-lived children included.

The sum over its members of their own clocks and of what they reaped is a state of the tree, not a sum of differences:
a child that lived and died between two looks is in its parent's reaped time, and in nothing else.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from agentctl.domain.agent import Identity
from agentctl.domain.names import AgentId
from agentctl.domain.ports import Usage
from agentctl.drivers.processes.table import Entry, Source, Spent

_MOST_LOOKS = 3
_ROUNDING_SECONDS = 0.05  # clocks are exact and reaped time comes in ticks of 10 ms: a death may seem to lose some


@dataclass(slots=True)
class _Account:
    root: Identity
    pids: set[int] = field(default_factory=set)
    counted: float = 0.0
    """What the members showed at the last look."""
    lost: float = 0.0
    """What members took with them whose time nobody in the tree inherited."""
    told: float = 0.0


class Ledger:
    """Turns members into usage; remembers each tree's last figure, so that it never goes back."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._accounts: dict[AgentId, _Account] = {}

    def take(self, agent: AgentId, root: Identity, members: Collection[Entry]) -> Usage:
        """Return what the tree of *root* with these *members* has used."""
        account = self._accounts.get(agent)
        if account is None or account.root != root:
            account = self._accounts[agent] = _Account(root)
        spent = self._look(members, account.pids)
        counted = sum(one.own_seconds + one.reaped_seconds for one in spent.values())
        if account.counted - counted > _ROUNDING_SECONDS:
            account.lost += account.counted - counted
        account.counted = counted
        account.pids = set(spent)
        account.told = max(account.told, counted + account.lost)
        running = sum(not entry.ended for entry in members if entry.pid in spent)
        return Usage(account.told, sum(one.memory_bytes for one in spent.values()), running)

    def keep_only(self, agents: Collection[AgentId]) -> None:
        """Close the accounts of all others."""
        for agent in self._accounts.keys() - set(agents):
            del self._accounts[agent]

    def _look(self, members: Collection[Entry], before: Collection[int]) -> dict[int, Spent]:
        """Read every member's clocks; where one vanished, read all afresh: its time may be counted twice or not at all.

        A parent read before its child's death shows nothing of it, one read after shows all: only a look during which
        nobody died adds up.
        """
        spent = self._read(members)
        vanished = len(spent) < len(members) or not set(before) <= spent.keys()
        for _ in range(_MOST_LOOKS):
            if not vanished:
                break
            fresh = [entry for entry in map(self._source.entry, spent) if entry is not None]
            again = self._read(fresh)
            vanished = len(again) < len(spent)
            spent = again
        return spent

    def _read(self, members: Collection[Entry]) -> dict[int, Spent]:
        spent = ((entry.pid, self._source.spent(entry)) for entry in members)
        return {pid: one for pid, one in spent if one is not None}
