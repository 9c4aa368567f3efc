"""`send`: hand an agent a message, or press keys. A light command: standard library and the control client only."""

from __future__ import annotations

import os
import sys

from agentctl.cli.flags import Flag, Place, Shape
from agentctl.control.client import Client
from agentctl.control.home import find_home
from agentctl.domain.errors import NotFound, TimedOut, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from agentctl.cli.call import Call

SHAPE = Shape(
    (
        Place("agent", "The agent, for example frontend/pm."),
        Place("text", "The message; - reads it from stdin.", required=False),
    ),
    (
        Flag(("--file", "-f"), "Read the message from this file.", "FILE"),
        Flag(("--keys", "-k"), "Press these keys instead: C-c, Escape, Enter, Up …", "KEY,KEY"),
        Flag(("--wait",), "Wait this long for the answer, for example 30s.", "DURATION"),
        Flag(("--json",), "Print the outcome as JSON."),
    ),
)
MOST_BYTES = 2**20
_DELIVERED = ("typed", "seen", "answered", "acked")
_ANSWERED = ("answered", "acked")
_ANSWER_MARGIN_SECONDS = 15.0


def run(values: dict[str, Any], call: Call) -> int:
    """Hand AGENT a message, or press keys in its window.

    The message waits its turn where the agent cannot take it now. With --wait, this waits until it was taken; a shell
    worker's message is a command, and its exit code is shown. The exit code is 0 when it was delivered and 6 when the
    wait was over before.
    """
    _ = call
    keys = [key for key in values["keys"].split(",") if key]
    text = _text(values, keys)
    wait = _seconds(values["wait"])
    args = {"agent": values["agent"], "text": text, "keys": keys, "wait": wait}
    answer = Client(find_home()).call("send", args, timeout=(wait or 0.0) + _ANSWER_MARGIN_SECONDS)
    _show(answer, as_json=values["json"])
    if answer.get("state") == "dead":
        return 1
    if wait is not None and answer.get("state") not in _ANSWERED and not (keys and answer.get("state") in _DELIVERED):
        return TimedOut.exit_code
    return 0


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
    from agentctl.domain.text import safe_line  # noqa: PLC0415  after the message is under way

    if as_json:
        from agentctl.cli.output import to_json  # noqa: PLC0415  only with --json

        line = to_json(answer)
    else:
        code = answer.get("code")
        how = answer.get("evidence") if code is None else f"exit code {code}"
        parts = [answer.get("message"), answer.get("state"), how]
        line = "  ".join(safe_line(str(part)) for part in parts if part)
    sys.stdout.write(line + "\n")
