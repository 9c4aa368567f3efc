"""`audit`: whether the log is what was written."""

from __future__ import annotations

import typer

from agentctl.cli.columns import Column
from agentctl.cli.log_file import open_log
from agentctl.cli.options import Format, Json, output_of
from agentctl.control.home import find_home
from agentctl.domain.codec import encode
from agentctl.domain.errors import NotFound

_COLUMNS = (Column("EVENT", lambda row: str(row["seq"])), Column("WHAT", lambda row: str(row["what"])))


def verify(context: typer.Context, *, form: Format = "", json: Json = False) -> int:
    """Check the hash chain of the whole event log; exit code 1 where it is not what was written.

    Reads the file itself: no supervisor is needed.
    """
    output = output_of(context, form, json=json)
    home = find_home()
    log, _ = open_log(home)
    if log is None:
        raise NotFound(f"there is no event log in {home.path}", hint="agentctl deploy starts one")
    try:
        damages, head = log.verify(), log.head()
    finally:
        log.close()
    if damages or not output.for_people:
        output.records("DamageList", [encode(damage) for damage in damages], _COLUMNS, name="seq")
    if damages:
        output.say(f"error: the log is damaged in {len(damages)} places", "red")
        return 1
    output.say(f"{head} events, every one as it was written", "green")
    return 0
