"""The stage that acceptance tests play on; whatever a test does, nothing of it is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.stage import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    if not Path("/proc/self/environ").exists():
        pytest.skip("what runs is counted by /proc")
    stage = Stage(tmp_path)
    try:
        yield stage
    finally:
        faults = stage.close()
    assert faults == []
