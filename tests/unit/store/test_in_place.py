"""A log whose file is taken away while it is in use."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agentctl.domain.errors import Damaged
from agentctl.domain.events import Draft, EventType
from agentctl.store.sqlite import SqliteLog


@pytest.mark.parametrize("replaced", [False, True])
def test_nothing_is_acknowledged_that_nobody_would_ever_read(tmp_path: Path, replaced: bool) -> None:
    path = tmp_path / "log.db"
    log = SqliteLog(path, host="here", clock=lambda: datetime.now(UTC))
    log.append([Draft("team:t", EventType.TEAM_RESET)])
    kept = path.rename(tmp_path / "kept.db")
    if replaced:
        path.write_bytes(b"")
    with pytest.raises(Damaged, match="deleted or replaced"):
        log.append([Draft("team:t", EventType.TEAM_RESET)])
    path.unlink(missing_ok=True)
    kept.rename(path)
    assert [event.seq for event in log.append([Draft("team:t", EventType.TEAM_RESET)])] == [2]
    log.close()
