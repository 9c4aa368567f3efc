"""All trees together: who belongs to which, kept up to date without a pass over the process table each time."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from agentctl.domain.agent import Identity
from agentctl.domain.names import AgentId
from agentctl.drivers.governor.frozen import FrozenTable
from agentctl.drivers.governor.newborn import Newborn
from agentctl.drivers.governor.tree import Tree
from agentctl.drivers.processes import SystemProcesses, handles
from agentctl.drivers.processes.table import Entry
from agentctl.drivers.shim import INNER

PASS_EVERY = 10.0
"""Seconds between two passes over all processes: only they find one that fled its tree with our mark on it."""

_SHORTEST_PAUSE = 1.0
"""Seconds; where newcomers cannot be told one by one, no pass follows another sooner."""

_SWARM, _SAMPLED = 256, 48
"""So many births between two looks are counted by a sample of so many."""

_SHELL = f"/bin/sh -c {INNER}".rstrip()


class Grove:
    """The trees of all agents."""

    def __init__(self, processes: SystemProcesses, table: FrozenTable) -> None:
        self.trees: dict[AgentId, Tree] = {}
        self._processes = processes
        self._table = table
        self._newborn = Newborn()
        self._passed_at = -PASS_EVERY
        self._owed = True
        self._coming: range | None = None
        self._owners: dict[int, Tree] = {}

    def plant(self, roots: Mapping[AgentId, Identity]) -> None:
        """Have a tree for each of *roots* and no others."""
        for agent, tree in list(self.trees.items()):
            if roots.get(agent) != tree.root:
                tree.close()
                del self.trees[agent]
        fresh = [agent for agent in roots if agent not in self.trees]
        for agent in fresh:
            self.trees[agent] = Tree(agent, roots[agent], self._processes.source, self._table)
        self._owed = self._owed or bool(fresh)

    def spare(self, processes: Collection[Identity]) -> None:
        """Never count *processes* as any agent's."""
        for process in processes:
            self._processes.spare(process)

    def births(self) -> bool:
        """Tell whether anybody was born on the machine whom `discover` has not taken in, or all are to be looked at."""
        self._coming = self._newborn.coming()
        return self._owed or self._coming is None or bool(self._coming)

    def swarms(self) -> dict[AgentId, int]:
        """Return about how many were born of each tree, where very many were: taking each in would take too long.

        As of the last call of `births`. Goes by a few of them and by the session of the pane, which nobody joins from
        outside.
        """
        born = self._coming
        if born is None or len(born) < _SWARM:
            return {}
        sampled = [self._processes.source.entry(pid) for pid in born[:: max(1, len(born) // _SAMPLED)]]
        sessions = [entry.session for entry in sampled if entry is not None and not entry.ended]
        each = len(born) / len(sampled)
        return {agent: round(each * sessions.count(tree.root.pid)) for agent, tree in self.trees.items()}

    def discover(self, now: float) -> None:
        """Take in who was born since the last call; where that cannot be told, or now and then, look at all."""
        born = self._newborn.since()
        if born is not None and not self._owed and now - self._passed_at < PASS_EVERY:
            self._take_births(born)
        elif self._owed or now - self._passed_at >= _SHORTEST_PAUSE:
            self._look_at_all(now)
        else:
            self._owed = True

    def discover_now(self) -> bool:
        """Take in who was born since the last call, with whatever look that takes; tell whether anybody may be new."""
        born = self._newborn.since()
        if born is None:
            self._look_at_all(self._passed_at)
        else:
            self._take_births(born)
        return born is None or bool(born)

    def _take_births(self, born: range) -> None:
        """Take in those of *born* whose parents are known; those that are gone are in their parents' reaped time."""
        if not born:
            return
        for tree in self.trees.values():
            tree.stale = True
        for pid in born:
            self._adopt(pid)

    def _adopt(self, pid: int) -> None:
        entry = self._processes.source.entry(pid)
        tree = self._owners.get(entry.parent) if entry is not None else None
        if entry is None or tree is None or entry.ended or entry.parent not in tree.members or handles.is_thread(pid):
            return
        self._take_in(tree, entry)
        parent = tree.members[entry.parent]
        parent.bore = True
        tree.scattered = tree.scattered or parent.spared or parent.calm

    def _look_at_all(self, now: float) -> None:
        """Find every tree's members in one pass over the process table."""
        found = self._processes.members({agent: tree.root for agent, tree in self.trees.items()})
        self._owners = {}
        for agent, entries in found.items():
            tree = self.trees[agent]
            tree.keep_only(entry.pid for entry in entries)
            for entry in entries:
                parent = tree.members.get(entry.parent)
                if parent is not None and entry.pid not in tree.members:
                    parent.bore = True
                self._take_in(tree, entry)
            tree.scattered = True
            tree.refresh()
        self._passed_at, self._owed = now, False

    def _take_in(self, tree: Tree, entry: Entry) -> None:
        identity = Identity(self._processes.source.boot, entry.pid, entry.start_ticks)
        if tree.add(identity, spared=self._is_shim(tree, entry)):
            self._owners[entry.pid] = tree

    def _is_shim(self, tree: Tree, entry: Entry) -> bool:
        """Tell whether it is the pane's own shell, or the one below it that waits for the agent."""
        if entry.pid == tree.root.pid:
            return True
        if tree.has_inner_shell or entry.parent != tree.root.pid:  # what an agent leaves behind hangs there as well
            return False
        tree.has_inner_shell = self._processes.source.command(entry.pid).startswith(_SHELL)
        return tree.has_inner_shell
