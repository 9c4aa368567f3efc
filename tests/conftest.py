"""What holds for every test: how many examples hypothesis tries, few unless AGENTCTL_CAMPAIGN=full."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("short", max_examples=50, deadline=None)
settings.register_profile("full", max_examples=1000, deadline=None)
settings.load_profile("full" if os.environ.get("AGENTCTL_CAMPAIGN") == "full" else "short")
