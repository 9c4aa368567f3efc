"""`stop-all`: end every agent of every team."""

from __future__ import annotations

import typer

from agentctl.cli.confirm import confirm
from agentctl.cli.ending import end
from agentctl.cli.options import Format, Grace, Json, Yes, call_of, duration, output_of
from agentctl.control.client import Client
from agentctl.control.home import find_home

_OVER = frozenset({"stopped", "fatal", "closed"})


def stop_all(
    context: typer.Context, *, grace: Grace = "", yes: Yes = False, form: Format = "", json: Json = False
) -> int:
    """Stop every agent of every team: asked to end, then made to, with all that they started. Nothing else is touched.

    Exit code 1 when something survived.
    """
    output = output_of(context, form, json=json)
    seconds = duration(grace, "--grace")
    home = find_home()
    rows = Client(home).call("ps", {"selectors": []})["agents"]
    left = [row for row in rows if row.get("state") not in _OVER]
    if left:
        teams = len({row["team"] for row in left})
        confirm(f"Stop {_count(len(left), 'agent')} in {_count(teams, 'team')}?", call_of(context), yes=yes)
    args = {"grace": seconds.total_seconds() if seconds else None}
    return end(home, "stop-all", args, output, undo="agentctl deploy starts them again")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
