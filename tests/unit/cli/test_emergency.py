"""emergency-cleanup on real processes: what is marked as ours ends, what only looks like it lives."""

from __future__ import annotations

import os
import subprocess

import pytest


@pytest.fixture
def two(home):
    """A process with our marks and its look-alike."""
    marks = {"AGENTCTL_HOME_ID": home.id, "AGENTCTL_AGENT": "frontend/pm"}
    ours = subprocess.Popen(["sleep", "1000"], env={**os.environ, **marks}, start_new_session=True)
    other = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    yield ours, other
    for process in (ours, other):
        process.kill()
        process.wait()


def test_only_what_is_ours_is_listed_and_ended(two, agentctl) -> None:
    ours, other = two
    listed = agentctl("emergency-cleanup", "--dry-run")
    assert listed.lines == [f"frontend/pm\tpid {ours.pid}\tsleep 1000"]
    assert ours.poll() is None
    done = agentctl("emergency-cleanup", "-y", "--grace", "1s")
    assert done.code == 0
    assert done.lines == listed.lines
    assert ours.wait(5) < 0
    assert other.poll() is None


def test_where_nobody_can_answer_it_only_lists(two, process) -> None:
    ours, _ = two
    done = process("emergency-cleanup", stdin=None, input="y\n")
    assert done.returncode == 0
    assert f"pid {ours.pid}" in done.stdout
    assert "nothing was ended" in done.stderr
    assert ours.poll() is None


def test_nothing_of_ours(home, agentctl) -> None:
    done = agentctl("emergency-cleanup", "-y")
    assert (done.code, done.out, done.err) == (0, "", "nothing of ours is here\n")
    assert not home.path.exists()
