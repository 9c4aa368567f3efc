"""`why`: what an agent does, and everything that this is known by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import typer

from agentctl.cli.answer import AgentName
from agentctl.cli.asking import LIMIT, options, question
from agentctl.cli.limits import budget_words, limits_of
from agentctl.cli.messages import history_line
from agentctl.cli.moments import age
from agentctl.cli.options import Format, Json, output_of
from agentctl.cli.pulse import how_it_is_kept
from agentctl.cli.report_words import reported
from agentctl.cli.states import word_of
from agentctl.control.client import Client
from agentctl.control.home import find_home
from agentctl.domain.text import safe_line, safe_text
from agentctl.domain.units import format_bytes

Facts = Mapping[str, Any]

_WIDTH = 13


def why(context: typer.Context, agent: AgentName, *, form: Format = "", json: Json = False) -> int:
    """Tell what an agent does and how that is known: the verdict with its evidence, source and age.

    Below it stand what its screen says and by which rule, the last signal of its program, what it asks, the messages
    that wait for it, its limits, its conversation, and the last changes. A word that nothing backs is `unknown`.
    """
    output = output_of(context, form, json=json)
    answer = Client(find_home()).call("why", {"agent": agent})
    if not output.for_people:
        output.records("VerdictList", [{"name": answer["agent"]["agent"], **answer}], ())
        return 0
    for label, text in _lines(answer):
        output.line(f"{label:<{_WIDTH}} {_one_line(text)}".rstrip())
    return 0


def _one_line(text: str) -> str:
    """Return *text* cleaned; what stands in columns stays in them."""
    return safe_text(text).replace("\n", " ")


def _lines(answer: Facts) -> Iterator[tuple[str, str]]:
    row = answer["agent"]
    yield "agent", f"{row['agent']}  {row.get('runner') or ''}  generation {row.get('generation')}"
    yield from _verdict(answer.get("verdict") or {}, row)
    yield from _seen(answer.get("screen"), answer.get("sign"))
    yield from _asked(answer.get("ask"), str(row["agent"]))
    yield from _waiting(answer)
    yield "limits", _limits(row)
    yield from _pulse(row)
    yield "reports", reported(row)
    yield "spent", budget_words(limits_of(row)) or "nothing that is known"
    yield "conversation", str(answer.get("session") or "none that it can go on with")
    for number, step in enumerate(answer.get("history") or ()):
        yield "" if number else "history", history_line(step)


def _verdict(verdict: Facts, row: Facts) -> Iterator[tuple[str, str]]:
    state, activity = str(row.get("state")), str(verdict.get("activity") or "unknown")
    if state != "running":
        yield "state", f"{word_of(row)} for {age(row.get('since'))}"
        yield "known by", str(row.get("evidence") or "")
        return
    phase = verdict.get("phase")
    doing = f"{activity}, {phase}" if phase and activity == "working" else activity
    yield "state", f"running, {doing} for {age(verdict.get('since') or row.get('active_since'))}"
    source, evidence = str(verdict.get("source") or ""), str(verdict.get("evidence") or "")
    told = evidence if evidence.startswith(f"{source}:") else f"{source}: {evidence}"
    yield "known by", told if source else evidence or "nothing says what it does"


def _seen(screen: Facts | None, sign: Facts | None) -> Iterator[tuple[str, str]]:
    if screen is None:
        yield "screen", "not read"
    else:
        rule = (
            f"rule {screen['rule']}: {screen.get('activity') or 'says nothing'}"
            if screen.get("rule")
            else "no rule fits"
        )
        line = f", by the line: {screen['line']}" if screen.get("line") else ""
        yield "screen", f"{rule}{line}; changed {age(screen.get('drawn')) or '?'} ago"
        composer = "there" if screen.get("composer") else "not there"
        yield "composer", f"{composer}{', with text that nobody sent' if screen.get('draft') else ''}"
    if sign is None:
        yield "last signal", "none"
    else:
        yield "last signal", f"{sign.get('kind')} ({sign.get('meaning')}), {age(sign.get('at')) or '?'} ago"


def _asked(ask: Facts | None, agent: str) -> Iterator[tuple[str, str]]:
    if ask is None:
        return
    yield "asks", f"{question(ask)}  ({age(ask.get('since'))})"
    for option in options(ask):
        yield "", f"  {option}"
    if ask.get("kind") != LIMIT:
        yield "", f"agentctl answer {agent}"


def _waiting(answer: Facts) -> Iterator[tuple[str, str]]:
    for number, message in enumerate(answer.get("messages") or ()):
        why = message.get("reason") or message.get("evidence") or ""
        text = f"{message['id']} {message['state']} {age(message.get('since'))}  from {message['sender']}  {why}"
        yield "" if number else "messages", safe_line(text)


def _pulse(row: Facts) -> Iterator[tuple[str, str]]:
    if row.get("pulse"):
        yield "pulse", how_it_is_kept(row["pulse"])


def _limits(row: Facts) -> str:
    limits = row.get("limits") or {}
    cpu, memory = limits.get("cpu_percent"), limits.get("memory_bytes")
    used = row.get("memory_bytes")
    parts = [
        f"cpu {cpu:g}%" if cpu is not None else "cpu none",
        f"memory {format_bytes(memory)}" if memory is not None else "memory none",
        f"uses {format_bytes(used)}" if used is not None else "",
    ]
    return ", ".join(part for part in parts if part)
