"""`python -m agentctl.supervisor`: how the command line, and an init system, start the supervisor."""

from __future__ import annotations

import sys

from agentctl.supervisor.daemon import main

sys.exit(main())
