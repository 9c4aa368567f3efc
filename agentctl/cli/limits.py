"""`limits`: what agents may take and use up, what of it they have, and changes while they run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, TypeVar

import typer

from agentctl.cli.columns import Column
from agentctl.cli.moments import seconds_since
from agentctl.cli.options import Format, Json, Selectors, output_of
from agentctl.cli.output import Output
from agentctl.control.client import Client
from agentctl.control.home import find_home
from agentctl.domain.errors import UsageError
from agentctl.domain.units import (
    format_bytes,
    format_count,
    format_duration,
    parse_bytes,
    parse_count,
    parse_duration,
    parse_money,
    parse_percent,
)

T = TypeVar("T")
Row = Mapping[str, Any]

_NONE = "none"
_PARTS = ("tokens", "usd", "work_seconds")

Chosen = Annotated[
    list[str], typer.Argument(metavar="SELECTOR...", help="Teams, agents or states: frontend, frontend/ui, @paused.")
]


def _option(name: str, metavar: str, words: str) -> Any:  # noqa: ANN401  what typer takes
    return typer.Option(name, metavar=metavar, help=words, show_default=False)


def ls(context: typer.Context, selectors: Selectors = None, *, form: Format = "", json: Json = False) -> int:
    """List limits and budgets in force, how far each budget is used up, and where they come from.

    LEVEL says how CPU is held: quota, freezer and signals hold it, nice only yields to others, watch only looks. BUDGET
    shows what is used up of what; without a budget, what was spent. ~ marks money that is estimated from a table of
    prices, because the program tells none.
    """
    output = output_of(context, form, json=json)
    rows = Client(find_home()).call("ps", {"selectors": selectors or []})["agents"]
    _show(sorted(rows, key=lambda row: str(row["agent"])), output)
    if not rows and output.for_people:
        output.say("no agents; start a team with: agentctl deploy")
    return 0


def set_(
    context: typer.Context,
    selectors: Chosen,
    *,
    cpu: Annotated[str, _option("--cpu", "SHARE", "Of one core: 40%, or none.")] = "",
    memory: Annotated[str, _option("--memory", "SIZE", "Of the whole process tree: 512MiB, or none.")] = "",
    pulse: Annotated[str, _option("--pulse", "DURATION", "Least time between two operations: 2s, or none.")] = "",
    processes: Annotated[str, _option("--processes", "N", "At most so many at a time, or none.")] = "",
    tokens: Annotated[str, _option("--tokens", "N", "Budget of tokens: 500k, 2M, or none.")] = "",
    usd: Annotated[str, _option("--usd", "N", "Budget of money in US dollars: 5, or none.")] = "",
    work: Annotated[str, _option("--time", "DURATION", "Budget of working time: 2h, or none.")] = "",
    form: Format = "",
    json: Json = False,
) -> int:
    """Set limits and budgets of agents while they run; they hold at once, and nothing is started anew.

    What is not given stays as it is; none is no limit. They hold until agentctl limits reset, or until a team file is
    deployed that says something new of them. A budget that is raised above what is used up lets a paused agent go on.
    """
    output = output_of(context, form, json=json)
    limits: dict[str, list[Any]] = {
        "cpu_percent": _value(cpu, "--cpu", parse_percent),
        "memory_bytes": _value(memory, "--memory", parse_bytes),
        "pulse_seconds": _value("0s" if pulse == _NONE else pulse, "--pulse", _seconds),
        "processes": _value(processes, "--processes", parse_count),
    }
    budget: dict[str, list[Any]] = {
        "tokens": _value(tokens, "--tokens", parse_count),
        "usd": _value(usd, "--usd", parse_money),
        "work_seconds": _value(work, "--time", _seconds),
    }
    args = {"selectors": selectors, "limits": _given(limits), "budget": _given(budget)}
    _show(Client(find_home()).call("limit", args)["agents"], output)
    return 0


def reset(context: typer.Context, selectors: Chosen, *, form: Format = "", json: Json = False) -> int:
    """Take back what was set by hand: the limits and budgets of the team file hold again."""
    output = output_of(context, form, json=json)
    _show(Client(find_home()).call("limit", {"selectors": selectors, "reset": True})["agents"], output)
    return 0


def _show(rows: Sequence[Row], output: Output) -> None:
    output.records("LimitList", [limits_of(row) for row in rows], COLUMNS, name="agent")


def limits_of(row: Row) -> dict[str, Any]:
    """Return what of an agent's row is about limits, with the work that it is at counted up to now."""
    at_work = max(0.0, seconds_since(row["work_since"], time.time())) if row.get("work_since") else 0.0
    spent, used = (_with_work(row.get(name) or {}, at_work) for name in ("spent", "used"))
    kept = ("agent", "state", "limits", "level", "budget", "by_hand", "paused")
    return {**{name: row.get(name) for name in kept}, "spent": spent, "used": used}


def _with_work(figures: Row, seconds: float) -> dict[str, Any]:
    return {**figures, "work_seconds": round((figures.get("work_seconds") or 0.0) + seconds, 1)}


# --- what was given ---


def _value(text: str, option: str, parse: Callable[[str], T]) -> list[T | None]:
    """Return what *option* was given as a list of one, None in it for no limit; empty where it was not given."""
    if not text:
        return []
    if text == _NONE:
        return [None]
    try:
        return [parse(text)]
    except ValueError as error:
        raise UsageError(f"{option}: {error}, or none") from None


def _given(values: Mapping[str, list[Any]]) -> dict[str, Any]:
    return {name: value[0] for name, value in values.items() if value}


def _seconds(text: str) -> float:
    return parse_duration(text).total_seconds()


# --- columns ---


def _limit(key: str, words: Callable[[Any], str]) -> Callable[[Row], str]:
    def text(row: Row) -> str:
        value = (row.get("limits") or {}).get(key)
        return _NONE if value is None else words(value)

    return text


def budget_words(row: Row) -> str:
    """Return what is used up of each part of the budget, or, without one, what was spent."""
    budget, used, spent = (row.get(name) or {} for name in ("budget", "used", "spent"))
    bounded = [part for part in _PARTS if budget.get(part) is not None]
    guess = "~" if spent.get("estimated") else ""
    if bounded:
        words = [f"{_figure(part, used.get(part), guess)} of {_figure(part, budget[part])}" for part in bounded]
    else:
        words = [_figure(part, spent[part], guess) for part in _PARTS if spent.get(part)]
    unpriced = [f"no price for {spent['unpriced']}"] if spent.get("unpriced") else []
    return ", ".join([*words, *unpriced]) + ("" if bounded or not words else "; no bound")


def _figure(part: str, value: float | None, guess: str = "") -> str:
    number = value or 0
    if part == "usd":
        return f"{guess}${number:.2f}"
    return f"{format_count(number)} tokens" if part == "tokens" else format_duration(timedelta(seconds=round(number)))


def _from(row: Row) -> str:
    return f"by hand: {', '.join(row['by_hand'])}" if row.get("by_hand") else "file"


COLUMNS = (
    Column("AGENT", lambda row: str(row["agent"])),
    Column("CPU", _limit("cpu_percent", lambda value: f"{value:g}%")),
    Column("MEMORY", _limit("memory_bytes", format_bytes)),
    Column(
        "PULSE", _limit("pulse_seconds", lambda value: format_duration(timedelta(seconds=value)) if value else _NONE)
    ),
    Column("PROCESSES", _limit("processes", str)),
    Column("BUDGET", budget_words, folds=True),
    Column("LEVEL", lambda row: str(row.get("level") or "?")),
    Column("FROM", _from),
)
