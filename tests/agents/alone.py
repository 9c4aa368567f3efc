"""Run a command where no network is but the machine's own: proof that nothing asks anybody outside.

    python -m tests.agents.alone pytest tests/agents -m agents

Where the system does not allow it, the command runs as it is, and that is said.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

_UP = 'ip link set lo up && exec "$@"'


def prefix() -> list[str]:
    """The words that put a command into a network of its own; empty where that cannot be had."""
    words = ["unshare", "-n", *(() if os.geteuid() == 0 else ("-r",)), "--", "sh", "-c", _UP, "sh"]
    if not (shutil.which("unshare") and shutil.which("ip")):
        return []
    tried = subprocess.run([*words, "true"], capture_output=True, timeout=10, check=False)
    return words if tried.returncode == 0 else []


def main() -> int:
    command = sys.argv[1:]
    if not command:
        sys.stderr.write(__doc__ or "")
        return 2
    if command[0] == "pytest":
        command = [sys.executable, "-m", *command]
    alone = prefix()
    if not alone:
        sys.stderr.write("no network of its own can be had here: the command runs in that of the machine\n")
    return subprocess.run([*alone, *command], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
