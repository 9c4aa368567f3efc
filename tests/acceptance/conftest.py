"""The stage that acceptance tests play on; whatever a test does, nothing of it is left behind."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.acceptance.fake import FakeStage
from tests.acceptance.forge import Forge
from tests.acceptance.stage import Stage

S = TypeVar("S", bound=Stage)


@pytest.fixture(scope="session")
def forge() -> Iterator[Forge]:
    forge = Forge()
    yield forge
    forge.close()


@pytest.fixture
def crowd() -> Iterator[None]:
    """Be the only test of all workers, and of all runs on this machine, that starts dozens of processes at once.

    Two crowds at once would take from each other what each is given to end in. Waiting counts as the test's time.
    """
    path = Path(tempfile.gettempdir()) / f"agentctl-tests-crowd-{os.getuid()}"
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture
def stage(tmp_path: Path, forge: Forge) -> Iterator[Stage]:
    yield from _played(Stage, tmp_path, forge)


@pytest.fixture
def fakes(tmp_path: Path, forge: Forge) -> Iterator[FakeStage]:
    """Give a stage for fake coding agents."""
    yield from _played(FakeStage, tmp_path, forge)


def _played(kind: type[S], folder: Path, forge: Forge) -> Iterator[S]:
    if not Path("/proc/self/environ").exists():
        pytest.skip("what runs is counted by /proc")
    stage = kind(folder)
    stage.forge = forge
    try:
        yield stage
    finally:
        faults = stage.close()
    assert faults == []
