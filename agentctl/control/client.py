"""A caller's side of the control socket: ask, read items, return the result or raise the error."""

from __future__ import annotations

import socket

from agentctl.control.wire import MOST_BYTES, PROTOCOL, Address, pack, unpack, unpack_error
from agentctl.domain.errors import SupervisorUnreachable, TimedOut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

    from agentctl.control.home import Home

ANSWER_SECONDS = 30.0
"""Seconds that one line of an answer may take; the supervisor's own deadlines are shorter."""


class Client:
    """One caller; each call is a connection of its own, so calls never wait for each other."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def call(
        self,
        verb: str,
        args: dict[str, Any] | None = None,
        *,
        on_item: Callable[[Any], None] | None = None,
        timeout: float | None = ANSWER_SECONDS,
    ) -> Any:  # noqa: ANN401  results are JSON
        """Ask *verb* and return its result; *timeout* in seconds holds for each line, None waits for ever.

        Raises `SupervisorUnreachable` where nobody listens, `TimedOut`, or the error the supervisor answered with.
        """
        answer = self._exchange(verb, args or {}, timeout)
        try:
            for kind, value in answer:
                if kind == "result":
                    return value
                if kind == "error":
                    raise unpack_error(value)
                if on_item is not None:
                    on_item(value)
        finally:
            answer.close()  # in one that is left to be collected Ctrl-C is lost
        raise SupervisorUnreachable("the supervisor ended while it was answering", hint="try again")

    def _exchange(
        self, verb: str, args: dict[str, Any], timeout: float | None
    ) -> Generator[tuple[str, Any], None, None]:
        with self._connect(timeout) as channel:
            try:
                channel.sendall(pack({"v": PROTOCOL, "verb": verb, "args": args}))
                with channel.makefile("rb") as lines:
                    while line := lines.readline(MOST_BYTES):
                        yield next(iter(unpack(line).items()))
            except TimeoutError:
                raise TimedOut(
                    f"the supervisor did not answer within {timeout:g}s", hint="look at: agentctl daemon status"
                ) from None
            except (ConnectionError, BrokenPipeError):
                return

    def _connect(self, timeout: float | None) -> socket.socket:
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        channel.settimeout(timeout)
        try:
            with Address(self._home.address) as address:
                channel.connect(address)
        except (FileNotFoundError, ConnectionRefusedError):
            channel.close()
            raise SupervisorUnreachable(
                "no supervisor is running",
                hint="agentctl daemon start: it finds agents that run on; agentctl deploy starts it, too",
            ) from None
        except OSError as error:
            channel.close()
            raise SupervisorUnreachable(
                f"the control socket {self._home.address} cannot be used: {error.strerror or error}"
            ) from None
        return channel
