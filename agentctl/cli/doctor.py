"""`doctor`: is everything there and sound? Each check stands alone, so that one that fails hides no other."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Sequence

import typer

from agentctl.cli.checks import ALL, BROKEN, OK, WARN, Check
from agentctl.cli.columns import Column
from agentctl.cli.options import Format, Json, output_of
from agentctl.cli.output import Output
from agentctl.domain.codec import encode
from agentctl.domain.errors import AgentctlError

_LOOKS = {OK: ("✓", "green"), WARN: ("▲", "yellow"), BROKEN: ("✗", "red")}

_COLUMNS = (
    Column("CHECK", lambda row: str(row["name"])),
    Column("STATE", lambda row: str(row["state"])),
    Column("TEXT", lambda row: str(row["text"])),
    Column("HINT", lambda row: str(row["hint"])),
)


def doctor(context: typer.Context, *, form: Format = "", json: Json = False) -> int:
    """Check that everything agentctl needs is there and sound; every line that is not fine says what to do.

    Exit code 1 when something is broken. Changes nothing, and works when everything else does not.
    """
    output = output_of(context, form, json=json)
    found = [check for look in ALL for check in _carefully(look)]
    if output.form == "table":
        _show(found, output)
    else:
        output.records("CheckList", [encode(check) for check in found], _COLUMNS)
    return 1 if any(check.state == BROKEN for check in found) else 0


def _carefully(look: Callable[[], Iterable[Check]]) -> list[Check]:
    name = look.__name__.removeprefix("check_").replace("_", " ")
    try:
        return list(look())
    except AgentctlError as error:
        return [Check(name, BROKEN, error.message, error.hint)]
    except (OSError, ImportError, ValueError, subprocess.SubprocessError) as error:
        return [Check(name, BROKEN, f"the check itself failed: {error}", "is the installation whole?")]


def _show(found: Sequence[Check], output: Output) -> None:
    width = max(len(check.name) for check in found)
    for check in found:
        glyph, color = _LOOKS[check.state]
        output.raw(f"{output.painted(glyph, color)} {check.name:<{width}}  {output.painted(check.text, '')}")
        if check.hint and check.state != OK:
            output.line(f"  {'':<{width}}  → {check.hint}")
    broken, warned = (sum(check.state == state for check in found) for state in (BROKEN, WARN))
    output.say(f"{broken} broken, {warned} to look at, {len(found) - broken - warned} fine")
