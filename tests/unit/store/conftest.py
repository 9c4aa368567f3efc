from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agentctl.domain.events import Draft, EventType
from agentctl.store.sqlite import SqliteLog


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
def open_log(path: Path) -> Iterator[Callable[..., SqliteLog]]:
    """Open logs, at `path` where nothing else is said, and close them in the end."""
    opened: list[SqliteLog] = []

    def open_one(at: Path = path, **options: bool) -> SqliteLog:
        opened.append(SqliteLog(at, host="here", clock=lambda: datetime.now(UTC), **options))
        return opened[-1]

    yield open_one
    for log in opened:
        log.close()


@pytest.fixture
def drafts() -> Callable[..., list[Draft]]:
    def make(count: int = 1, stream: str = "agent:web/pm", **data: object) -> list[Draft]:
        return [Draft(stream, EventType.AGENT_READY, {"number": number, **data}) for number in range(count)]

    return make


@pytest.fixture
def crash_image() -> Callable[[Path, Path], Path]:
    """Copy what a machine finds on its disk when the writer of a log ends without a word."""

    def copy(path: Path, folder: Path) -> Path:
        folder.mkdir()
        for suffix in (".db", ".db-wal", ".mark"):  # -shm is made anew by whoever comes first
            source = path.with_suffix(suffix)
            if source.exists():
                shutil.copyfile(source, folder / source.name)
        return folder / path.name

    return copy
