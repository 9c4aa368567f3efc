"""One supervisor a home."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from agentctl.domain.agent import Identity
from agentctl.domain.errors import Refused
from agentctl.supervisor.lock import HomeLock

OWN = Identity("boot", os.getpid(), 99)


def lock(folder: Path) -> HomeLock:
    return HomeLock(folder / "lock", folder / "pid", lambda pid: OWN if pid == OWN.pid else None)


def test_the_second_is_told_who_holds_it(tmp_path: Path) -> None:
    first = lock(tmp_path)
    first.take(OWN)
    with pytest.raises(Refused, match=f"pid {os.getpid()}"):
        lock(tmp_path).take(OWN)
    first.release()
    first.release()
    assert not (tmp_path / "pid").exists()
    second = lock(tmp_path)
    second.take(OWN)
    second.release()


@pytest.mark.parametrize("before", ["", f"{2**30} 1 boot\n"])
def test_one_that_has_the_lock_is_given_a_moment_to_write_who_it_is(tmp_path: Path, before: str) -> None:
    first = lock(tmp_path)
    first.take(OWN)
    (tmp_path / "pid").write_text(before)
    threading.Timer(0.2, (tmp_path / "pid").write_text, [f"{os.getpid()} 99 boot\n"]).start()
    with pytest.raises(Refused, match=f"pid {os.getpid()}"):
        lock(tmp_path).take(OWN)
    first.release()


def test_it_is_free_when_its_holder_is_killed_even_with_children_left(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys, pathlib\n"
        "from agentctl.domain.agent import Identity\n"
        "from agentctl.supervisor.lock import HomeLock\n"
        f"f = pathlib.Path({str(tmp_path)!r})\n"
        "HomeLock(f / 'lock', f / 'pid', lambda _: None).take(Identity('b', 1, 1))\n"
        "subprocess.Popen(['sleep', '30'], close_fds=False, stdout=subprocess.DEVNULL)\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(Refused):
        lock(tmp_path).take(OWN)
    holder.kill()
    holder.communicate()
    after = lock(tmp_path)
    after.take(OWN)
    after.release()


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        lock(tmp_path).take(OWN)
    assert not (tmp_path / "elsewhere").exists()
