"""Starts the shell worker by path: `python -I -S -X utf8 …/worker/__main__.py`, as shell.toml does."""

import os
import sys

if __name__ == "__main__":
    # -I and -S leave only the standard library on the path; agentctl comes last, so that it shadows nothing.
    sys.path.append(os.path.abspath(os.path.join(__file__, "..", "..", "..", "..")))  # noqa: PTH100, PTH118  quick start
    from agentctl.runners.worker.loop import main

    sys.exit(main(os.environ))
