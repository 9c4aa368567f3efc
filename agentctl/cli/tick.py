"""`tick`: for cron. Sees to it that the supervisor runs where it is to run, and that what is due is done.

The supervisor takes the slots, as ever: two ticks, or a tick beside it, cannot do one twice.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from agentctl.cli.last_known import last_known
from agentctl.cli.options import output_of
from agentctl.cli.supervisor_process import ensure_supervisor
from agentctl.control.client import ANSWER_SECONDS, Client
from agentctl.control.home import Home, find_home
from agentctl.domain.agent import AgentState
from agentctl.domain.errors import SupervisorUnreachable

_DONE_SECONDS = 40.0
"""How long to wait for checkpoints that are due: below cron's minute."""

_AT_REST = frozenset({AgentState.STOPPED, AgentState.FATAL, AgentState.CLOSED})
"""Nothing follows for these before a person wants it."""


def tick(
    context: typer.Context,
    *,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say what was done.")] = False,
) -> int:
    """Do what is due by time, and start the supervisor where agents are to run and none does; cron calls this.

    Does nothing after agentctl daemon stop, until somebody starts the supervisor again. Says nothing when all is well,
    and does nothing while another tick is at it.
    """
    home, output = find_home(), output_of(context)
    home.check()
    if not home.run.is_dir():
        return 0  # nothing was ever deployed here
    with _turn(home) as ours:
        words = _see_to(home) if ours else "another tick is at it"
    if verbose:
        output.say(words)
    return 0


def _see_to(home: Home) -> str:
    """Return in words what was done."""
    started = ""
    try:
        done = _ask(home)
    except SupervisorUnreachable:
        if not _is_to_run(home):
            return "no supervisor runs, and none is to run"
        ensure_supervisor(home)
        started, done = "the supervisor was started; ", _ask(home)
    taken = f"done: {', '.join(done['taken'])}" if done["taken"] else "nothing was due"
    return f"{started}{taken}{'' if done['finished'] else '; checkpoints are under way'}"


def _ask(home: Home) -> dict[str, Any]:
    return dict(Client(home).call("tick", {"wait": _DONE_SECONDS}, timeout=_DONE_SECONDS + ANSWER_SECONDS))


def _is_to_run(home: Home) -> bool:
    """Tell whether there is something for a supervisor to do, and no person who wants none."""
    if home.stay_down.exists():
        return False
    rows, _ = last_known(home, ())
    return any(AgentState(row["state"]) not in _AT_REST for row in rows)


@contextlib.contextmanager
def _turn(home: Home) -> Iterator[bool]:
    """Yield whether no other tick is at it; its file's time says when the last one ended well."""
    lock = os.open(home.ticked, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
            os.utime(lock)
    finally:
        os.close(lock)
