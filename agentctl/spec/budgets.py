"""What an agent may use up: from the file to its `Budget`, and what of it cannot be seen of its program."""

from __future__ import annotations

from collections.abc import Mapping

from agentctl.domain import team
from agentctl.spec.allowance import program_of
from agentctl.spec.programs import Program
from agentctl.spec.roster import Draft, Load

_MOST_NAMED = 5


def budget(draft: Draft, load: Load) -> team.Budget:
    """Return what *draft* may use up; where its program tells nothing of that, a person is told."""
    model = draft.model.budget
    if model is None:
        return team.Budget()
    program = program_of(draft, load)
    if not program.counts and (model.tokens is not None or model.usd is not None):
        load.unseen.setdefault(program, []).append(draft.name)
    return team.Budget(model.tokens, model.usd, model.time)


def unseen_budgets(unseen: Mapping[Program, list[str]]) -> list[str]:
    """Return a sentence for each program whose agents' budgets can be held by their time only."""
    return [
        f"budget of {_named(names)}: {program.name} tells nothing of its tokens and what they cost, so those are not "
        "counted; working time is"
        for program, names in unseen.items()
    ]


def _named(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= _MOST_NAMED else f"{len(names)} agents"
