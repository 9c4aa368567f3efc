"""Work that is kept, as a person sees it: real git, the real command, and a repository that does not notice."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.acceptance.stage import Stage

IDENTITY = ("-c", "user.name=ada", "-c", "user.email=ada@example.invalid")


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *IDENTITY, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def users(folder: Path) -> str:
    """Return a digest of what is the user's: the work tree, the index, HEAD, branches, configuration and hooks."""
    kept = [path for path in sorted(folder.rglob("*")) if path.is_file() and "agentctl" not in path.parts]
    kept = [path for path in kept if "objects" not in path.relative_to(folder).parts]
    told = [f"{path.relative_to(folder)} {path.stat().st_mtime_ns} {path.read_bytes()!r}" for path in kept]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


@pytest.fixture
def work(stage: Stage) -> Path:
    """Deploy an agent that works in a repository with one commit, one staged and one further change."""
    git(stage.work, "init", "-q")
    (stage.work / "cart.py").write_text("def total():\n    return 1\n")
    git(stage.work, "add", "cart.py")
    git(stage.work, "commit", "-q", "-m", "first")
    stage.deploy(stage.team(agents={"dev": stage.stays()}))
    (stage.work / "cart.py").write_text("def total():\n    return 2\n")
    git(stage.work, "add", "cart.py")
    (stage.work / "cart.py").write_text("def total():\n    return 3\n")
    return stage.work


def test_a_checkpoint_is_told_first_and_made_then_and_nothing_of_the_users_changes(stage: Stage, work: Path) -> None:
    (work / ".env").write_text("TOKEN=1\n")
    before = users(work)
    plan = stage.run("commit", "--json").items[0]
    assert {change["path"] for change in plan["changes"]} >= {"cart.py"}
    assert [one["path"] for one in plan["left_out"]] == [".env"]
    assert plan["commit"] is None
    assert git(work, "for-each-ref", "refs/agentctl") == ""
    made = stage.run("commit", "--now", "--json").items[0]
    assert git(work, "show", f"{made['commit']}:cart.py") == "def total():\n    return 3\n"
    assert stage.run("commit", "--now", "--json").items[0]["why"] == "unchanged"
    assert users(work) == before
    assert git(work, "diff", "--cached", "--stat").strip().startswith("cart.py")


def test_what_was_kept_is_listed_shown_compared_and_given_back(stage: Stage, work: Path) -> None:
    first = stage.run("commit", "--now", "--json").items[0]["commit"]
    (work / "cart.py").write_text("def total():\n    return 4\n")
    listed = stage.run("checkpoint", "ls", "--json").items
    assert [row["commit"] for row in listed] == [first]
    assert "cart.py" in stage.run("checkpoint", "show", "web/dev").out
    assert "+    return 4" in stage.run("checkpoint", "diff", "web/dev", first[:8]).out
    stage.run("checkpoint", "restore", "web/dev", first[:8], "cart.py", "-y")
    assert (work / "cart.py").read_text() == "def total():\n    return 3\n"
    kept = stage.run("checkpoint", "ls", "--json").items[0]
    assert git(work, "show", f"{kept['commit']}:cart.py") == "def total():\n    return 4\n"
    into = stage.folder / "rescued"
    stage.run("checkpoint", "restore", "web/dev", "--into", str(into))
    assert (into / "cart.py").read_text() == "def total():\n    return 4\n"


def test_a_difference_may_have_lines_of_any_length_and_form_feeds(stage: Stage, work: Path) -> None:
    stage.run("commit", "--now")
    long = "\x01" * 3_000_000
    (work / "cart.py").write_text(f"def total():\n    return 3\n\x0cdef fee():\n    return '{long}{'z' * 1_000_000}'\n")
    told = stage.run("checkpoint", "diff", "web/dev").out
    assert told.endswith(f"+def fee():\n+    return '{'z' * 1_000_000}'\n")


def test_what_cannot_be_done_is_one_clear_error(stage: Stage, work: Path) -> None:
    missing = stage.run("checkpoint", "show", "web/dev", code=4)
    assert "agentctl checkpoint ls web/dev" in missing.err
    stage.run("commit", "--now")
    assert stage.run("checkpoint", "restore", "web/dev", code=8).err.startswith("error:")
    full = stage.folder / "full"
    full.mkdir()
    (full / "mine").write_text("x")
    stage.run("checkpoint", "restore", "web/dev", "--into", str(full), code=9)
    assert (full / "mine").read_text() == "x"
    (work / ".git" / "MERGE_HEAD").write_text(git(work, "rev-parse", "HEAD"))
    (work / "cart.py").write_text("changed\n")
    skipped = stage.run("commit", "--now", code=None)
    assert "merge in progress" in skipped.out
    assert skipped.code != 0


def test_checkpoints_are_listed_beside_an_agent_without_a_repository(stage: Stage, work: Path) -> None:
    stage.run("commit", "--now")
    bare = stage.folder / "bare"
    bare.mkdir()
    stage.deploy(stage.team("docs", agents={"pm": stage.stays(workspace={"root": str(bare)})}))
    assert [row["agent"] for row in stage.run("checkpoint", "ls", "--json").items] == ["web/dev"]
    assert "no repository" in stage.run("checkpoint", "ls", "docs/pm", code=4).err


def test_an_agents_own_secret_stays_out_under_another_supervisor_too(stage: Stage) -> None:
    git(stage.work, "init", "-q")
    git(stage.work, "commit", "-q", "--allow-empty", "-m", "first")
    value = stage.folder / "value"
    value.write_text("hunter-of-two-moons")
    value.chmod(0o600)
    secrets = {"deploy": {"file": str(value)}}
    stage.deploy(stage.team(agents={"dev": stage.stays(secrets=["deploy"])}, secrets=secrets))
    (stage.work / "notes.txt").write_text("it is hunter-of-two-moons\n")
    stage.run("daemon", "stop")
    stage.run("daemon", "start")
    kept = stage.run("commit", "--now", "--json").items[0]
    assert {one["path"]: one["why"] for one in kept["left_out"]} == {"notes.txt": "secret"}
    stage.run("daemon", "stop")
    value.unlink()
    stage.run("daemon", "start")
    assert "secret deploy" in stage.run("commit", "--now", "--json", code=None).items[0]["why"]


def test_a_supervisor_ends_while_git_hangs(stage: Stage, work: Path) -> None:
    os.mkfifo(work / ".gitignore")
    asking = stage.spawn("commit", "--now")
    time.sleep(2)  # git is at work by then; where it is not, nothing is shown
    stage.run("daemon", "stop")
    asking.wait(10)
    (work / ".gitignore").unlink()
    stage.run("daemon", "start")


def test_a_fifo_in_the_place_of_a_lock_holds_nobody_up(stage: Stage, work: Path) -> None:
    lock = work / ".git" / "refs" / "agentctl" / "web" / "dev.lock"
    lock.parent.mkdir(parents=True)
    os.mkfifo(lock)
    os.utime(lock, (0, 0))
    assert stage.run("commit", "--now", "--json").items[0]["commit"]
