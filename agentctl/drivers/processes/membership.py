"""Whose a process is: by descent, by mark, or because it was seen to be so before.

Pure work on one pass: an agent's tree is what hangs below its root, below any process with its mark, and below any that
was in its tree in a former pass (a daemon that cleared its environment after its parent had died).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping

from agentctl.domain.names import AgentId
from agentctl.drivers.processes.marks import Mark
from agentctl.drivers.processes.table import Table


def group_children(table: Table) -> dict[int, list[int]]:
    """Return the children of every process that has some."""
    children: dict[int, list[int]] = {}
    for pid, entry in table.items():
        children.setdefault(entry.parent, []).append(pid)
    return children


def walk_down(children: Mapping[int, list[int]], seeds: Iterable[int], stops: Collection[int]) -> set[int]:
    """Return *seeds* and all that hangs below them; neither enter nor return *stops*."""
    found = set()
    waiting = list(seeds)
    while waiting:
        pid = waiting.pop()
        if pid not in found and pid not in stops:
            found.add(pid)
            waiting.extend(children.get(pid, ()))
    return found


def sort_down(table: Table, found: Collection[int]) -> list[int]:
    """Return the pids *found*, every parent before its children."""
    children: dict[int, list[int]] = {}
    for pid in found:
        children.setdefault(table[pid].parent, []).append(pid)
    line = [pid for pid in found if table[pid].parent not in found]
    for pid in line:  # it grows while it is read
        line.extend(children.get(pid, ()))
    return line


def find_strangers(
    table: Table, marks: Mapping[int, Mark], children: Mapping[int, list[int]], home: str, spared: Collection[int]
) -> set[int]:
    """Return what is no agent's although it may stand below one or carry its mark.

    That is this process, the home's supervisor with what it started for itself, and *spared*. Where this process was
    itself started by an agent, what it started has the agent's mark from it and is no agent's either.
    """
    me = os.getpid()
    strangers = {me, *spared}
    strangers.update(pid for pid, mark in marks.items() if mark.supervisor and mark.home == home)
    mine = marks.get(me)
    if mine is not None and mine.agent is not None:
        inherited = (pid for pid in walk_down(children, [me], ()) if marks.get(pid) == mine)
        strangers.update(inherited)
    return strangers & table.keys()


class Memory:
    """Who was seen in whose tree: kept from pass to pass, forgotten when the very process is gone."""

    def __init__(self) -> None:
        self._seen: dict[AgentId, dict[int, int]] = {}

    def keep(self, agent: AgentId, starts: Mapping[int, int]) -> None:
        """Remember the processes with these pids and start times as the agent's."""
        if starts:
            self._seen.setdefault(agent, {}).update(starts)

    def recall(self, agent: AgentId, table: Table) -> list[int]:
        """Return who of the agent's remembered processes is in *table* still, and forget the others."""
        seen = self._seen.get(agent)
        if not seen:
            return []
        here = {pid: start for pid, start in seen.items() if pid in table and table[pid].start_ticks == start}
        self._seen[agent] = here
        return list(here)
