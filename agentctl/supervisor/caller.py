"""Who speaks on the socket, as the kernel knows it: a person's command line, or an agent from inside its pane."""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from agentctl.domain.errors import Refused
from agentctl.domain.names import AgentId
from agentctl.supervisor.world import World

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: `struct ucred`
_TTY_NR = 4  # of /proc/PID/stat, counted from the state
_LOCAL_PEERPID = 2  # macOS, <sys/un.h>


@dataclass(frozen=True, slots=True)
class Caller:
    """The other end of a connection."""

    pid: int
    agent: AgentId | None = None
    """None is a person."""

    @property
    def name(self) -> str:
        """Return who this is for the log: an agent's id, or `person`."""
        return self.agent or "person"


def identify(channel: socket.socket, world: World) -> Caller:
    """Return who is at the other end of *channel*; raise `Refused` for another user.

    An agent is one whose ancestors include an agent's process, or who carries an agent's mark: what is in doubt
    counts as an agent, which may do less.
    """
    pid, uid = _credentials(channel)
    if uid != os.getuid():
        raise Refused("another user's process cannot speak to this supervisor")
    shims = {agent.process.pid: agent.id for agent in world.ledger.fleet.agents.values() if agent.process is not None}
    ancestors = world.processes.ancestors(pid)
    for ancestor in ancestors:
        if ancestor in shims:
            return Caller(pid, shims[ancestor])
    _check_is_no_job(ancestors, world)
    return Caller(pid, _marked(pid, world.home.id))


def _check_is_no_job(ancestors: list[int], world: World) -> None:
    """Raise `Refused` for what the terminal's server has started outside of any pane: an agent may have told it to."""
    server = world.terminal.server()
    if server is None or server.pid not in ancestors:
        return
    below = ancestors[: ancestors.index(server.pid)]
    if below and not _has_terminal(below[-1]):
        raise Refused("a job of the tmux server is neither a person nor an agent", hint="use a window of it instead")


def _has_terminal(pid: int) -> bool:
    """Tell whether *pid* has a controlling terminal, as every pane's process has; where it cannot be told, it has."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return True
    return fields[_TTY_NR] != "0"


def _credentials(channel: socket.socket) -> tuple[int, int]:
    if hasattr(socket, "SO_PEERCRED"):
        data = channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid, uid, _ = _CREDENTIALS.unpack(data)
        return pid, uid
    pid = channel.getsockopt(0, _LOCAL_PEERPID)  # the socket's mode keeps other users out
    return pid, os.getuid()


def _marked(pid: int, home_id: str) -> AgentId | None:
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    values = dict(variable.partition(b"=")[::2] for variable in variables)
    if values.get(b"AGENTCTL_HOME_ID") != home_id.encode() or b"AGENTCTL_AGENT" not in values:
        return None
    return AgentId(values[b"AGENTCTL_AGENT"].decode(errors="replace"))
