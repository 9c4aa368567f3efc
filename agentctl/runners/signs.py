"""Reading a signal: what a program's own report means, in our words. Every payload is hostile."""

from __future__ import annotations

from datetime import datetime

from agentctl.domain.evidence import Sign
from agentctl.runners.runner import Runner

_MOST_BYTES = 64 * 1024
_LONGEST_ID = 200


def read_signal(runner: Runner, kind: str, payload: object, at: datetime) -> Sign | None:
    """Return what a signal of *kind* says, None where *runner* knows no such kind. Never raises.

    *payload* is what the program gave, of any JSON type; what is missing in it, or of another type, is empty.
    """
    report = runner.reports.get(kind)
    if report is None:
        return None
    return Sign(
        report.means,
        at,
        kind,
        text=_text(payload, report.text),
        session=_text(payload, runner.session_path)[:_LONGEST_ID],
        id=_text(payload, runner.id_path)[:_LONGEST_ID],
        working=bool(_value(payload, report.unless)),
        record=_text(payload, runner.usage.signal) if runner.usage is not None else "",
    )


def _value(payload: object, path: str) -> object:
    """Return what stands at the dotted *path*, None where nothing does; a number in it counts into a list."""
    found = payload if path else None
    for part in path.split("."):
        if isinstance(found, dict):
            found = found.get(part)
        elif isinstance(found, list) and part.isdecimal() and int(part[:6]) < len(found):
            found = found[int(part[:6])]
        else:
            return None
    return found


def _text(payload: object, path: str) -> str:
    found = _value(payload, path)
    if isinstance(found, bool) or not isinstance(found, (str, int, float)):
        return ""
    try:
        return str(found).encode(errors="replace")[:_MOST_BYTES].decode(errors="ignore")
    except ValueError:  # a number with more digits than Python writes
        return ""
