"""`send`: hand an agent or a person a message, or press keys. A light command: standard library and the client only."""

from __future__ import annotations

import os
import sys

from agentctl.cli.flags import Flag, Place, Shape
from agentctl.control.client import Client
from agentctl.control.home import find_home
from agentctl.domain.errors import NotFound, PersonNeeded, TimedOut, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from agentctl.cli.call import Call

SHAPE = Shape(
    (
        Place("agent", "The agent, for example frontend/pm; or person."),
        Place("text", "The message; - reads it from stdin.", required=False),
    ),
    (
        Flag(("--file", "-f"), "Read the message from this file.", "FILE"),
        Flag(("--keys", "-k"), "Press these keys instead: C-c, Escape, Enter, Up …", "KEY,KEY"),
        Flag(("--wait",), "Wait this long for the answer, for example 30s.", "DURATION"),
        Flag(("--when",), "Hand it over only while it is idle, or even now while it works.", "idle|now"),
        Flag(("--raw",), "Hand it over as it is, without the line that says who sent it."),
        Flag(("--json",), "Print the outcome as JSON."),
    ),
)
MOST_BYTES = 2**20
_WHEN = ("", "idle", "now")
_OVER = ("answered", "dead")
_DELIVERED = ("typed", "seen", "answered")
_ANSWER_MARGIN_SECONDS = 15.0


def run(values: dict[str, Any], call: Call) -> int:
    """Hand AGENT a message, or press keys in its window; AGENT may be person.

    The message is durable: it waits until the agent can take it, and is handed over once. A coding agent is shown who
    sent it; with --raw it is not, and a text that begins with / is then a command of its program. To a shell worker a
    message is a command.

    With --wait, this waits until the agent is done with it, and prints the answer: what a coding agent said at the end,
    or a shell worker's exit code.

    Exit code 0: it is under way, or with --wait answered; 1: it cannot be delivered; 6: the wait was over; 8: a person
    is needed, because the agent asks something or did not show that it has the message.
    """
    _ = call
    keys = [key for key in values["keys"].split(",") if key]
    text = _text(values, keys)
    wait = _seconds(values["wait"])
    args = {"agent": values["agent"], "text": text, "keys": keys, "wait": wait, **_manner(values, keys)}
    answer = Client(find_home()).call("send", args, timeout=(wait or 0.0) + _ANSWER_MARGIN_SECONDS)
    _show(answer, as_json=values["json"])
    return _code(answer, waited=wait is not None, keys=bool(keys))


def _manner(values: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    if values["when"] not in _WHEN:
        raise UsageError(f"--when takes idle or now, not '{values['when']}'")
    if keys and (values["when"] or values["raw"]):
        raise UsageError("--when and --raw are for texts; keys are pressed at once")
    return {"when": values["when"], "raw": values["raw"]}


def _code(answer: dict[str, Any], *, waited: bool, keys: bool) -> int:
    state = answer.get("state")
    if state == "dead":
        return 1
    if state == "unseen":
        return PersonNeeded.exit_code
    if not waited or state == "answered" or (keys and state in _DELIVERED):
        return 0
    return PersonNeeded.exit_code if answer.get("asking") else TimedOut.exit_code


def _text(values: dict[str, Any], keys: list[str]) -> str:
    given = [name for name in ("text", "file") if values[name]]
    if len(given) + bool(keys) != 1:
        raise UsageError(
            "say one of: a text, --file or --keys", hint="agentctl send frontend/pm 'Review the open branches'"
        )
    if keys:
        return ""
    text = _read_file(values["file"]) if values["file"] else _read_stdin() if values["text"] == "-" else values["text"]
    if not text.strip():
        raise UsageError("the message is empty")
    if len(text.encode(errors="surrogatepass")) > MOST_BYTES:
        raise UsageError("the message is over 1MiB", hint="write it to a file and send its path")
    return str(text)


def _read_file(name: str) -> str:
    try:
        # O_NONBLOCK, because a FIFO that nobody writes to would hold this up for ever.
        with os.fdopen(os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            return file.read(MOST_BYTES + 1).decode(errors="replace")
    except OSError as error:
        raise NotFound(f"cannot read {name}: {error.strerror}") from None


def _read_stdin() -> str:
    if sys.stdin is None:
        raise UsageError("stdin is closed, so there is no message to read")
    return sys.stdin.buffer.read(MOST_BYTES + 1).decode(errors="replace")


def _seconds(text: str) -> float | None:
    if not text:
        return None
    from agentctl.domain.units import parse_duration  # noqa: PLC0415  only --wait needs it

    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise UsageError(f"--wait: {error}") from None


def _show(answer: dict[str, Any], *, as_json: bool) -> None:
    """Print how far the message came; an agent's answer stands alone on stdout."""
    from agentctl.domain.text import safe_line, safe_text  # noqa: PLC0415  after the message is under way

    if as_json:
        from agentctl.cli.output import to_json  # noqa: PLC0415  only with --json

        sys.stdout.write(to_json(answer) + "\n")
        return
    code = answer.get("code")
    how = answer.get("evidence") if code is None else f"exit code {code}"
    line = "  ".join(safe_line(str(part)) for part in (answer.get("message"), answer.get("state"), how) if part)
    said = safe_text(str(answer.get("answer") or "")).rstrip("\n")
    (sys.stderr if said else sys.stdout).write(line + "\n")
    if said:
        sys.stdout.write(said + "\n")
    ask = answer.get("asking")
    if ask and answer.get("state") not in _OVER:
        from agentctl.cli.asking import question  # noqa: PLC0415  only where a person is needed

        name = safe_line(str(answer.get("agent")))
        sys.stderr.write(f"{name} waits for a person: {question(ask)}\nhint: agentctl answer {name}\n")
