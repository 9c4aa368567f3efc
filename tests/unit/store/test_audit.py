"""The summary of a whole log, and the logs of earlier releases, which load for ever."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agentctl.domain.errors import NotFound
from agentctl.domain.events import Draft, EventType
from agentctl.domain.ports import Snapshot
from agentctl.store.audit import audit
from agentctl.store.sqlite import SqliteLog

RELEASES = Path(__file__).parents[2] / "releases"


def now() -> datetime:
    return datetime.now(UTC)


def test_a_sound_log_is_told_from_end_to_end(path: Path, open_log: Callable[..., SqliteLog]) -> None:
    log = open_log()
    events = [log.append([Draft("a", EventType.AGENT_READY)])[0] for _ in range(3)]
    found = audit(path, clock=now)
    assert found.sound
    assert (found.events, found.first, found.last) == (3, events[0].at, events[2].at)
    assert found.hash == events[2].hash


def test_an_empty_log_is_sound(path: Path, open_log: Callable[..., SqliteLog]) -> None:
    open_log()
    assert (audit(path, clock=now).events, audit(path, clock=now).damages) == (0, ())


def test_where_there_is_no_log_there_is_nothing_to_check(path: Path) -> None:
    with pytest.raises(NotFound):
        audit(path, clock=now)


def test_a_file_that_is_no_database_is_damage(path: Path) -> None:
    path.write_bytes(b"not a database" * 500)
    assert [damage.seq for damage in audit(path, clock=now).damages] == [0]


@pytest.mark.parametrize("release", sorted(file.stem for file in RELEASES.glob("log-*.db")))
def test_the_log_of_a_release_loads_verifies_and_goes_on(release: str, tmp_path: Path) -> None:
    for suffix in (".db", ".mark"):
        shutil.copy(RELEASES / f"{release}{suffix}", tmp_path / f"log{suffix}")
    assert audit(tmp_path / "log.db", clock=now).sound
    log = SqliteLog(tmp_path / "log.db", host="there", clock=now)
    events = list(log.read())
    assert {event.type for event in events} >= {"SupervisorStarted", "TeamDeployed", "AgentStarted", "AgentDreamt"}
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert log.load_snapshot("fleet") == Snapshot("fleet", 4, {"agents": {"web/pm": "running"}})
    assert log.append([], request="stop-1") == []
    repeated = log.append([Draft("team:web", EventType.TEAM_RESET)], request="deploy-1")
    assert [event.type for event in repeated] == ["TeamDeployed", "AgentWanted"]
    assert log.append([Draft("agent:web/pm", EventType.AGENT_READY)])[0].seq == len(events) + 1
    assert log.verify() == []
    log.close()


def test_there_is_a_log_of_a_release() -> None:
    assert list(RELEASES.glob("log-*.db"))
