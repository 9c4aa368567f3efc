"""Options that several commands have, with one wording; and the reading of their values."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from agentctl.cli.call import Call
from agentctl.cli.output import FORMATS, Output
from agentctl.domain.errors import UsageError
from agentctl.domain.units import parse_duration

Format = Annotated[
    str,
    typer.Option("--output", "-o", metavar="FORMAT", help=f"How to print: {', '.join(FORMATS)}.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="The same as -o json.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Go on without asking.")]
Selectors = Annotated[
    list[str] | None,
    typer.Argument(metavar="SELECTOR...", help="Teams, agents or states: frontend, frontend/ui, '*/pm', @fatal."),
]
Teams = Annotated[
    list[str] | None,
    typer.Argument(metavar="TEAM|FILE...", help="Team files or names; none: the one team file that is near."),
]
Grace = Annotated[
    str,
    typer.Option("--grace", metavar="DURATION", help="Between asking to end and making it end.", show_default=False),
]
Timeout = Annotated[
    str, typer.Option("--timeout", metavar="DURATION", help="How long to wait until all are ready (default 2m).",
                      show_default=False),
]  # fmt: skip


def call_of(context: typer.Context) -> Call:
    """Return the call that this command is part of."""
    call = context.find_object(Call)
    return call if call is not None else Call()


def output_of(context: typer.Context, form: str = "", *, json: bool = False) -> Output:
    """Return where the command prints, in the format that its options ask for."""
    return Output(call_of(context), "json" if json else form)


def duration(text: str, option: str) -> timedelta | None:
    """Return the duration that *option* was given, None for none; raises `UsageError`."""
    if not text:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None
