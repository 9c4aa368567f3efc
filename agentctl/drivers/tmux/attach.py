"""How a person gets to an agent's window: the command to become, chosen by where the person is.

Outside tmux it attaches; inside the same server it switches the person's client; inside another server, or to look
only, it opens a popup there with the session in it, which leaves the outer one as it is.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping

from agentctl.drivers.tmux.invoke import command, socket_path


def attach_argv(
    socket: str, session: str, *, pane: str = "", environ: Mapping[str, str], read_only: bool = False
) -> list[str]:
    """Return the command that shows *session*, at *pane* where one is named, in the terminal of *environ*.

    It is to be run in that environment as it is, `TMUX` included.
    """
    target = pane or f"={session}:"
    around = environ.get("TMUX", "").rpartition(",")[0].rpartition(",")[0]
    looking = ["-f", "read-only,ignore-size"] if read_only else []
    attach = [*command(socket), "attach-session", *looking, "-t", target]
    if not around:
        return attach
    if not read_only and os.path.realpath(around) == os.path.realpath(socket_path(socket, environ)):
        return [*command(socket), "switch-client", "-t", target]
    inner = shlex.join(["env", "-u", "TMUX", "-u", "TMUX_PANE", *attach])
    return ["tmux", "-u", "display-popup", "-E", "-w", "95%", "-h", "90%", inner]
