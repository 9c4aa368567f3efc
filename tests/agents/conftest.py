"""Real programs where they are installed; `python -m tests.agents.install` puts them into a cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.install import PACKAGES, found
from tests.agents.model import Model
from tests.agents.stage import AgentStage


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
