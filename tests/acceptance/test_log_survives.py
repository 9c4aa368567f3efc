"""The log outlives what happens to its writer and its disk: kill -9, a full disk, a read-only one, a crowd."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agentctl.domain.errors import HomeUnusable, StoreError
from agentctl.domain.events import Draft, EventType
from agentctl.store.audit import audit
from agentctl.store.sqlite import SqliteLog

KILLS = 400 if os.environ.get("AGENTCTL_CAMPAIGN") == "full" else 25
WRITERS, APPENDS = 20, 10
DEADLINE = 60.0

WRITER = """
import random, sys
from datetime import UTC, datetime
from pathlib import Path
from agentctl.domain.events import Draft, EventType
from agentctl.store.sqlite import SqliteLog

chance = random.Random(sys.argv[2])
log = SqliteLog(Path(sys.argv[1]), host="here", clock=lambda: datetime.now(UTC))
while True:
    stream = f"agent:web/a{chance.randrange(5)}"
    drafts = [Draft(stream, EventType.AGENT_READY, {"evidence": "x" * chance.randrange(4000)})] * chance.randrange(1, 6)
    for event in log.append(drafts):
        print(event.seq, event.hash)
    print("acknowledged", flush=True)
"""

ONE_OF_MANY = """
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from agentctl.domain.events import Draft, EventType
from agentctl.store.sqlite import SqliteLog

name, count = sys.argv[2], int(sys.argv[3])
print("here", flush=True)
sys.stdin.readline()
log = SqliteLog(Path(sys.argv[1]), host=name, clock=lambda: datetime.now(UTC))
for number in range(count):
    log.append([Draft("shared", EventType.AGENT_READY, {"number": number})], request=f"{name}-{number}")
log.close()
print("done", flush=True)
"""


def now() -> datetime:
    return datetime.now(UTC)


def open_log(path: Path, **options: bool) -> SqliteLog:
    return SqliteLog(path, host="here", clock=now, **options)


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="ascii"
    )


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def acknowledged(output: str) -> list[tuple[int, str]]:
    """Return number and hash of each event of the appends that had returned."""
    whole = output.rpartition("acknowledged\n")[0]
    return [(int(line.split()[0]), line.split()[1]) for line in whole.splitlines() if line != "acknowledged"]


def test_no_acknowledged_event_is_lost_to_kill_9(tmp_path: Path) -> None:
    path, said = tmp_path / "log.db", tmp_path / "said"
    chance = random.Random()
    known: dict[int, str] = {}
    for life in range(KILLS):
        with said.open("w") as output:
            writer = subprocess.Popen(
                [sys.executable, "-c", WRITER, str(path), str(life)], stdout=output, stderr=subprocess.PIPE
            )
        if life % 5:  # every fifth dies wherever its start has come to
            wait_until(lambda: said.stat().st_size > 0)
        with contextlib.suppress(subprocess.TimeoutExpired):
            writer.wait(timeout=chance.uniform(0, 0.08))
        writer.kill()
        assert writer.communicate(timeout=DEADLINE)[1] == b""
        known.update(acknowledged(said.read_text()))
        if path.exists() and known:
            log = open_log(path)  # holds the end against the mark
            assert log.head() >= max(known)
            log.close()
    log = open_log(path)
    hashes = {event.seq: event.hash for event in log.read()}
    assert log.verify() == []
    log.close()
    assert len(known) > KILLS
    assert {seq: hashes.get(seq) for seq in known} == known


def test_twenty_processes_append_at_once(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    writers = [start(ONE_OF_MANY, path, f"w{number}", APPENDS) for number in range(WRITERS)]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "here\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    ends = [writer.communicate(timeout=DEADLINE) for writer in writers]
    assert ends == [("done\n", "")] * WRITERS
    log = open_log(path)
    events = list(log.read())
    assert [event.version for event in events] == list(range(1, WRITERS * APPENDS + 1))
    for number in range(WRITERS):
        mine = [event.data["number"] for event in events if event.host == f"w{number}"]
        assert mine == list(range(APPENDS))
    assert log.verify() == []
    log.close()


# --- disks -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mount and remount a disk of 600 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(*options: str) -> Path:
        argv = ["mount", "-t", "tmpfs", "-o", ",".join(["size=600k", *options]), "tmpfs", str(folder)]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=DEADLINE, check=False)
        except FileNotFoundError:
            pytest.skip("there is no mount command")
        if done.returncode:
            pytest.skip(f"only root can mount a small disk: {done.stderr.strip()}")
        return folder

    yield mount
    if folder.is_mount():
        subprocess.run(["umount", str(folder)], check=True, timeout=DEADLINE)


def append_until_full(log: SqliteLog) -> int:
    """Append until that is refused, and say how often it was not."""
    before = log.head()
    with pytest.raises(StoreError, match="space") as caught:
        append_forever(log)
    assert caught.value.hint
    return log.head() - before


def append_forever(log: SqliteLog) -> None:
    for _ in range(10_000):
        log.append([Draft("a", EventType.AGENT_EXITED, {"lines": ["x" * 1000]})])


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as stream:
        while stream.write(bytes(4096)):
            pass


def test_a_full_disk_refuses_and_goes_on_when_there_is_space(disk: Callable[..., Path]) -> None:
    folder = disk()
    path = folder / "log.db"
    ballast = folder / "ballast"
    ballast.write_bytes(bytes(200_000))
    log = open_log(path)
    kept = append_until_full(log)
    assert kept > 10
    assert log.head() == kept
    assert audit(path, clock=now).damages == ()
    assert append_until_full(log) < 5  # a small one may still fit; then it is refused again
    kept = log.head()
    ballast.unlink()
    assert log.append([Draft("a", EventType.AGENT_READY)])[0].seq == kept + 1
    assert [event.seq for event in log.read()] == list(range(1, kept + 2))
    assert log.verify() == []
    log.close()


def test_a_log_that_filled_its_disk_opens_again(disk: Callable[..., Path]) -> None:
    path = disk() / "log.db"
    log = open_log(path)
    kept = append_until_full(log)
    log.close()
    log = open_log(path)
    assert log.head() == kept
    assert log.verify() == []
    log.close()


def test_no_space_for_a_first_log_is_told(disk: Callable[..., Path]) -> None:
    folder = disk()
    with pytest.raises(OSError, match="space"):
        fill(folder / "ballast")
    with pytest.raises((StoreError, HomeUnusable), match="space"):
        open_log(folder / "log.db")
    (folder / "ballast").unlink()
    log = open_log(folder / "log.db")
    assert log.append([Draft("a", EventType.AGENT_READY)])[0].seq == 1
    log.close()


def test_a_read_only_disk_is_refused_for_writing_and_read(disk: Callable[..., Path]) -> None:
    path = disk() / "log.db"
    log = open_log(path)
    log.append([Draft("a", EventType.AGENT_READY)] * 3)
    log.close()
    disk("remount", "ro")
    with pytest.raises(HomeUnusable) as caught:
        open_log(path)
    assert "chmod u+rwx" in caught.value.hint
    reader = open_log(path, read_only=True)
    assert reader.head() == 3
    assert reader.verify() == []
    reader.close()
    disk("remount", "rw")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes into any folder")
def test_a_folder_without_write_permission_is_refused_for_writing_and_read(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    log = open_log(folder / "log.db")
    log.append([Draft("a", EventType.AGENT_READY)])
    log.close()
    folder.chmod(0o500)
    try:
        reader = open_log(folder / "log.db", read_only=True)
        assert reader.head() == 1
        reader.close()
        with pytest.raises(HomeUnusable, match=r"log\."):
            open_log(folder / "log.db").append([Draft("a", EventType.AGENT_READY)])
    finally:
        folder.chmod(0o700)
