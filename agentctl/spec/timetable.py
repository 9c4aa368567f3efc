"""The schedules of a team: those of the file, and the commits that agents name themselves or have by default."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from agentctl.domain import names, schedule
from agentctl.domain.schedule import Cron, Every, ScheduleKind, Timing
from agentctl.spec.allowance import is_coding
from agentctl.spec.fill import Fill
from agentctl.spec.nodes import Mapping, find
from agentctl.spec.roster import Draft, Load, Roster
from agentctl.spec.schedule import Commit, Schedule

COMMIT_EVERY = timedelta(minutes=30)
"""For coding agents of which the file says nothing."""

_OWN_COMMIT = "commit"


def schedules(load: Load, roster: Roster) -> tuple[schedule.Schedule, ...]:
    """Return what is done for the agents again and again; what is wrong goes to the load's problems."""
    given = [found for name in load.document.schedules or () if (found := _given(name, load, roster)) is not None]
    covered = {agent for one in given if one.kind is ScheduleKind.COMMIT for agent in one.agents}
    own = list(_own_commits(load, roster, covered))
    _refuse_doubles(given, own, load)
    return (*given, *own)


def _given(name: str, load: Load, roster: Roster) -> schedule.Schedule | None:
    """Return the schedule *name* of the file, None where it is for nobody or wrong."""
    model, spot = (load.document.schedules or {})[name], find(load.tree, ("schedules", name))
    if not isinstance(spot.node, Mapping):
        return None
    timing, agents, text = _timing(model, spot.node, load), _agents(model, roster, load), _text(spot.node, load)
    if timing is None:
        return None
    if not agents:
        load.remarks.append(f"schedules.{name} is for nobody here: name its agents with 'agents' ({spot.key})")
        return None
    return schedule.Schedule(
        name=name,
        kind=ScheduleKind.COMMIT if model.commit else ScheduleKind.MESSAGE,
        timing=timing,
        agents=agents,
        text=text,
        jitter=model.jitter or timedelta(0),
        catch_up=model.catch_up is not False,
        enabled=model.enabled is not False,
    )


def _timing(model: Schedule | Commit, node: Mapping, load: Load) -> Timing | None:
    """Return when *model*, which stands at *node*, is done; a problem and None where that makes no sense."""
    if model.every is not None:
        if (zone := node.entries.get("zone")) is not None:
            load.problems.append(zone.key.problem("'zone' is for 'cron': an interval is the same everywhere"))
        jitter = model.jitter if isinstance(model, Schedule) else None
        if jitter is not None and jitter >= model.every:
            load.problems.append(node.entries["jitter"].value.place.problem("'jitter' must be shorter than 'every'"))
        return Every(model.every)
    return Cron(model.cron, model.zone or "UTC") if model.cron is not None else None


def _agents(model: Schedule, roster: Roster, load: Load) -> tuple[str, ...]:
    """Return whom *model* is for, in the order of the team; names that nobody has are a problem elsewhere."""
    if model.agents is not None:
        meant = {member for name in model.agents for member in roster.members.get(name, [name])}
        return tuple(draft.name for draft in roster.drafts if draft.name in meant)
    if model.commit:
        return tuple(draft.name for draft in roster.drafts if draft.model.commit is None)
    return tuple(draft.name for draft in roster.drafts if is_coding(draft, load))


def _text(node: Mapping, load: Load) -> str:
    document, later = load.document, set[str]()
    facts: dict[str, object] = {
        "team": {
            "name": document.name,
            "description": document.description or "",
            "session": names.session_name(document.name),
        },
        "vars": dict(document.vars or {}),
    }
    message = node.get("message")
    text = Fill(facts, load.problems, load.budget, load.shelf, later).text(message)
    if later and message is not None:
        load.problems.append(message.place.problem(f"a schedule knows no {min(later)}", "there is: team, vars"))
    return text.strip()


def _own_commits(load: Load, roster: Roster, covered: set[str]) -> Iterator[schedule.Schedule]:
    """Yield the commits that agents name themselves, or have by default where no schedule commits for them."""
    together: dict[Timing, list[str]] = {}
    timings = {draft.key: _own_timing(draft, load) for draft in roster.drafts if draft.number == 1}
    for draft in roster.drafts:
        timing = timings[draft.key]
        if draft.model.commit is None and is_coding(draft, load) and draft.name not in covered:
            timing = Every(COMMIT_EVERY)
        if timing is not None:
            together.setdefault(timing, []).append(draft.name)
    for timing, agents in together.items():
        yield schedule.Schedule(_OWN_COMMIT, ScheduleKind.COMMIT, timing, tuple(agents))


def _own_timing(draft: Draft, load: Load) -> Timing | None:
    """Return when *draft* wants its work committed, None where it says nothing, or never."""
    model, spot = draft.model.commit, find(draft.node, ("commit",))
    if not isinstance(model, Commit):
        return None
    written = model.written() & {"every", "cron"}
    if len(written) != 1:
        found = "takes only one of every and cron" if written else "needs one of every and cron"
        hint = "take the one of its role or the defaults away with null" if written else "for example 'every: 30m'"
        load.problems.append(spot.key.problem(f"{draft.key}: commit {found}", hint))
        return None
    return _timing(model, spot.node if isinstance(spot.node, Mapping) else Mapping({}, spot.node.place), load)


def _refuse_doubles(given: list[schedule.Schedule], own: list[schedule.Schedule], load: Load) -> None:
    counts = Counter((one.name, agent) for one in (*given, *own) for agent in one.agents)
    twice = [agent for (_, agent), count in counts.items() if count > 1]
    if twice:
        place = find(load.tree, ("schedules", _OWN_COMMIT)).key
        message = f"{twice[0]} has two schedules called {_OWN_COMMIT}: this one, and its own commits"
        load.problems.append(place.problem(message, "call this one something else"))
