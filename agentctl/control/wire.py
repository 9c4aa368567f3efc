"""Requests and replies on the wire: JSON, one object a line, over a Unix stream socket.

A request is `{"v": 1, "verb": …, "args": {…}}`. The answer is any number of `{"item": …}` lines, then one
`{"result": …}` or `{"error": {"code", "message", "hint", "detail"}}`.
"""

from __future__ import annotations

import json
import os

from agentctl.domain import errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PROTOCOL = 1
MOST_BYTES = 8 * 2**20
"""A line longer than this is refused, whoever sends it."""

_LONGEST_ADDRESS = 100
"""Bytes that fit into `sockaddr_un` everywhere (104 on macOS, 108 on Linux)."""


def pack(message: dict[str, Any]) -> bytes:
    """Return *message* as one line."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass") + b"\n"


def unpack(line: bytes) -> dict[str, Any]:
    """Return the object on *line*; raise `UsageError` where it is none."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        raise errors.UsageError("the request is not JSON") from None
    if not isinstance(message, dict):
        raise errors.UsageError("the request is not a JSON object")
    return message


def pack_error(error: errors.AgentctlError) -> dict[str, Any]:
    """Return *error* for the wire."""
    return {
        "kind": type(error).__name__,
        "code": error.exit_code,
        "message": error.message,
        "hint": error.hint,
    }


def unpack_error(data: dict[str, Any]) -> errors.AgentctlError:
    """Return the error that *data* describes, of its own class where this version knows it."""
    kind = getattr(errors, str(data.get("kind", "")), errors.AgentctlError)
    make = kind if isinstance(kind, type) and issubclass(kind, errors.AgentctlError) else errors.AgentctlError
    return make(str(data.get("message", "")), hint=str(data.get("hint", "")))


class Address:
    """A path that fits into a socket address, however deep the socket lies; a context manager."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._folder: int | None = None

    def __enter__(self) -> str:
        if len(os.fsencode(self._path)) <= _LONGEST_ADDRESS:
            return self._path
        folder, name = os.path.split(self._path)
        if not os.path.isdir("/proc/self/fd"):  # noqa: PTH112  pathlib is slow to import
            raise errors.HomeUnusable(
                f"the path of the control socket is too long: {self._path}", hint="set AGENTCTL_HOME to a shorter path"
            )
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._folder}/{name}"

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            os.close(self._folder)
