"""A caller's side of the socket: Ctrl-C ends a call wherever it meets it."""

from __future__ import annotations

import socket

import pytest

from agentctl.control.client import Client
from agentctl.control.home import Home
from agentctl.control.wire import pack


class Interrupted(socket.socket):
    """A connection in whose closing Ctrl-C comes."""

    def __exit__(self, *_: object) -> None:
        self.close()
        raise KeyboardInterrupt


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("line", [{"result": 1}, {"error": {"kind": "UsageError", "message": "no"}}])
def test_ctrl_c_is_not_lost_while_a_connection_closes(tmp_path, monkeypatch, line: dict[str, object]) -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(pack(line))
    monkeypatch.setattr(Client, "_connect", lambda *_: Interrupted(fileno=ours.detach()))
    with theirs, pytest.raises(KeyboardInterrupt):
        Client(Home(tmp_path)).call("ps")
