"""A systemd scope for our tmux server: it is handed to us to divide, and it outlives the unit that started us.

Everything in the server's windows is born into it, so agents may be put into groups of their own with real limits, by
an ordinary user too: nobody but systemd may move a process from a login's group into another.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

SCOPE_PREFIX = "agentctl-"
_BOOTED = Path("/run/systemd/system")
_SYSTEM_BUS = Path("/run/dbus/system_bus_socket")


def in_scope(hub: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the words that start what follows them in a scope of its own; none where there is no systemd to ask."""
    runtime = (os.environ if environ is None else environ).get("XDG_RUNTIME_DIR", "")
    if shutil.which("systemd-run") is None:
        return []
    if runtime and Path(runtime, "systemd", "private").exists() and Path(runtime, "bus").exists():
        manager = ["--user"]
    elif os.geteuid() == 0 and _BOOTED.is_dir() and _SYSTEM_BUS.exists():
        manager = []
    else:
        return []
    unit = f"{SCOPE_PREFIX}{hub.strip('_')}-{os.getpid()}.scope"
    return ["systemd-run", *manager, "--scope", "--quiet", "--collect", "-p", "Delegate=yes", f"--unit={unit}", "--"]
