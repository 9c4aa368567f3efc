"""The schedules of a team: those of the file, and the commits and check-ins that agents name or have by default."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from agentctl.domain import names, schedule
from agentctl.domain.report import CHECK_IN
from agentctl.domain.schedule import Cron, Every, ScheduleKind, Timing
from agentctl.spec.allowance import is_coding, program_of
from agentctl.spec.fill import Fill
from agentctl.spec.nodes import Mapping, find
from agentctl.spec.roles import AUTO
from agentctl.spec.roster import Draft, Load, Roster
from agentctl.spec.schedule import CheckIn, Commit, Schedule

COMMIT_EVERY = timedelta(minutes=30)
"""For coding agents of which the file says nothing."""
CHECK_IN_EVERY = timedelta(minutes=15)
"""The same."""

_OWN_COMMIT = "commit"
_EXAMPLES = {_OWN_COMMIT: "30m", "check_in": "15m"}
_WHEN = {None: "", "idle": "idle", "always": "now"}
"""A check-in's `when` as a message's."""


def schedules(load: Load, roster: Roster) -> tuple[schedule.Schedule, ...]:
    """Return what is done for the agents again and again; what is wrong goes to the load's problems."""
    given = [found for name in load.document.schedules or () if (found := _given(name, load, roster)) is not None]
    covered = {agent for one in given if one.kind is ScheduleKind.COMMIT for agent in one.agents}
    own = [*_own_commits(load, roster, covered), *_own_check_ins(load, roster)]
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


def _timing(model: Schedule | Commit | CheckIn, node: Mapping, load: Load) -> Timing | None:
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
    timings = _own_timings(roster, load, _OWN_COMMIT)
    for draft in roster.drafts:
        timing = timings[draft.key]
        if draft.model.commit is None and is_coding(draft, load) and draft.name not in covered:
            timing = Every(COMMIT_EVERY)
        if timing is not None:
            together.setdefault(timing, []).append(draft.name)
    for timing, agents in together.items():
        yield schedule.Schedule(_OWN_COMMIT, ScheduleKind.COMMIT, timing, tuple(agents))


def _own_check_ins(load: Load, roster: Roster) -> Iterator[schedule.Schedule]:
    """Yield the check-ins that agents name themselves, or have by default; the alike go together."""
    together: dict[tuple[Timing, str, str], list[str]] = {}
    timings = _own_timings(roster, load, "check_in")
    for draft in roster.drafts:
        if not is_coding(draft, load):
            _tell_deaf(draft, load)
            continue
        model = draft.model.check_in
        timing = Every(CHECK_IN_EVERY) if model is None else timings[draft.key]
        if timing is not None:
            when = _WHEN[model.when] if isinstance(model, CheckIn) else ""
            together.setdefault((timing, load.check_ins.get(draft.name, ""), when), []).append(draft.name)
    for (timing, text, when), agents in together.items():
        yield schedule.Schedule(CHECK_IN, ScheduleKind.CHECK_IN, timing, tuple(agents), text, when=when)


def _tell_deaf(draft: Draft, load: Load) -> None:
    """Say that a check-in is for nobody who could answer it: to a shell it would be a command."""
    if not isinstance(draft.model.check_in, CheckIn) or draft.number != 1:
        return
    place, program = find(draft.node, ("check_in",)).key, program_of(draft, load)
    if draft.runner == AUTO:
        load.remarks.append(f"{draft.name}: auto is {program.name} here, which answers no check-in ({place})")
    elif not find(draft.entry.value, ("check_in",)).missing:
        message = f"'check_in' is for coding agents, and {draft.name} is a {program.name}"
        load.problems.append(place.problem(message, "take it away; a program's health is asked with 'health'"))


def _own_timings(roster: Roster, load: Load, key: str) -> dict[str, Timing | None]:
    return {draft.key: _own_timing(draft, load, key) for draft in roster.drafts if draft.number == 1}


def _own_timing(draft: Draft, load: Load, key: str) -> Timing | None:
    """Return when what *draft* says at *key* is done, None where it says nothing, or never."""
    model, spot = getattr(draft.model, key), find(draft.node, (key,))
    if not isinstance(model, Commit | CheckIn):
        return None
    written = model.written() & {"every", "cron"}
    if len(written) != 1:
        found = "takes only one of every and cron" if written else "needs one of every and cron"
        example = f"for example 'every: {_EXAMPLES[key]}'"
        hint = "take the one of its role or the defaults away with null" if written else example
        load.problems.append(spot.key.problem(f"{draft.key}: {key} {found}", hint))
        return None
    return _timing(model, spot.node if isinstance(spot.node, Mapping) else Mapping({}, spot.node.place), load)


def _refuse_doubles(given: list[schedule.Schedule], own: list[schedule.Schedule], load: Load) -> None:
    counts = Counter((one.name, agent) for one in (*given, *own) for agent in one.agents)
    twice = {name: agent for (name, agent), count in reversed(counts.items()) if count > 1}
    for name, agent in twice.items():
        place = find(load.tree, ("schedules", name)).key
        message = f"{agent} has two schedules called {name}: this one, and its own {name}s"
        load.problems.append(place.problem(message, "call this one something else"))
