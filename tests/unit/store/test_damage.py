"""Damage of every kind is noticed when the log is opened or verified."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agentctl.domain.errors import Damaged, StoreError
from agentctl.domain.events import Draft, Event, EventType
from agentctl.domain.ports import Snapshot
from agentctl.store import chain
from agentctl.store.audit import audit
from agentctl.store.mark import Mark
from agentctl.store.sqlite import SqliteLog

EVENTS = 240
CHECKPOINTED = 150


def now() -> datetime:
    return datetime.now(UTC)


def open_at(path: Path, **options: bool) -> SqliteLog:
    return SqliteLog(path, host="here", clock=now, **options)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the folder that a killed writer leaves: some events in the database, the last only in its WAL."""
    chance = random.Random(7)
    live, folder = tmp_path_factory.mktemp("live"), tmp_path_factory.mktemp("image")
    log = open_at(live / "log.db")
    while log.head() < EVENTS:
        if log.head() == CHECKPOINTED:
            log.save_snapshot(Snapshot("fleet", CHECKPOINTED, {"agents": ["web/pm", "web/dev"] * 20}))
            log._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        words = " ".join(chance.choices(["idle", "wörk", "ready", "done"], k=chance.randrange(40)))
        kind = chance.choice(list(EventType))
        drafts = [Draft(f"agent:web/a{chance.randrange(8)}", kind, {"evidence": words, "n": n}) for n in range(5)]
        log.append(drafts, request=f"request-{log.head()}" if chance.random() < 0.3 else None)
    for name in ("log.db", "log.db-wal", "log.mark"):
        shutil.copyfile(live / name, folder / name)
    log.close()
    return folder


@pytest.fixture(scope="module")
def closed(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the folder of the same log after its writer ended well: all in the database, no WAL."""
    folder = tmp_path_factory.mktemp("closed")
    open_at(copy_of(image, folder)).close()
    assert sorted(file.name for file in folder.iterdir()) == ["log.db", "log.mark"]
    return folder


@pytest.fixture(scope="module")
def written(image: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    path = copy_of(image, tmp_path_factory.mktemp("sound"))
    log = open_at(path)
    assert log.verify() == []
    events = list(log.read())
    log.close()
    assert len(events) == EVENTS
    return events


@pytest.fixture
def path(image: Path, tmp_path: Path) -> Path:
    return copy_of(image, tmp_path / "copy")


def copy_of(image: Path, folder: Path) -> Path:
    shutil.copytree(image, folder, dirs_exist_ok=True)
    return folder / "log.db"


def noticed(path: Path) -> bool:
    """Tell whether opening for writing, or else a full check, says that something is wrong."""
    found = audit_says(path)
    try:
        log = open_at(path)
    except StoreError as error:
        return bool(error.hint)
    verified = bool(log.verify())
    log.close()
    assert verified == found  # the audit of a reader knows as much as the writer's own check
    return verified


def audit_says(path: Path) -> bool:
    try:
        return not audit(path, clock=now).sound
    except StoreError:
        return True


def unharmed(path: Path, written: list[Event]) -> bool:
    """Tell whether every event and the snapshot read back as written and the log goes on: the byte had no use."""
    log = open_at(path)
    same = list(log.read()) == written and log.load_snapshot("fleet") is not None
    streams = {event.stream for event in written}
    same = same and all(
        list(log.read(stream=stream)) == [event for event in written if event.stream == stream] for stream in streams
    )
    goes_on = log.append([Draft("a", EventType.AGENT_READY)])[0].seq == EVENTS + 1 and log.verify() == []
    log.close()
    return same and goes_on


def test_each_zeroed_page_is_noticed(closed: Path, tmp_path: Path) -> None:
    pages = (closed / "log.db").stat().st_size // 4096
    assert pages > 20
    for page in range(pages):
        path = copy_of(closed, tmp_path / f"{page}")
        overwrite(path, page * 4096, bytes(4096))
        assert noticed(path), f"page {page}"


def test_a_flipped_bit_in_the_wal_is_noticed(image: Path, tmp_path: Path) -> None:
    for number, (path, offset) in enumerate(flipped(image, tmp_path, "log.db-wal", 30)):
        assert noticed(path), f"flip {number} at byte {offset}"


def test_a_flipped_bit_in_the_database_is_noticed_where_the_byte_has_a_use(
    closed: Path, tmp_path: Path, written: list[Event]
) -> None:
    silent = 0
    for path, offset in flipped(closed, tmp_path, "log.db", 60):
        if not noticed(path):
            assert unharmed(path, written), f"byte {offset}"
            silent += 1
    assert silent < 24  # free space inside pages, and fields of the header that SQLite does not read


def flipped(image: Path, folder: Path, name: str, times: int) -> Iterator[tuple[Path, int]]:
    chance = random.Random(f"bits of {name}")
    for number in range(times):
        path = copy_of(image, folder / f"{number}")
        file = path.with_name(name)
        offset = chance.randrange(file.stat().st_size)
        overwrite(file, offset, bytes([file.read_bytes()[offset] ^ 1 << chance.randrange(8)]))
        yield path, offset


def test_a_wal_cut_anywhere_is_noticed(image: Path, tmp_path: Path) -> None:
    size = (image / "log.db-wal").stat().st_size
    chance = random.Random("cuts")
    for number, length in enumerate([0, 1, 31, 32, size // 2, size - 4120, size - 1, *chance.sample(range(size), 13)]):
        path = copy_of(image, tmp_path / f"{number}")
        with path.with_name("log.db-wal").open("r+b") as file:
            file.truncate(length)
        assert noticed(path), f"cut to {length}"


def test_a_database_cut_anywhere_is_noticed(closed: Path, tmp_path: Path) -> None:
    size = (closed / "log.db").stat().st_size
    for number, length in enumerate([0, 1, 99, 100, 4095, 4096, size // 2, size - 4096, size - 1]):
        path = copy_of(closed, tmp_path / f"{number}")
        with path.open("r+b") as file:
            file.truncate(length)
        assert noticed(path), f"cut to {length}"


@pytest.mark.parametrize("gone", [["log.db-wal"], ["log.db"], ["log.db", "log.db-wal"]], ids=" and ".join)
def test_a_missing_file_is_noticed(path: Path, gone: list[str]) -> None:
    for name in gone:
        path.with_name(name).unlink()
    assert noticed(path)


@pytest.mark.parametrize("name", ["log.db", "log.db-wal", "log.mark"])
@pytest.mark.parametrize("garbage", [b"\x00" * 100, b"SQLite format 4\x00", b"\xff" * 4096, b"ascii\n"], ids=range(4))
def test_a_header_of_garbage_is_noticed(image: Path, closed: Path, tmp_path: Path, name: str, garbage: bytes) -> None:
    path = copy_of(image if name == "log.db-wal" else closed, tmp_path / "copy")
    overwrite(path.with_name(name), 0, garbage)
    assert noticed(path)


COLUMN_EDITS = [
    "stream = 'agent:web/evil'", "version = version + 1000", "type = 'AgentStopped2'", "at = '2020-01-01T00:00:00'",
    "actor = 'human'", "host = 'there'", "data = '{}'", "data = data || ' '", "data = 'no json'", "part = part + 7",
    "request = 'request-x'", "hash = hash || '0'", "data = CAST(x'7b22ff227d' AS TEXT)", "at = ''",
    "data = x'7b7d'", "seq = 100000", "seq = -1",
]  # fmt: skip


@pytest.mark.parametrize("edit", COLUMN_EDITS)
@pytest.mark.parametrize("seq", [1, 123, EVENTS])
def test_an_edited_row_is_noticed(path: Path, edit: str, seq: int) -> None:
    with editor(path) as connection:
        connection.execute(f"UPDATE events SET {edit} WHERE seq = {seq}")
    assert noticed(path)
    damages = audit(path, clock=now).damages
    assert damages[0].seq in (seq, -1, 0), damages


@pytest.mark.parametrize(
    "script",
    [
        "DELETE FROM events WHERE seq = 1",
        "DELETE FROM events WHERE seq = 180",
        "DELETE FROM events WHERE seq BETWEEN 100 AND 200",
        f"DELETE FROM events WHERE seq = {EVENTS}",
        f"DELETE FROM events WHERE seq > {EVENTS - 50}",
        "DELETE FROM events",
        "UPDATE events SET seq = -2 WHERE seq = 5; UPDATE events SET seq = 5 WHERE seq = 6;"
        "UPDATE events SET seq = 6 WHERE seq = -2",
        "DELETE FROM events WHERE seq = 7; UPDATE events SET seq = seq - 1 WHERE seq > 7",
        "INSERT INTO events SELECT 241, stream, 9999, type, at, actor, host, data, NULL, 0, hash FROM events"
        " WHERE seq = 3",
        "UPDATE snapshots SET state = '{}'",
        "UPDATE snapshots SET seq = seq - 1",
        "DROP TABLE snapshots",
        "DROP TABLE events",
        "DROP INDEX events_of_request",
        "PRAGMA user_version = 0",
        "PRAGMA user_version = 2000",
    ],
)
def test_rows_taken_swapped_or_put_in_are_noticed(path: Path, script: str) -> None:
    with editor(path) as connection:
        connection.executescript(script)
    assert noticed(path)


def test_a_row_with_a_new_hash_is_noticed_at_the_next(path: Path) -> None:
    with editor(path) as connection:
        rehash(connection, 50, 50)
    assert [damage.seq for damage in audit(path, clock=now).damages] == [51]
    assert noticed(path)


def test_an_end_that_was_written_anew_is_noticed_by_the_mark(path: Path) -> None:
    with editor(path) as connection:
        rehash(connection, 50, EVENTS)
    assert [damage.seq for damage in audit(path, clock=now).damages] == [CHECKPOINTED, EVENTS]  # the snapshot, too
    assert noticed(path)


def test_a_trigger_that_is_gone_is_noticed(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER events_never_go")
    connection.close()
    assert noticed(path)


def test_a_mark_of_another_log_is_noticed(path: Path, tmp_path: Path) -> None:
    mark = Mark(path.with_suffix(".mark"))
    mark.open()
    mark.write(3, "f" * 64)
    mark.close()
    assert noticed(path)


def test_what_is_damaged_stays_readable_up_to_there_and_is_named(path: Path) -> None:
    path.with_name("log.db-wal").unlink()
    with pytest.raises(Damaged, match=f"events {CHECKPOINTED + 1} to {EVENTS} are missing") as caught:
        open_at(path)
    assert "log.mark" in caught.value.hint
    with pytest.raises(Damaged):
        open_at(path, read_only=True)
    log = open_at(path, read_only=True, check=False)
    assert [event.seq for event in log.read()] == list(range(1, CHECKPOINTED + 1))
    log.close()


def test_a_person_may_go_on_with_what_is_left(path: Path) -> None:
    path.with_name("log.db-wal").unlink()
    path.with_suffix(".mark").rename(path.with_suffix(".old"))
    assert audit(path, clock=now).damages[0].what.startswith("log.mark is missing")
    log = open_at(path)
    assert log.append([Draft("a", EventType.AGENT_READY)])[0].seq == CHECKPOINTED + 1
    assert log.verify() == []
    log.close()


def test_a_log_without_a_mark_that_does_not_hold_together_is_refused(path: Path) -> None:
    with editor(path) as connection:
        connection.execute("UPDATE events SET actor = 'me' WHERE seq = 9")
    path.with_suffix(".mark").unlink()
    with pytest.raises(Damaged, match="event 9 is not what was written"):
        open_at(path)


def test_a_damaged_snapshot_is_no_snapshot(path: Path) -> None:
    with editor(path) as connection:
        connection.execute("UPDATE snapshots SET state = '{\"agents\":[]}'")
    log = open_at(path)
    assert log.load_snapshot("fleet") is None
    log.close()


class editor:
    """Open the database past our triggers, which are put back as they were."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> sqlite3.Connection:
        self._connection = sqlite3.connect(self._path, isolation_level=None)
        rows = self._connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        self._triggers = [sql for _, sql in rows]
        for name, _ in rows:
            self._connection.execute(f"DROP TRIGGER {name}")
        return self._connection

    def __exit__(self, *_: object) -> None:
        try:
            for sql in self._triggers:
                if self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone():
                    self._connection.execute(sql)
        finally:
            self._connection.close()


def rehash(connection: sqlite3.Connection, first: int, last: int) -> None:
    """Change the event *first* and give all from it to *last* the hashes that then belong there."""
    connection.execute("UPDATE events SET actor = 'me' WHERE seq = ?", (first,))
    previous = connection.execute("SELECT hash FROM events WHERE seq = ?", (first - 1,)).fetchone()[0]
    rows: Iterator[chain.Row] = iter(
        connection.execute("SELECT * FROM events WHERE seq BETWEEN ? AND ? ORDER BY seq", (first, last)).fetchall()
    )
    for row in rows:
        previous = chain.link(previous, row[:10])
        connection.execute("UPDATE events SET hash = ? WHERE seq = ?", (previous, row[0]))


def overwrite(file: Path, offset: int, data: bytes) -> None:
    with file.open("r+b") as stream:
        stream.seek(offset)
        stream.write(data)
