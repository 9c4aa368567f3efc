"""Plain values to YAML: for `-o yaml`."""

from __future__ import annotations

import yaml


def dump(value: object) -> str:
    """Return *value* as YAML in ASCII, so that no control character of an agent's text reaches a terminal."""
    return str(yaml.safe_dump(value, allow_unicode=False, sort_keys=False, default_flow_style=False, width=120))
