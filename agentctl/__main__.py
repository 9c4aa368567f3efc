"""The way in: `agentctl …` and `python -m agentctl …`.

The one place where errors become lines and exit codes; nothing above it prints a traceback.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line in `sys.argv` and return the exit code."""
    try:
        from agentctl.cli.interrupts import end_at_once  # noqa: PLC0415  Ctrl-C while modules load is caught here, too

        end_at_once()
        from agentctl.cli.entry import run  # noqa: PLC0415  as above

        return run(sys.argv[1:])
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
