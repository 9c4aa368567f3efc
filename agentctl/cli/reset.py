"""`reset`: stop a team and forget it."""

from __future__ import annotations

from typing import Annotated

import typer

from agentctl.cli.confirm import confirm_name
from agentctl.cli.options import call_of, output_of
from agentctl.cli.progress import Progress
from agentctl.control.client import Client
from agentctl.control.home import find_home
from agentctl.domain.errors import NotFound, PartlyDone

_ANSWER_SECONDS = 120.0


def reset(
    context: typer.Context,
    team: Annotated[str, typer.Argument(metavar="TEAM", help="The team.")],
    *,
    confirm: Annotated[
        str, typer.Option("--confirm", metavar="TEAM", help="The team's name once more, in the place of an answer.")
    ] = "",
) -> int:
    """Stop a team and forget its agents and messages; its history stays in the log."""
    output = output_of(context)
    home = find_home()
    rows = Client(home).call("ps", {"selectors": [team]})["agents"]
    if not rows:
        raise NotFound(f"there is no team '{team}'", hint="agentctl ps")
    output.say(f"this stops and forgets {len(rows)} agents of {team}:")
    for row in rows:
        output.say(f"  {row['agent']}  {row['state']}")
    confirm_name(f"Reset {team}?", team, call_of(context), given=confirm)
    try:
        with Progress(output, "waiting for agents to end", ending=True) as progress:
            result = Client(home).call("reset", {"team": team}, on_item=progress.item, timeout=_ANSWER_SECONDS)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the reset goes on; see: agentctl ps") from None
    if result.get("left") and not result.get("timed_out"):
        raise PartlyDone(f"{team} is not forgotten: another order started it again meanwhile", hint="agentctl ps")
    if result.get("left") or result.get("survivors"):
        raise PartlyDone(f"{team} is not forgotten: not all of it ended", hint="agentctl emergency-cleanup --dry-run")
    kept = result.get("kept")
    output.say(f"{team} is forgotten" + (f"; what it left is in {kept}" if kept else ""))
    return 0
