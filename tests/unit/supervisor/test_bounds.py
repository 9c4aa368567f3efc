"""The machine's bounds, from the variables that the settings travel in."""

from __future__ import annotations

import pytest

from agentctl.domain.errors import UsageError
from agentctl.engine.machine import Bounds
from agentctl.supervisor.bounds import bounds_of


@pytest.mark.parametrize(
    ("variables", "bounds"),
    [
        ({}, Bounds()),
        ({"CPU": "60%", "MEMORY_RESERVE": "auto", "AGENTS": "none", "STARTING": "auto"}, Bounds()),
        ({"CPU": "", "AGENTS": ""}, Bounds()),
        ({"CPU": "12.5%"}, Bounds(12.5)),
        ({"MEMORY_RESERVE": "1GiB"}, Bounds(reserve_bytes=2**30)),
        ({"MEMORY_RESERVE": "0%"}, Bounds(reserve_share=0.0)),
        ({"AGENTS": "8", "STARTING": "2"}, Bounds(agents=8, starting=2)),
    ],
)
def test_what_the_settings_say_arrives(variables: dict[str, str], bounds: Bounds) -> None:
    assert bounds_of({f"AGENTCTL_MACHINE_{name}": value for name, value in variables.items()}) == bounds


@pytest.mark.parametrize(
    ("name", "value"), [("CPU", "much"), ("MEMORY_RESERVE", "12"), ("AGENTS", "few"), ("STARTING", "1.5")]
)
def test_what_was_set_by_hand_and_cannot_be_read_is_told(name: str, value: str) -> None:
    with pytest.raises(UsageError, match="a setting of the machine cannot be read"):
        bounds_of({f"AGENTCTL_MACHINE_{name}": value})
