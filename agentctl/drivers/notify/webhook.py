"""A webhook: one JSON POST, from a thread of its own, tried three times at most.

Its address is a secret: it stands in no log, no error and no repr. Only http and https are spoken, and no answer can
send us anywhere else.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from typing import Any, Literal
from urllib.parse import urlsplit

from agentctl.domain.errors import Unreachable
from agentctl.domain.notice import Notification

DEADLINE = 5.0
"""Seconds that each step of a try may take, and that all of a try may, twice over."""

_PAUSES = (1.0, 5.0)
"""Seconds between the tries."""

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which it is tried again."""

_SLACK = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
"""What Slack reads as mentions and links."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:  # noqa: ANN401  the standard library's own signature
        """Follow nothing: an answer that names another place is an answer like any other."""


class Webhook:
    """A `Notifier` that posts to one address."""

    def __init__(
        self,
        address: str,
        form: Literal["json", "slack"],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        deadline: float = DEADLINE,
    ) -> None:
        """Post to *address*, in Slack's form or in ours; *deadline* is in seconds, for each step of a try."""
        self._address = address
        self._form = form
        self._sleep = sleep
        self._deadline = deadline

    async def tell(self, note: Notification, to: str = "") -> str:
        """Post *note*; *to* is a channel, for Slack."""
        fault = _unusable(self._address)
        if fault:
            raise Unreachable(fault)
        body = json.dumps(slack(note, to) if self._form == "slack" else plain(note)).encode()
        for pause in (*_PAUSES, None):
            fault, passing = await self._try(body)
            if not fault:
                return "it took the message"
            if pause is None or not passing:
                break
            await self._sleep(pause)
        raise Unreachable(fault)

    async def _try(self, body: bytes) -> tuple[str, bool]:
        """Post *body* once; return what went wrong, empty where nothing did, and whether it may pass."""
        try:
            async with asyncio.timeout(2 * self._deadline):
                return await _in_thread(lambda: _post(self._address, body, self._deadline))
        except TimeoutError:
            return f"no answer within {2 * self._deadline:g} s", True


def plain(note: Notification) -> dict[str, Any]:
    """Return *note* in our own form."""
    return {
        "agent": note.agents[0] if len(note.agents) == 1 else None,
        "agents": list(note.agents),
        "why": note.why,
        "title": note.title,
        "text": note.text,
        "since": note.since.isoformat(timespec="seconds"),
        "host": note.host,
    }


def slack(note: Notification, channel: str = "") -> dict[str, Any]:
    """Return *note* in Slack's form; nothing in it is a mention or a link."""
    text = f"{note.title} (on {note.host})" + (f"\n{note.text}" if note.text else "")
    return {"text": text.translate(_SLACK)} | ({"channel": channel} if channel else {})


def _unusable(address: str) -> str:
    try:
        parts = urlsplit(address)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    return "" if sound else "its address is not set, or no http or https address"


def _post(address: str, body: bytes, deadline: float) -> tuple[str, bool]:
    """Post *body* and wait for the first line of the answer; see `Webhook._try`."""
    headers = {"Content-Type": "application/json", "User-Agent": "agentctl"}
    try:
        request = urllib.request.Request(address, data=body, headers=headers, method="POST")  # noqa: S310  checked
        opener = urllib.request.build_opener(_NoRedirect)
        with opener.open(request, timeout=deadline):
            return "", False
    except urllib.error.HTTPError as error:
        error.close()
        return f"it answered with {error.code}", error.code in _PASSING
    except (OSError, http.client.HTTPException, ValueError) as error:
        return _words(error, deadline), not isinstance(error, ValueError)


def _words(error: Exception, deadline: float) -> str:
    """Return what went wrong without the address, which some errors repeat."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"no answer within {deadline:g} s"
    return (cause.strerror if isinstance(cause, OSError) else None) or f"no connection ({type(cause).__name__})"


async def _in_thread(work: Callable[[], tuple[str, bool]]) -> tuple[str, bool]:
    """Return what *work* returns, from a thread that nobody waits for at the end of the program."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[tuple[str, bool]] = loop.create_future()

    def settle(result: tuple[str, bool]) -> None:
        if not outcome.done():
            outcome.set_result(result)

    def run() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001  whatever it is, somebody waits to hear of it
            result = f"no connection ({type(error).__name__})", False
        try:
            loop.call_soon_threadsafe(settle, result)
        except RuntimeError:  # the loop has ended meanwhile
            return

    threading.Thread(target=run, name="webhook", daemon=True).start()
    return await outcome
