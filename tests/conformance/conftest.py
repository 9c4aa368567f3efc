"""What the tests of checkpoints stand on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.ground import Ground


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """Give a user with a home and nothing in it yet."""
    ground = Ground(tmp_path)
    monkeypatch.setenv("HOME", str(ground.home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return ground
