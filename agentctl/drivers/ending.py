"""Ending whole trees now, step by step, without an event loop: what an emergency needs.

The supervisor does the same as a state machine of its loop; here the steps are TERM to all at once, a grace, KILL for
what is left, and looking again, because a tree may grow while it is being cut.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from agentctl.domain.agent import Identity
from agentctl.domain.names import AgentId
from agentctl.domain.ports import Processes

_STEP_SECONDS = 0.02
_KILL_SECONDS = 0.3  # a killed process is gone in milliseconds, unless the kernel itself is stuck in it
_MOST_ROUNDS = 10  # in quick succession: a tree that forks on gets no time to


class Forest(Processes, Protocol):
    """Processes that can show many trees from one pass."""

    def trees(self, roots: Mapping[AgentId, Identity | None]) -> dict[AgentId, list[Identity]]:
        """Return every process of every agent in *roots*."""
        ...


def end_all(
    processes: Forest,
    found: Mapping[AgentId, list[Identity]],
    *,
    grace_seconds: float,
    wait: Callable[[float], None],
) -> list[Identity]:
    """End every process in *found*, and what joins their trees meanwhile; return those that are alive in spite of it.

    TERM is followed by CONT, because a stopped process acts on neither TERM nor its own end.
    """
    targets = {one for tree in found.values() for one in tree}
    targets |= _look_again(processes, found)
    _tell(processes, targets)
    left = _await_end(processes, targets, grace_seconds, wait)
    for _ in range(_MOST_ROUNDS):
        left = {one for one in left if processes.alive(one)} | _look_again(processes, found)
        if not left:
            return []
        processes.signal(left, signal.SIGKILL)
    left = _await_end(processes, left, _KILL_SECONDS, wait) | _look_again(processes, found)
    return sorted(left, key=lambda one: one.pid)


def end_these(
    processes: Processes, targets: Iterable[Identity], *, grace_seconds: float, wait: Callable[[float], None]
) -> list[Identity]:
    """End exactly *targets*, TERM first and KILL after the grace; return those that are alive in spite of it."""
    left = set(targets)
    _tell(processes, left)
    left = _await_end(processes, left, grace_seconds, wait)
    processes.signal(left, signal.SIGKILL)
    return sorted(_await_end(processes, left, _KILL_SECONDS, wait), key=lambda one: one.pid)


def _tell(processes: Processes, targets: set[Identity]) -> None:
    processes.signal(targets, signal.SIGTERM)
    processes.signal(targets, signal.SIGCONT)


def _look_again(processes: Forest, found: Mapping[AgentId, list[Identity]]) -> set[Identity]:
    # The first of a tree is its root, where it has one; the others are known by mark, and because they were seen.
    trees = processes.trees({agent: tree[0] if tree else None for agent, tree in found.items()})
    return {one for tree in trees.values() for one in tree}


def _await_end(
    processes: Processes, targets: set[Identity], seconds: float, wait: Callable[[float], None]
) -> set[Identity]:
    """Wait up to *seconds* for all *targets* to end and return those that have not."""
    left = {one for one in targets if processes.alive(one)}
    while left and seconds > 0:
        wait(min(_STEP_SECONDS, seconds))
        seconds -= _STEP_SECONDS
        left = {one for one in left if processes.alive(one)}
    return left
