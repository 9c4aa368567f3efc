"""The file of figures: what stands in its way costs figures, and never more."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agentctl.domain.errors import StoreError
from agentctl.domain.names import AgentId
from agentctl.domain.samples import Figures, Resolution
from agentctl.store.samples import SqliteSamples

START = 1_900_000_800
PM = AgentId("web/pm")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "samples.db"


@pytest.fixture
def opened(path: Path) -> Iterator[Callable[[], SqliteSamples]]:
    made: list[SqliteSamples] = []

    def open_again() -> SqliteSamples:
        made.append(SqliteSamples(path))
        return made[-1]

    yield open_again
    for store in made:
        store.close()


def second(at: int) -> Figures:
    return Figures(PM, START + at, 1000, 500, 500, 1000, 1, 0, 0, 1)


def seconds(store: SqliteSamples) -> list[int]:
    return [row.at - START for row in store.read([PM], 0, 2**40, Resolution.SECOND)]


def filled(path: Path, rows: int = 3000) -> None:
    with closing(SqliteSamples(path)) as store:
        store.append([second(n) for n in range(rows)])


def aside(path: Path) -> list[str]:
    return sorted(p.name for p in path.parent.iterdir() if "aside" in p.name and not p.name.endswith(("-wal", "-shm")))


def test_nothing_is_made_before_something_is_written_or_read(path: Path) -> None:
    SqliteSamples(path).close()
    assert not path.exists()


def test_only_its_owner_can_read_it(path: Path, opened: Callable[[], SqliteSamples]) -> None:
    opened().append([second(0)])
    assert {stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()} == {0o600}


def test_a_restart_in_the_middle_of_a_minute_neither_loses_nor_doubles_it(
    path: Path, opened: Callable[[], SqliteSamples]
) -> None:
    for start in range(0, 120, 24):
        store = opened()
        store.append([second(n) for n in range(start, start + 24)])
        store.close()
    store = opened()
    assert seconds(store) == list(range(120))
    rows = store.read([PM], 0, 2**40, Resolution.MINUTE)
    assert [(row.at - START, row.millis, row.cpu_millis) for row in rows] == [(0, 60_000, 30_000), (60, 60_000, 30_000)]


WRITER = """
import sys
from pathlib import Path
from agentctl.store.samples import SqliteSamples
from tests.unit.store.test_samples_file import second
store = SqliteSamples(Path(sys.argv[1]))
start = int(sys.argv[2])
while True:
    store.append([second(n) for n in range(start, start + 13)])
    start += 13
    print(start, flush=True)
"""


def test_a_writer_that_is_killed_leaves_seconds_minutes_and_hours_that_agree(
    path: Path, opened: Callable[[], SqliteSamples]
) -> None:
    start = 0
    for _ in range(4):
        argv = [sys.executable, "-c", WRITER, str(path), str(start)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as writer:
            assert writer.stdout is not None
            for _ in range(20):
                start = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            start = max([start, *(int(line) for line in writer.stdout.read().split())])
    store = opened()
    totals = {
        resolution: sum(row.millis for row in store.read([PM], 0, 2**40, resolution)) for resolution in Resolution
    }
    assert len(set(totals.values())) == 1, totals
    assert set(seconds(store)) >= set(range(start))
    assert aside(path) == []


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def garbage(path: Path) -> None:
    path.write_bytes(b"no database, and long enough to be taken for one\n" * 400)


def torn(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))


def foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.executescript("PRAGMA journal_mode = WAL; CREATE TABLE figures (a); INSERT INTO figures VALUES (1);")


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")


def without_a_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE agents")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


RUINS = [cut, garbage, torn, foreign, newer, without_a_table, a_folder, a_link, a_pipe]


@pytest.mark.parametrize("ruin", RUINS)
@pytest.mark.parametrize("reads_first", [False, True])
def test_a_file_that_is_no_use_is_moved_aside_and_begun_anew(
    path: Path, opened: Callable[[], SqliteSamples], ruin: Callable[[Path], None], reads_first: bool
) -> None:
    filled(path)
    ruin(path)
    store = opened()
    if reads_first:
        seconds(store)
    store.append([second(5000)])
    assert aside(path) == ["samples.db.aside-1"]
    assert seconds(store) == [5000]
    store.close()
    assert seconds(opened()) == [5000]


def test_what_was_moved_aside_before_stays(path: Path, opened: Callable[[], SqliteSamples]) -> None:
    for n in (1, 2):
        garbage(path)
        with closing(opened()) as store:
            store.append([second(n)])
    assert aside(path) == ["samples.db.aside-1", "samples.db.aside-2"]


def test_a_file_that_is_ruined_again_is_an_error_and_no_further_copy(
    path: Path, opened: Callable[[], SqliteSamples]
) -> None:
    garbage(path)
    store = opened()
    store.append([second(0)])
    store._let_go()
    garbage(path)
    with pytest.raises(StoreError, match="begun anew before"):
        store.append([second(1)])
    assert aside(path) == ["samples.db.aside-1"]


def test_a_file_that_is_deleted_while_it_is_in_use_is_made_again(
    path: Path, opened: Callable[[], SqliteSamples]
) -> None:
    store = opened()
    store.append([second(0)])
    for left in path.parent.iterdir():
        left.unlink()
    store.append([second(1)])
    assert seconds(opened()) == [1]


def test_a_full_disk_is_an_error_that_passes(path: Path, opened: Callable[[], SqliteSamples]) -> None:
    store = opened()
    store.append([second(0)])
    connection = store._opened()
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="full"):
        store.append([second(n) for n in range(1, 3000)])
    assert seconds(store) == [0]
    connection.execute("PRAGMA max_page_count = 100000")
    store.append([second(n) for n in range(1, 3000)])
    assert seconds(store) == list(range(3000))


def test_a_new_agent_of_a_write_that_failed_is_known_at_the_next(
    path: Path, opened: Callable[[], SqliteSamples]
) -> None:
    store = opened()
    bad = second(1)._replace(cpu_millis=2**70)
    with pytest.raises(OverflowError):
        store.append([second(0), bad])
    store.append([second(0)])
    assert seconds(opened()) == [0]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        SqliteSamples(tmp_path / "none" / "samples.db").append([second(0)])
