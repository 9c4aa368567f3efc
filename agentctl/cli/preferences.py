"""Colour and format as settings files want them: for a terminal only, so that no file changes what a script reads."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agentctl.cli.call import Call


def preferred(call: Call) -> tuple[str, str]:
    """Return the colour choice and the format in force where no flag names one."""
    form = os.environ.get("AGENTCTL_OUTPUT", "")
    if not sys.stdout.isatty() or not _has_file():
        return call.color, form
    from agentctl.cli.folder import here  # noqa: PLC0415  only where there is a file
    from agentctl.spec.settings import load_settings  # noqa: PLC0415  as above; loads YAML

    settings = load_settings(here())
    return (settings.color if call.color == "auto" else call.color), settings.output


def _has_file() -> bool:
    from pathlib import Path  # noqa: PLC0415  slow to import

    from agentctl.cli.folder import here  # noqa: PLC0415  as above

    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111  HOME may be unset
    folder = here()
    places = [
        *(place / "agentctl.yaml" for place in (folder, *folder.parents)),
        Path(base) / "agentctl" / "config.yaml",
    ]
    return any(path.is_file() for path in places)
