"""`status`: how far each agent is, by its own last report."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import typer

from agentctl.cli.asking import call_to_answer, question, waits_for_a_person
from agentctl.cli.columns import Column
from agentctl.cli.moments import so_long
from agentctl.cli.options import Format, Json, Selectors, output_of
from agentctl.cli.output import Output
from agentctl.cli.report_words import PARTS, lines_of, needs, silence, when_reported
from agentctl.cli.states import look, word_of
from agentctl.control.client import Client
from agentctl.control.home import find_home
from agentctl.domain.text import safe_line

Row = Mapping[str, Any]

_COLORS = {"needs": "yellow", "blocked": "red", "doing": "", "done": "dim"}
_LABEL = 16
"""Columns that the name of a part has."""


def _part(part: str) -> Any:  # noqa: ANN401  a reader of one part
    return lambda row: "; ".join(lines_of(row.get("report") or {}, part))


COLUMNS = (
    Column("AGENT", lambda row: str(row["agent"])),
    Column("STATE", word_of, state=True),
    Column("FOR", so_long),
    Column("TASK", lambda row: str(row.get("task") or "")),
    Column("REPORT", lambda row: silence(row) or when_reported(row)),
    *(Column(title.upper(), _part(part)) for part, title in PARTS),
)


def status(context: typer.Context, selectors: Selectors = None, *, form: Format = "", json: Json = False) -> int:
    """Show how far agents are: what each is at, and what it reported last: done, doing, blocked, needs a person.

    Reports are the agents' own words, their answers to check-ins; what is known of agents without asking them is shown
    by agentctl ps. Those that need you stand first. -o wide cuts nothing; agentctl reports shows earlier ones.
    """
    output = output_of(context, form, json=json)
    rows = list(Client(find_home()).call("ps", {"selectors": selectors or []})["agents"])
    if not output.for_people:
        output.records("StatusList", rows, COLUMNS, name="agent")
        return 0
    for team, agents in _by_team(rows).items():
        output.raw(output.painted(safe_line(team), "bold") + f"  {_counted(agents)}")
        for row in agents:
            for text, color in _told(row, wide=output.form == "wide"):
                output.raw(output.painted(_fitted(text, output), color))
    if not rows:
        output.say("no agents; start a team with: agentctl deploy")
    if words := call_to_answer(rows):
        output.say(words, "yellow")
    return 0


def _by_team(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each team, which come with those that need a person first, in the order of their first."""
    teams: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        teams.setdefault(str(row["team"]), []).append(row)
    return teams


def _counted(rows: list[dict[str, Any]]) -> str:
    needed = sum(bool(needs(row)) or waits_for_a_person(row) for row in rows)
    agents = "1 agent" if len(rows) == 1 else f"{len(rows)} agents"
    return f"{agents}, {needed} {'needs' if needed == 1 else 'need'} you" if needed else agents


def _told(row: Row, *, wide: bool) -> Iterator[tuple[str, str]]:
    """Yield the lines on one agent, each with its colour."""
    word = word_of(row)
    glyph, color = look(word)
    task = f"  {safe_line(str(row['task']))}" if row.get("task") else ""
    yield f"  {glyph} {safe_line(str(row['name']))}  {word} {so_long(row)}{task}", color
    if row.get("asking"):
        yield _labelled("asks", question(row["asking"])), "yellow"
    if words := silence(row):
        yield _labelled("", words), "yellow"
    report = row.get("report") or {}
    for part, title in PARTS:
        lines = lines_of(report, part)
        shown = lines if wide else ["; ".join(lines)] if lines else []
        for number, line in enumerate(shown):
            yield _labelled("" if number else title, line), _COLORS[part]
    yield _labelled("", when_reported(row)), "dim"


def _labelled(label: str, text: str) -> str:
    return f"    {label:<{_LABEL}}{text}"


def _fitted(text: str, output: Output) -> str:
    """Return *text* as wide as the terminal; all of it elsewhere, and with `-o wide`."""
    if output.form == "wide" or not sys.stdout.isatty():
        return text
    from agentctl.cli.tables import cut  # noqa: PLC0415  loads rich, which pipes must not pay for

    return cut(text, shutil.get_terminal_size().columns)
