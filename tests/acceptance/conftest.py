"""The stage that acceptance tests play on; whatever a test does, nothing of it is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.acceptance.fake import FakeStage
from tests.acceptance.stage import Stage

S = TypeVar("S", bound=Stage)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    yield from _played(Stage, tmp_path)


@pytest.fixture
def fakes(tmp_path: Path) -> Iterator[FakeStage]:
    """Give a stage for fake coding agents."""
    yield from _played(FakeStage, tmp_path)


def _played(kind: type[S], folder: Path) -> Iterator[S]:
    if not Path("/proc/self/environ").exists():
        pytest.skip("what runs is counted by /proc")
    stage = kind(folder)
    try:
        yield stage
    finally:
        faults = stage.close()
    assert faults == []
