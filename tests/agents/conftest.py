"""Real programs where they are installed; `python -m tests.agents.install` puts them into a cache."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.install import PACKAGES, found
from tests.agents.model import Model
from tests.agents.stage import AgentStage

_SHORT = "claude"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Play with one program only in the whole suite, where it is installed; `-m agents` plays with all, at length."""
    if "agents" in (config.option.markexpr or "") or os.environ.get("AGENTCTL_CAMPAIGN") == "full":
        return
    longer = pytest.mark.skip(reason="played by: make test-agents")
    for item in items:
        short = f"[{_SHORT}]" in item.name and "test_real_agents" in item.nodeid
        if item.get_closest_marker("agents") is not None and not short:
            item.add_marker(longer)


@pytest.fixture
def model() -> Iterator[Model]:
    with Model() as model:
        yield model


@pytest.fixture
def stage(request: pytest.FixtureRequest, tmp_path: Path, model: Model) -> Iterator[AgentStage]:
    """A stage for the program that the test is parametrized with."""
    name = request.param
    if (program := found(name)) is None:
        pytest.skip(f"{name} {PACKAGES[name].version} is not here: python -m tests.agents.install {name}")
    stage = AgentStage(tmp_path, program, model)
    try:
        yield stage
    finally:
        faults = stage.close()
    assert faults == []
