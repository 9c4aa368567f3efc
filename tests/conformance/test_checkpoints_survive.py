"""Checkpoints outlive what happens to who makes them: kill -9 at any moment, locks left behind, disks that are full."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from agentctl.domain.checkpoint import Checkpoint, Skipped
from agentctl.drivers.git import reference, shadow
from agentctl.drivers.git.checkpoints import GitCheckpoints
from tests.conformance.ground import AGENT, AT, REFERENCE, Ground

FULL = os.environ.get("AGENTCTL_CAMPAIGN") == "full"
SLOTS, KILLS = (60, 200) if FULL else (12, 24)
DEADLINE = 60.0
LIFE_SECONDS = 0.25  # about what one takes

MAKER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from agentctl.domain.checkpoint import Checkpoint, Skipped
from agentctl.drivers.git.checkpoints import GitCheckpoints

repo, state, slots = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
checkpoints = GitCheckpoints(state)
done = {one.slot for one in checkpoints.listed(repo, "web/dev", 1000)}
print("ready", flush=True)
for slot in [f"slot-{number}" for number in range(slots) if f"slot-{number}" not in done]:
    while checkpoints.made(repo, "web/dev", slot) is None:
        (repo / f"{slot}.txt").write_text("work\\n")
        survey = checkpoints.survey(repo, "web/dev", lambda text: ())
        assert not isinstance(survey, Skipped), survey
        made = checkpoints.commit(survey, "web/dev", slot, "work", datetime(2030, 1, 2, tzinfo=UTC))
        assert isinstance(made, Checkpoint), made
"""


def maker(ground: Ground, slots: int, **environ: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", MAKER, str(ground.repo), str(ground.state), str(slots)]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environ}
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def kill(process: subprocess.Popen[str], *, with_git: bool) -> str:
    """Kill the maker, and what of git it runs or not; return what it complained of."""
    try:
        children = psutil.Process(process.pid).children(recursive=True) if with_git else []
    except psutil.NoSuchProcess:
        children = []
    process.kill()
    for child in children:
        try:
            child.kill()
        except psutil.NoSuchProcess:
            continue
    return process.communicate(timeout=DEADLINE)[1]


def slots_of(ground: Ground) -> list[str]:
    return sorted(one.slot for one in ground.checkpoints.listed(ground.repo, AGENT, 10_000))


def locks(ground: Ground) -> list[Path]:
    return [*(ground.repo / ".git").rglob("*.lock"), *ground.state.rglob("*.lock")]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_slot_has_one_checkpoint_after_kills_at_any_moment(ground: Ground) -> None:
    ground.start()
    his = {path: path.read_bytes() for path in (ground.repo / ".git").rglob("*") if path.is_file()}
    chance = random.Random()
    for number in range(KILLS):
        process = maker(ground, 10 * KILLS)  # there is always one to be made
        time.sleep(chance.uniform(0, LIFE_SECONDS))
        assert kill(process, with_git=number % 2 == 0) == ""
    slots = max(SLOTS, len(slots_of(ground)) + 2)
    assert maker(ground, slots).communicate(timeout=DEADLINE) == ("", "")
    assert slots_of(ground) == sorted(f"slot-{number}" for number in range(slots))
    assert locks(ground) == []
    assert ground.git("fsck", "--no-dangling") == ""
    assert {path: path.read_bytes() for path in his} == his


def test_a_git_that_outlives_its_maker_is_waited_for(ground: Ground, tmp_path: Path) -> None:
    ground.start()
    slow = tmp_path / "bin/git"
    slow.parent.mkdir()
    path = os.environ["PATH"]
    waiting = f'case "$*" in *update-ref*) touch {tmp_path}/there; sleep 1;; esac'
    slow.write_text(f'#!/bin/sh\n{waiting}\nPATH={path} exec git "$@"\n')
    slow.chmod(0o755)
    process = maker(ground, 1, PATH=f"{slow.parent}:{path}")
    wait_for((tmp_path / "there").exists)
    kill(process, with_git=False)
    made = ground.checkpoints.made(ground.repo, AGENT, "slot-0")
    assert made is not None
    assert ground.git("rev-parse", REFERENCE) == made.commit


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_lock_that_a_killed_git_of_ours_left_is_removed_at_once(ground: Ground) -> None:
    ground.start()
    ground.write({"a.txt": "1\n", f".git/{REFERENCE}.lock": "0" * 40 + "\n"})
    began = time.monotonic()
    ground.kept()
    assert time.monotonic() - began < reference.STALE_SECONDS
    assert locks(ground) == []


def test_an_empty_lock_is_waited_for_until_it_is_old(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "STALE_SECONDS", 1.0)
    ground.start()
    ground.write({"a.txt": "1\n"})
    survey = ground.survey()
    assert not isinstance(survey, Skipped)
    ground.write({f".git/{REFERENCE}.lock": ""})
    began = time.monotonic()
    assert isinstance(ground.checkpoints.commit(survey, AGENT, "s1", "x", AT), Checkpoint)
    assert time.monotonic() - began > 0.9
    assert locks(ground) == []


def test_locks_in_our_own_folder_are_nothing_to_wait_for(ground: Ground) -> None:
    ground.start()
    ground.write({"a.txt": "1\n"})
    ground.kept("s1")
    desk = next(ground.state.glob("*/desks/*"))
    for name in ("index.lock", "draft.lock", "draft"):
        (desk / name).write_bytes(b"left behind")
    ground.write({"a.txt": "2\n"})
    assert ground.content(ground.kept("s2").commit, "a.txt") == "2"


def test_one_at_a_time_in_a_repository(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadow, "LOCK_SECONDS", 0.2)
    ground.start()
    ground.write({"a.txt": "1\n"})
    ground.kept("s1")
    ground.write({"a.txt": "2\n"})
    with next(ground.state.glob("*/lock")).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert ground.keep("s2") is Skipped.BUSY
    assert isinstance(ground.keep("s2"), Checkpoint)


def test_threads_that_make_them_at_once_lose_none(ground: Ground) -> None:
    ground.start()
    ground.write({"a.txt": "1\n"})
    made: list[Checkpoint | Skipped] = []

    def make(name: str) -> None:
        made.append(ground.keep("s1", agent=type(AGENT)(f"web/{name}")))

    threads = [threading.Thread(target=make, args=(f"a{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.agent for one in made if isinstance(one, Checkpoint)} == {f"web/a{number}" for number in range(4)}


def test_references_that_are_packed_meanwhile_are_not_lost(ground: Ground) -> None:
    ground.start()
    over = threading.Event()

    def pack() -> None:
        while not over.is_set():
            ground.git("pack-refs", "--all", "--prune", check=False)

    packing = threading.Thread(target=pack)
    packing.start()
    try:
        for number in range(5):
            ground.write({"a.txt": f"{number}\n"})
            ground.kept(f"s{number}")
    finally:
        over.set()
        packing.join()
    assert slots_of(ground) == [f"s{number}" for number in range(5)]


def test_a_state_folder_that_was_lost_begins_again(ground: Ground) -> None:
    ground.start()
    ground.write({"a.txt": "1\n"})
    first = ground.kept("s1")
    ground.state.rename(ground.state.with_name("lost"))
    ground.checkpoints = GitCheckpoints(ground.state)
    assert ground.checkpoints.made(ground.repo, AGENT, "s1") == first
    assert ground.keep("s2") is Skipped.UNCHANGED
    ground.write({"a.txt": "2\n"})
    second = ground.kept("s2")
    assert ground.git("log", "-1", "--format=%P", second.commit) == first.commit


# --- disks -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def disk(ground: Ground) -> Iterator[Callable[..., Path]]:
    """Mount and remount a disk of 1 MB in a folder."""
    mounted: list[Path] = []

    def mount(folder: Path, *options: str) -> Path:
        folder.mkdir(exist_ok=True)
        words = ["mount", "-t", "tmpfs", "-o", ",".join(["size=1m", *options]), "tmpfs", str(folder)]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE, check=False)
        except FileNotFoundError:
            pytest.skip("there is no mount command")
        if done.returncode:
            pytest.skip(f"only root can mount a small disk: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        if folder.is_mount():
            subprocess.run(["umount", str(folder)], check=True, timeout=DEADLINE)


def fill(folder: Path) -> Path:
    ballast = folder / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as stream:
        while stream.write(bytes(4096)):
            pass
    assert shutil.disk_usage(folder).free == 0
    return ballast


def test_a_full_disk_of_the_repository_is_told_and_the_next_one_is_made(
    ground: Ground, disk: Callable[..., Path]
) -> None:
    disk(ground.repo)
    ground.start()
    ground.write({"a.txt": "1\n", ".git/info/exclude": "ballast\n"})
    survey = ground.survey()
    assert not isinstance(survey, Skipped)
    ballast = fill(ground.repo)
    assert ground.checkpoints.commit(survey, AGENT, "s1", "x", AT) is Skipped.FULL
    assert ground.checkpoints.made(ground.repo, AGENT, "s1") is None
    assert locks(ground) == []
    ballast.unlink()
    ground.kept("s1")
    assert ground.git("fsck", "--no-dangling") == ""


def test_a_full_disk_of_ours_is_told_and_the_next_one_is_made(ground: Ground, disk: Callable[..., Path]) -> None:
    ground.start()
    disk(ground.state)
    ballast = fill(ground.state)
    ground.write({"a.txt": "1\n"})
    assert ground.keep("s1") is Skipped.FULL
    ballast.unlink()
    ground.kept("s1")
    ground.write({"a.txt": "2\n" * 1000})
    ballast = fill(ground.state)
    assert ground.keep("s2") is Skipped.FULL
    ballast.unlink()
    ground.kept("s2")
    assert ground.git("fsck", "--no-dangling") == ""


def test_a_repository_on_another_disk_gets_its_objects(ground: Ground, disk: Callable[..., Path]) -> None:
    disk(ground.repo)
    ground.start()
    ground.write({"a.txt": "1\n"})
    ground.kept("s1")
    assert ground.git("fsck", "--no-dangling") == ""
    assert not list((ground.repo / ".git/objects").rglob("tmp_*"))


def test_a_read_only_repository_is_told_and_read(ground: Ground, disk: Callable[..., Path]) -> None:
    disk(ground.repo)
    ground.start()
    ground.write({"a.txt": "1\n"})
    made = ground.kept("s1")
    ground.write({"a.txt": "2\n"})
    disk(ground.repo, "remount", "ro")
    assert ground.keep("s2") is Skipped.READ_ONLY
    assert ground.checkpoints.listed(ground.repo, AGENT, 5) == [made]
    assert b"+2\n" in ground.checkpoints.diff(ground.repo, made.commit)
    disk(ground.repo, "remount", "rw")


def test_what_may_not_be_read_or_written_is_told(ground: Ground) -> None:
    ground.start()
    ground.write({"a.txt": "1\n", "closed.txt": "c\n"})
    (ground.repo / "closed.txt").chmod(0)
    if os.access(ground.repo / "closed.txt", os.R_OK):
        pytest.skip("this user may read what nobody may")
    survey = ground.survey()
    assert not isinstance(survey, Skipped)
    assert [one.path for one in survey.left_out] == ["closed.txt"]
    (ground.repo / ".git/objects").chmod(0o500)
    try:
        assert ground.keep() is Skipped.READ_ONLY
    finally:
        (ground.repo / ".git/objects").chmod(0o700)
