"""`version`: a light command."""

from __future__ import annotations

import sys

from agentctl import __version__
from agentctl.cli.flags import Shape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from agentctl.cli.call import Call

SHAPE = Shape((), ())


def run(values: dict[str, Any], call: Call) -> int:
    """Print the version."""
    _ = values, call
    sys.stdout.write(f"agentctl {__version__}\n")
    return 0
