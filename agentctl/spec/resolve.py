"""A checked document to the `TeamSpec` that the rest of the program sees."""

from __future__ import annotations

from agentctl.domain import names
from agentctl.domain.notice import Notice, named
from agentctl.domain.team import AgentSpec, TeamSpec
from agentctl.spec.agents import specify
from agentctl.spec.allowance import raised_limits
from agentctl.spec.budgets import unseen_budgets
from agentctl.spec.dependencies import dependencies
from agentctl.spec.document import Document
from agentctl.spec.notes import notes
from agentctl.spec.problems import enough
from agentctl.spec.roster import Load, make_roster
from agentctl.spec.templates import MOST_OF_ALL
from agentctl.spec.timetable import schedules


def resolve(load: Load, written: frozenset[str]) -> TeamSpec:
    """Return the team of *load*; it is of use only where the load has no problems afterwards."""
    document = load.document
    roster = make_roster(load, written)
    waits = dependencies(roster, load.problems)
    agents: list[AgentSpec] = []
    room = MOST_OF_ALL
    for draft in roster.drafts:
        agents.append(specify(draft, load, roster, waits[draft.key]))
        room -= _size(agents[-1])
        if room < 0:
            load.problems.append(
                draft.entry.key.problem("the prompts and variables of this team come to more than 16 MiB")
            )
        if room < 0 or enough(load.problems):
            break
    timetable = schedules(load, roster)
    return TeamSpec(
        name=document.name,
        agents=tuple(agents),
        session=names.session_name(document.name),
        source=str(load.tree.place.source.path.resolve()),
        description=document.description or "",
        layout=document.drift or "repair",
        notes=(
            *notes(document, load.tree, load.used_later),
            *raised_limits(load.raised),
            *unseen_budgets(load.unseen),
            *dict.fromkeys(load.remarks),
        ),
        schedules=timetable,
        notify=_notices(document),
    )


def _notices(document: Document) -> tuple[Notice, ...] | None:
    if document.notify is None:
        return None
    return tuple(Notice(named(one.on), tuple(one.to), one.after, one.quiet or "") for one in document.notify)


def _size(agent: AgentSpec) -> int:
    return len(agent.prompt) + sum(map(len, agent.env.values())) + sum(map(len, agent.argv))
