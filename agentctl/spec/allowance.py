"""What an agent's program allows it: the least memory it can live with, and how far it can be let go on by itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Literal, TypeAlias

from agentctl.domain.team import Limits
from agentctl.domain.units import format_bytes
from agentctl.spec.nodes import find
from agentctl.spec.programs import Program
from agentctl.spec.roles import AUTO
from agentctl.spec.roster import Draft, Load

Policy: TypeAlias = Literal["", "ask", "plan", "auto-edit", "auto"]

_MOST_NAMED = 5


def program_of(draft: Draft, load: Load) -> Program:
    """Return the program that *draft* will be, as far as is known."""
    return load.programs.get(draft.runner) or Program(draft.runner)


def is_coding(draft: Draft, load: Load) -> bool:
    """Tell whether *draft* will be a coding agent; what `auto` is where nobody knows is taken for one."""
    program = program_of(draft, load)
    return program.coding or program.name == AUTO


def memory_bytes(draft: Draft, load: Load) -> int | None:
    """Return the memory that *draft* may take, None for no limit; too little for its program is a problem.

    Where the file says nothing, it is our default, or what the program needs at least.
    """
    program, plain = program_of(draft, load), Limits().memory_bytes or 0
    written = draft.model.limits.memory if draft.model.limits else None
    if written is None:
        if program.least_memory_bytes > plain:
            load.raised.setdefault(program, []).append(draft.name)
        return max(plain, program.least_memory_bytes)
    if math.isinf(written):
        return None
    if written < program.least_memory_bytes:
        _tell_too_little(int(written), draft, load)
    return int(written)


def pulse(draft: Draft, load: Load) -> timedelta:
    """Return the pulse of *draft*: what the file says, else ours for a coding agent and none for all others."""
    written = draft.model.limits.pulse if draft.model.limits else None
    if written is not None:
        return written
    return Limits().pulse if is_coding(draft, load) else timedelta(0)


def raised_limits(raised: Mapping[Program, list[str]]) -> list[str]:
    """Return a sentence for each program whose agents get more memory than the default."""
    return [
        f"{_named(names)} may take {format_bytes(program.least_memory_bytes)} of memory, not the default "
        f"{format_bytes(Limits().memory_bytes or 0)}: {_why(program)}"
        for program, names in raised.items()
    ]


def policy(draft: Draft, load: Load) -> Policy:
    """Return what *draft* may do without asking; a policy that its program does not have is a problem.

    Also for what `auto` happens to be here: what was written to hold an agent back must not be dropped.
    """
    wanted, program = draft.model.approve, program_of(draft, load)
    if wanted is None or program.name == AUTO or wanted in program.policies:
        return wanted or ""
    place = find(draft.node, ("approve",)).node.place
    if not program.coding:
        if draft.runner != AUTO and not find(draft.entry.value, ("approve",)).missing:
            load.problems.append(place.problem(f"'approve' is for coding agents, and {draft.name} is a {program.name}"))
        return ""
    which = f"auto is {program.name} here, which" if draft.runner == AUTO else program.name
    hint = f"it knows {', '.join(program.policies)}" if program.policies else "remove 'approve', or take another runner"
    load.problems.append(place.problem(f"{which} has no way to be told approve: {wanted}", hint))
    return ""


def dialogs(draft: Draft) -> dict[str, str]:
    """Return the kinds of start-up dialogs that are answered for *draft*, each with its answer."""
    model = draft.model.dialogs
    said = {kind: getattr(model, kind) for kind in type(model).model_fields} if model is not None else {}
    return {kind: answer for kind, answer in said.items() if answer in ("accept", "decline")}


def _tell_too_little(written: int, draft: Draft, load: Load) -> None:
    """Say so: a problem for a runner that the file names, a note for what `auto` happens to be here."""
    program = program_of(draft, load)
    message = f"{format_bytes(written)} of memory is too little for {program.name}: {_why(program)}"
    hint = f"give it at least {format_bytes(program.least_memory_bytes)}"
    place = find(draft.node, ("limits", "memory")).node.place
    if draft.runner == AUTO:
        load.remarks.append(f"{draft.name}: auto is {program.name} here; {message}; {hint} ({place})")
    else:
        load.problems.append(place.problem(message, hint))


def _why(program: Program) -> str:
    return program.least_memory_why or f"{program.name} needs it"


def _named(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= _MOST_NAMED else f"{len(names)} agents"
