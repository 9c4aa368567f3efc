"""Questions before something is ended; an answer never comes from a pipe."""

from __future__ import annotations

import sys

from agentctl.cli.call import Call
from agentctl.domain.errors import PersonNeeded
from agentctl.domain.text import safe_text


def confirm(question: str, call: Call, *, yes: bool) -> None:
    """Return when a person said yes (or `--yes` did); raises `PersonNeeded` where nobody can, or says no."""
    if yes:
        return
    if not asks(call):
        raise PersonNeeded(f"{question} A person is needed to answer", hint="pass --yes to go on without")
    if ask(f"{question} [y/N] ").lower() not in ("y", "yes"):
        raise PersonNeeded("left as it is")


def confirm_name(question: str, name: str, call: Call, *, given: str) -> None:
    """As `confirm`, for what cannot be undone: the answer is the thing's *name*, typed or *given* by a flag."""
    if given:
        if given != name:
            raise PersonNeeded(f"--confirm={given} does not name {name}", hint=f"pass --confirm={name}")
        return
    if not asks(call):
        raise PersonNeeded(f"{question} A person is needed to answer", hint=f"pass --confirm={name}")
    if ask(f"{question} Type its name to go on: ") != name:
        raise PersonNeeded("left as it is")


def asks(call: Call) -> bool:
    """Tell whether there is a person to ask."""
    return not call.no_input and sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> str:
    """Return what a person types; only where `asks` said that there is one."""
    sys.stderr.write(safe_text(question))
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise PersonNeeded("left as it is")
    return line.strip()
