"""What the governor knows of a tree: who belongs to it, and what it has used, whoever came and went meanwhile."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentctl.domain.agent import Identity
from agentctl.domain.names import AgentId
from agentctl.drivers.governor.frozen import FrozenTable
from agentctl.drivers.governor.grove import Grove
from agentctl.drivers.governor.tree import Tree
from tests.conformance.grove import SLEEP, Ground, ground, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="children that are gone are in a parent's reaped time")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Ground]:
    with ground(tmp_path) as place:
        yield place


def planted(here: Ground, roots: dict[str, Identity]) -> Grove:
    """Return a grove that knows these trees."""
    grove = Grove(here.processes, FrozenTable.make(here.folder / "frozen", here.processes.source.boot))
    grove.plant({AgentId(f"t/{name}"): root for name, root in roots.items()})
    grove.discover_now()
    grove.discover(time.monotonic())
    return grove


def tree_of(grove: Grove, name: str) -> Tree:
    return grove.trees[AgentId(f"t/{name}")]


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", textwrap.dedent(code))


def test_members_are_counted_and_the_shims_shells_are_not(here: Ground) -> None:
    roots = {"pm": here.grow("pm", ("sh", "-c", "sleep 1000 & sleep 1000")), "dev": here.grow("dev", SLEEP)}
    wait_for(lambda: len(here.tree("pm", roots["pm"])) == 5)
    grove = planted(here, roots)
    assert (tree_of(grove, "pm").count, tree_of(grove, "dev").count) == (3, 1)
    here.processes.signal(here.tree("dev", roots["dev"]), signal.SIGKILL)
    wait_for(lambda: tree_of(grove, "dev").refresh() >= 0 and tree_of(grove, "dev").count == 0)


def test_memory_is_what_the_members_hold(here: Ground) -> None:
    hold = f"x = bytearray(50_000_000); open({str(here.folder / 'ready')!r}, 'w'); import time; time.sleep(1000)"
    root = here.grow("hog", python(hold))
    wait_for((here.folder / "ready").exists)
    tree = tree_of(planted(here, {"hog": root}), "hog")
    assert 50_000_000 < tree.resident_bytes < 90_000_000
    assert 50_000_000 < (tree.proportional_bytes() or 0) <= tree.resident_bytes


def test_short_lived_children_count_once(here: Ground) -> None:
    told, go = here.folder / "told", here.folder / "go"
    root = here.grow("storm", python(f"""
        import os, pathlib, resource, time
        while not os.path.exists({str(go)!r}):
            time.sleep(0.01)
        for _ in range(120):
            if os.fork() == 0:
                until = time.process_time() + 0.004
                while time.process_time() < until:
                    pass
                os._exit(0)
            os.wait()
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        pathlib.Path({str(told)!r}).write_text(str(sum(one.ru_utime + one.ru_stime for one in used)))
        time.sleep(1000)
    """))  # fmt: skip
    grove = planted(here, {"storm": root})
    tree, seen = tree_of(grove, "storm"), [0.0]
    before = tree.refresh()
    go.touch()
    deadline = time.monotonic() + 30
    while not told.exists() and time.monotonic() < deadline:
        grove.discover(time.monotonic())
        seen.append(tree.used_seconds())
    wait_for(told.read_text)
    assert seen == sorted(seen)
    assert len(seen) > 20
    assert tree.refresh() - before == pytest.approx(float(told.read_text()), rel=0.1)


def test_time_of_a_child_that_nobody_inherits_is_not_lost(here: Ground) -> None:
    burn = (
        f"import time, os, pathlib\nwhile time.process_time() < 0.3: pass\n"
        f"pathlib.Path({str(here.folder / 'pid')!r}).write_text(str(os.getpid())); time.sleep(1000)"
    )
    root = here.grow("waste", python(f"""
        import signal, subprocess, sys, time
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps, and adds its time to nobody's
        subprocess.Popen([sys.executable, "-I", "-S", "-c", {burn!r}])
        while True:
            time.sleep(1000)
    """))  # fmt: skip
    pid = here.folder / "pid"
    wait_for(lambda: pid.exists() and pid.read_text())
    tree = tree_of(planted(here, {"waste": root}), "waste")
    before, members = tree.refresh(), tree.count
    os.kill(int(pid.read_text()), signal.SIGKILL)
    wait_for(lambda: here.processes.identify(int(pid.read_text())) is None)
    assert tree.refresh() >= before > 0.3
    assert (members, tree.count) == (2, 1)


def test_fifty_trees_are_looked_at_quickly(here: Ground) -> None:
    roots = {f"a{number}": here.grow(f"a{number}", SLEEP) for number in range(50)}
    grove = planted(here, roots)
    times = []
    for _ in range(7):
        started = time.process_time()
        for tree in grove.trees.values():
            tree.refresh()
        times.append(time.process_time() - started)
    assert sum(tree.count for tree in grove.trees.values()) == 50
    assert min(times) < 0.03  # two files a member, each a few microseconds
