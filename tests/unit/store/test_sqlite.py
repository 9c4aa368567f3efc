"""What only the log on disk does: files, modes, other processes' writes, and SQLite's errors in our words."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agentctl.domain.errors import AgentctlError, Conflict, Damaged, HomeUnusable, NotFound, StoreError
from agentctl.domain.events import Draft
from agentctl.domain.ports import Snapshot
from agentctl.store import schema
from agentctl.store.faults import translate
from agentctl.store.sqlite import _OF_STREAM, SqliteLog

Drafts = Callable[..., list[Draft]]
Open = Callable[..., SqliteLog]


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_files_are_for_the_owner_alone_whatever_the_umask(
    path: Path, open_log: Open, drafts: Drafts, umask: int
) -> None:
    before = os.umask(umask)
    try:
        open_log().append(drafts())
        open_log(read_only=True)
    finally:
        os.umask(before)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(["log.db", "log.db-wal", "log.db-shm", "log.mark"], 0o600)


def test_a_log_that_was_opened_to_others_is_closed_again(path: Path, open_log: Open, drafts: Drafts) -> None:
    log = open_log()
    log.append(drafts())
    log.close()
    path.chmod(0o666)
    open_log()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_reading_where_nothing_is_makes_nothing(path: Path, open_log: Open) -> None:
    with pytest.raises(NotFound) as caught:
        open_log(read_only=True)
    assert "nothing was deployed yet" in caught.value.message
    assert list(path.parent.iterdir()) == []


def test_an_empty_file_is_a_log_that_nobody_wrote_to(path: Path, open_log: Open, drafts: Drafts) -> None:
    path.touch()
    with pytest.raises(NotFound):
        open_log(read_only=True)
    assert open_log().append(drafts())[0].seq == 1


@pytest.mark.parametrize("name", ["log.db", "log.mark"])
def test_a_symbolic_link_is_not_followed(path: Path, open_log: Open, name: str) -> None:
    target = path.with_name("elsewhere")
    (path.parent / name).symlink_to(target)
    with pytest.raises(HomeUnusable, match="symbolic link"):
        open_log()
    assert not target.exists()


def test_odd_characters_in_the_path_are_only_characters(tmp_path: Path, open_log: Open, drafts: Drafts) -> None:
    folder = tmp_path / "a b?mode=memory#%41&ü"
    folder.mkdir()
    open_log(folder / "log.db").append(drafts())
    assert {file.name for file in folder.iterdir()} >= {"log.db", "log.mark"}


# --- readers and other writers ---------------------------------------------------------------------------------------


def test_a_reader_sees_what_another_process_wrote_and_writes_nothing(open_log: Open, drafts: Drafts) -> None:
    writer, reader = open_log(), None
    writer.append(drafts(2))
    reader = open_log(read_only=True)
    writer.append(drafts(3))
    assert [event.seq for event in reader.read()] == [1, 2, 3, 4, 5]
    assert reader.verify() == []
    for write in (lambda: reader.append(drafts()), lambda: reader.save_snapshot(Snapshot("fleet", 1, {}))):
        with pytest.raises(StoreError, match="reading only"):
            write()


def test_a_reader_is_answered_while_a_writer_is_in_the_middle(path: Path, open_log: Open, drafts: Drafts) -> None:
    open_log().append(drafts(3))
    busy = sqlite3.connect(path, isolation_level=None)
    busy.execute("BEGIN IMMEDIATE")
    assert open_log(read_only=True).head() == 3
    busy.close()


def test_two_writers_of_one_file_stay_consistent(open_log: Open, drafts: Drafts) -> None:
    one, two = open_log(), open_log()
    for _ in range(5):
        assert one.append(drafts(2, "a"))[-1].hash == list(two.read())[-1].hash
        two.append(drafts(1, "a"))
    with pytest.raises(Conflict, match="version 15"):
        one.append([Draft("a", drafts()[0].type, expected=14)])
    assert two.append(drafts(), request="r") == one.append(drafts(), request="r")
    assert [event.version for event in one.read(stream="a")] == list(range(1, 16))
    assert one.verify() == two.verify() == []


def test_threads_may_share_one_log(open_log: Open, drafts: Drafts) -> None:
    log = open_log()
    threads = [threading.Thread(target=lambda: [log.append(drafts(2)) for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.head() == 160
    assert log.verify() == []


def test_a_writer_that_holds_on_is_an_error_with_a_next_step(
    path: Path, open_log: Open, drafts: Drafts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "BUSY_SECONDS", 0.05)
    log = open_log()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another process holds the log") as caught:
        log.append(drafts())
    assert "daemon status" in caught.value.hint
    other.execute("ROLLBACK")
    other.close()
    assert log.append(drafts())[0].seq == 1


def test_a_log_that_went_back_under_a_writer_is_noticed(path: Path, open_log: Open, drafts: Drafts) -> None:
    log = open_log()
    log.append(drafts(3))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("DROP TRIGGER events_never_go")
    other.execute("DELETE FROM events WHERE seq = 3")
    other.close()
    with pytest.raises(Damaged, match="event 3 was written and is gone"):
        log.append(drafts())


def test_an_interrupted_append_leaves_the_log_usable(
    open_log: Open, drafts: Drafts, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = open_log()
    log.append(drafts())
    monkeypatch.setattr(log, "_caught_up", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        log.append(drafts())
    monkeypatch.undo()
    assert log.append(drafts())[0].seq == 2


def test_events_refuse_to_be_changed_through_sql(path: Path, open_log: Open, drafts: Drafts) -> None:
    log = open_log()
    log.append(drafts(2))
    for statement in ("UPDATE events SET actor = 'me'", "DELETE FROM events"):
        with pytest.raises(sqlite3.IntegrityError, match="an event never"):
            log._connection.execute(statement)
    with pytest.raises(sqlite3.IntegrityError):
        log._connection.execute("INSERT OR REPLACE INTO events SELECT * FROM events WHERE seq = 1")
    assert log.verify() == []


def test_every_commit_is_on_the_disk_before_append_returns(open_log: Open) -> None:
    connection = open_log()._connection
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA busy_timeout").fetchone()[0] >= 5000


def test_a_stream_is_read_by_its_index(open_log: Open) -> None:
    place = {"stream": "a", "version": 0, "after": 0, "head": 9, "most": 5}
    plan = open_log()._connection.execute(f"EXPLAIN QUERY PLAN {_OF_STREAM}", place).fetchall()
    assert "(stream=? AND version>?)" in str(plan)
    assert "TEMP B-TREE" not in str(plan)


# --- schemas of other releases ---------------------------------------------------------------------------------------


@pytest.fixture
def next_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the folder of migrations that a next release would have."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    for file in schema.MIGRATIONS.glob("*.sql"):
        (folder / file.name).write_text(file.read_text())
    number = schema.newest() + 1
    (folder / f"{number:04d}_more.sql").write_text(
        "CREATE TABLE more (x);\nCREATE TRIGGER t AFTER INSERT ON more\nBEGIN\n SELECT 1;\nEND;\n"
    )
    return folder


def test_a_newer_schema_is_refused_and_left_alone(path: Path, open_log: Open, drafts: Drafts) -> None:
    log = open_log()
    log.append(drafts())
    log._connection.execute("PRAGMA user_version = 99")
    log.close()
    for read_only in (False, True):
        with pytest.raises(StoreError, match="newer agentctl") as caught:
            open_log(read_only=read_only)
        assert caught.value.hint == "upgrade agentctl"
    assert not path.with_name("log.db.v99").exists()


def test_an_older_schema_is_copied_then_migrated(
    path: Path, open_log: Open, drafts: Drafts, next_release: Path
) -> None:
    before = os.umask(0)
    log = open_log()
    log.append(drafts(3))
    version = schema.newest()
    connection = schema.open_for_writing(path, migrations=next_release)  # while another connection is open
    os.umask(before)
    assert connection.execute("PRAGMA user_version").fetchone() == (version + 1,)
    assert connection.execute("SELECT count(*) FROM events").fetchone() == (3,)
    connection.close()
    backup = path.with_name(f"log.db.v{version}")
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    copy = sqlite3.connect(backup)
    assert copy.execute("SELECT count(*) FROM events").fetchone() == (3,)
    assert copy.execute("PRAGMA user_version").fetchone() == (version,)
    copy.close()
    assert not list(path.parent.glob("*.part"))


def test_a_migration_that_fails_changes_nothing(path: Path, open_log: Open, drafts: Drafts, next_release: Path) -> None:
    log = open_log()
    log.append(drafts(3))
    log.close()
    step = next(next_release.glob("*_more.sql"))
    step.write_text(step.read_text() + "CREATE TABLE more (y);\n")
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        schema.open_for_writing(path, migrations=next_release)
    log = open_log()
    assert log.verify() == []
    assert log.append(drafts())[0].seq == 4


def test_somebody_elses_database_is_left_alone(path: Path, open_log: Open) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE mine (x)")
    other.close()
    for read_only in (False, True):
        with pytest.raises(StoreError, match="no log of agentctl"):
            open_log(read_only=read_only)


# --- errors in words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (sqlite3.SQLITE_FULL, StoreError, "no space is left"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, HomeUnusable, "cannot be opened or written"),
        (sqlite3.SQLITE_CANTOPEN, HomeUnusable, "cannot be opened or written"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StoreError, "another process holds"),
        (sqlite3.SQLITE_NOTADB, Damaged, "is damaged"),
        (sqlite3.SQLITE_CORRUPT, Damaged, "is damaged"),
        (sqlite3.SQLITE_IOERR_FSYNC, StoreError, "the disk refused"),
        (sqlite3.SQLITE_TOOBIG, StoreError, "could not be used"),
    ],
)
def test_an_error_of_sqlite_is_told_in_words(code: int, kind: type[AgentctlError], words: str) -> None:
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorcode = code
    told = translate(error, Path("/home/ada/log.db"))
    assert type(told) is kind
    assert words in told.message
    assert told.hint or kind is StoreError


def test_opening_where_there_is_no_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(HomeUnusable) as caught:
        SqliteLog(tmp_path / "none" / "log.db", host="here", clock=lambda: datetime.now(UTC))
    assert "chmod" in caught.value.hint
