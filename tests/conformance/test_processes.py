"""What every process table does: the fake, `/proc`, and psutil where there is no `/proc`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentctl.domain.agent import Identity
from agentctl.domain.errors import Unreachable
from agentctl.domain.names import AgentId
from agentctl.drivers.clock import SystemClock
from agentctl.drivers.ending import end_all
from agentctl.drivers.processes import SystemProcesses, handles, procfs
from agentctl.drivers.processes.portable import Portable
from agentctl.drivers.processes_memory import MemoryProcesses

PUPPET = Path(__file__).with_name("puppet.py")
PM = AgentId("frontend/pm")
DEV = AgentId("frontend/dev")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

SHAPES = ("plain", "nohup", "setsid", "daemon", "cleared")
FAMILY = {"name": "root", "children": [{"name": shape, "shape": shape} for shape in SHAPES]}
UNDER_SUBREAPER = {**FAMILY, "shape": "subreaper"}


def eventually(holds: Callable[[], object], within: float = 5.0) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.005)


class MemoryWorld:
    """The fake's world."""

    def __init__(self) -> None:
        self.home = "ours"
        self.processes = MemoryProcesses(self.home)

    def grow(self, node: dict[str, Any], agent: str | None = None, home: str | None = None) -> dict[str, Identity]:
        grown: dict[str, Identity] = {}
        self._grow(node, None, grown, AgentId(agent) if agent else None, home)
        return grown

    def _grow(
        self,
        node: dict[str, Any],
        parent: Identity | None,
        grown: dict[str, Identity],
        agent: AgentId | None,
        home: str | None,
    ) -> None:
        shape = node.get("shape", "plain")
        one = self.processes.start(
            parent=parent, agent=agent, home=home, ignores=node.get("ignores", ()), subreaper=shape == "subreaper"
        )
        if shape in ("daemon", "cleared"):
            middle = one
            one = self.processes.start(parent=middle, ignores=node.get("ignores", ()))
            self.processes.end(middle)
        if shape == "cleared":
            self.processes.clear_environment(one)
        grown[node["name"]] = one
        for child in node.get("children", ()):
            self._grow(child, one, grown, None, None)

    def end(self, process: Identity) -> None:
        self.processes.end(process)

    def wait(self, _seconds: float) -> None:
        pass

    def close(self) -> None:
        pass


class SystemWorld:
    """The machine, with puppets that grow real trees."""

    def __init__(self, processes: Callable[[str], SystemProcesses] = SystemProcesses) -> None:
        self.home = secrets.token_hex(4)
        self.processes = processes(self.home)
        self.wait = time.sleep
        self._started: list[subprocess.Popen[str]] = []
        self._grown: list[Identity] = []

    def grow(self, node: dict[str, Any], agent: str | None = None, home: str | None = None) -> dict[str, Identity]:
        marks = {"AGENTCTL_AGENT": agent, "AGENTCTL_HOME_ID": home or self.home} if agent else {}
        puppet = self.run([sys.executable, "-I", "-S", str(PUPPET), json.dumps(node)], marks)
        return {name: self.identity(int(pid)) for name, pid in self.lines(puppet, count(node))}

    def run(self, argv: list[str], marks: Mapping[str, str]) -> subprocess.Popen[str]:
        started = subprocess.Popen(argv, env={**os.environ, **marks}, stdout=subprocess.PIPE, text=True)
        self._started.append(started)
        self._grown.append(self.identity(started.pid))
        return started

    def lines(self, started: subprocess.Popen[str], number: int) -> list[list[str]]:
        assert started.stdout is not None
        return [started.stdout.readline().split() for _ in range(number)]

    def identity(self, pid: int) -> Identity:
        found = self.processes.identify(pid)
        assert found is not None
        self._grown.append(found)
        return found

    def end(self, process: Identity) -> None:
        self.processes.signal([process], signal.SIGKILL)
        for started in self._started:
            if started.pid == process.pid:
                started.wait()
        eventually(lambda: not self.processes.alive(process))

    def close(self) -> None:
        self.processes.signal(self._grown, signal.SIGKILL)
        for started in self._started:
            started.wait()
            if started.stdout is not None:
                started.stdout.close()


World = MemoryWorld | SystemWorld


def count(node: dict[str, Any]) -> int:
    return 1 + sum(count(child) for child in node.get("children", ()))


@pytest.fixture(params=["memory", pytest.param("procfs", marks=LINUX), "psutil"])
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    if request.param == "memory":
        made: World = MemoryWorld()
    elif request.param == "procfs":
        made = SystemWorld()
    else:
        monkeypatch.setattr(handles, "have_pidfds", lambda: False)
        made = SystemWorld(lambda home: SystemProcesses(home, source=Portable()))
    with contextlib.closing(made):
        yield made


@pytest.fixture
def machine() -> Iterator[SystemWorld]:
    if sys.platform != "linux":
        pytest.skip("reads /proc")
    with contextlib.closing(SystemWorld()) as made:
        yield made


# --- identity --------------------------------------------------------------------------------------------------------


def test_a_process_keeps_its_identity_while_it_runs(world: World) -> None:
    root = world.grow({"name": "root"})["root"]
    assert world.processes.identify(root.pid) == root
    assert world.processes.alive(root)


def test_there_is_no_identity_where_there_is_no_process(world: World) -> None:
    root = world.grow({"name": "root"})["root"]
    world.end(root)
    assert world.processes.identify(root.pid) is None
    assert not world.processes.alive(root)


def test_another_start_or_boot_is_another_process(world: World) -> None:
    root = world.grow({"name": "root"})["root"]
    for other in (replace(root, start_ticks=root.start_ticks - 1), replace(root, boot="before")):
        assert not world.processes.alive(other)
        assert world.processes.signal([other], signal.SIGKILL) == 0
        assert world.processes.tree(PM, other) == []
    assert world.processes.alive(root)


def test_ancestors_lead_from_the_process_to_the_first(world: World) -> None:
    grown = world.grow({"name": "root", "children": [{"name": "child"}]})
    line = world.processes.ancestors(grown["child"].pid)
    assert line[:2] == [grown["child"].pid, grown["root"].pid]
    assert line[-1] == 1
    world.end(grown["child"])
    eventually(lambda: world.processes.ancestors(grown["child"].pid) == [])


def test_a_zombie_does_not_run(machine: SystemWorld) -> None:
    started = machine.run(["true"], {})
    process = machine.processes.identify(started.pid)
    assert process is not None
    eventually(lambda: not machine.processes.alive(process))
    assert machine.processes.identify(started.pid) == process
    assert machine.processes.tree(PM, process) == []


def test_a_process_whose_first_thread_has_ended_still_runs(machine: SystemWorld) -> None:
    code = """
        import ctypes, threading, time
        threading.Thread(target=time.sleep, args=(300,)).start()
        print("ready", flush=True)
        ctypes.CDLL(None).syscall(60, 0)  # exit: of this thread alone
    """
    if os.uname().machine != "x86_64":
        pytest.skip("60 is exit on x86_64")
    started = machine.run([sys.executable, "-c", textwrap.dedent(code)], {})
    machine.lines(started, 1)
    stat = Path(f"/proc/{started.pid}/stat")
    eventually(lambda: ") Z " in stat.read_text())
    assert machine.processes.alive(machine.identity(started.pid))


def test_a_thread_is_no_process(machine: SystemWorld) -> None:
    code = "import threading, time; t = threading.Thread(target=time.sleep, args=(300,)); t.start(); print(t.native_id)"
    started = machine.run([sys.executable, "-u", "-c", code], {})
    [[thread]] = machine.lines(started, 1)
    assert Path(f"/proc/{thread}/stat").exists()
    assert machine.processes.identify(int(thread)) is None
    assert not machine.processes.signal([replace(machine.identity(started.pid), pid=int(thread))], signal.SIGKILL)


# --- trees -----------------------------------------------------------------------------------------------------------


def test_a_tree_holds_every_shape_of_flight_below_a_subreaper(world: World) -> None:
    grown = world.grow(UNDER_SUBREAPER, PM)
    assert set(world.processes.tree(PM, grown["root"])) == set(grown.values())


def test_the_mark_finds_all_but_who_cleared_it_when_the_root_is_gone(world: World) -> None:
    grown = world.grow(FAMILY, PM)
    world.end(grown.pop("root"))
    cleared = grown.pop("cleared")
    assert set(world.processes.tree(PM, None)) == set(grown.values())
    assert world.processes.alive(cleared)


def test_who_was_seen_in_the_tree_stays_in_it_whatever_it_does(world: World) -> None:
    grown = world.grow(UNDER_SUBREAPER, PM)
    assert grown["cleared"] in world.processes.tree(PM, grown["root"])
    world.end(grown.pop("root"))
    assert set(world.processes.tree(PM, None)) == set(grown.values())


def test_parents_stand_before_their_children(world: World) -> None:
    deep: dict[str, Any] = {"name": "0"}
    for number in range(1, 6):
        deep = {"name": str(number), "children": [deep]}
    grown = world.grow(deep, PM)
    expected = [grown[str(number)] for number in range(5, -1, -1)]
    assert world.processes.tree(PM, grown["5"]) == expected
    assert world.processes.tree(PM, None) == expected


def test_look_alikes_and_other_homes_are_in_no_tree(world: World) -> None:
    ours = world.grow(FAMILY, PM)
    look_alike = world.grow(FAMILY)
    elsewhere = world.grow(FAMILY, PM, home="theirs")
    other_agent = world.grow(FAMILY, DEV)
    tree = set(world.processes.tree(PM, ours["root"]))
    assert tree <= set(ours.values())
    assert not tree & {*look_alike.values(), *elsewhere.values(), *other_agent.values()}


def test_many_trees_come_from_one_look(world: World) -> None:
    pm, dev = world.grow(UNDER_SUBREAPER, PM), world.grow({"name": "root"}, DEV)
    trees = world.processes.trees({PM: pm["root"], DEV: dev["root"], AgentId("frontend/qa"): None})
    assert {agent: set(tree) for agent, tree in trees.items()} == {
        PM: set(pm.values()),
        DEV: set(dev.values()),
        AgentId("frontend/qa"): set(),
    }


def test_marked_tells_agents_and_homes_apart(world: World) -> None:
    pm, dev = world.grow(FAMILY, PM), world.grow({"name": "root"}, DEV)
    theirs = world.grow({"name": "root"}, PM, home=world.home + "0")
    world.grow({"name": "root"})
    carriers = {one for name, one in pm.items() if name != "cleared"}
    found = world.processes.marked(world.home)
    assert {agent: set(marked) for agent, marked in found.items()} == {PM: carriers, DEV: set(dev.values())}
    assert world.processes.marked(world.home + "0") == {PM: list(theirs.values())}


def test_a_supervisor_started_below_an_agent_is_not_the_agents(machine: SystemWorld) -> None:
    code = """
        import os, subprocess, sys
        program = "import os, signal; print('x', os.getpid(), flush=True); signal.pause()"
        for marks in ({"AGENTCTL_SUPERVISOR": "1"}, {}):
            subprocess.Popen([sys.executable, "-I", "-S", "-c", program], env={**os.environ, **marks})
            input()
        """
    marks = {"AGENTCTL_AGENT": PM, "AGENTCTL_HOME_ID": machine.home}
    started = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, **marks}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    machine._started.append(started)
    root = machine.identity(started.pid)
    assert started.stdin is not None
    with started.stdin as tell:
        [[_, supervisor]] = machine.lines(started, 1)
        tell.write("\n")
        tell.flush()
        [[_, worker]] = machine.lines(started, 1)
        assert machine.processes.is_supervisor(machine.identity(int(supervisor)))
        assert not machine.processes.is_supervisor(machine.identity(int(worker)))
        assert {one.pid for one in machine.processes.tree(PM, root)} == {root.pid, int(worker)}
        assert {one.pid for one in machine.processes.marked(machine.home)[PM]} == {root.pid, int(worker)}


def test_a_command_run_by_an_agent_spares_itself_and_what_it_starts(machine: SystemWorld) -> None:
    code = f"""
        import os, subprocess
        from agentctl.drivers.processes import SystemProcesses
        processes = SystemProcesses({machine.home!r})
        helper = subprocess.Popen(["sleep", "300"])
        root = processes.identify(os.getppid())
        pids = [one.pid for one in processes.tree({PM!r}, root)]
        marked = [one.pid for one in processes.marked({machine.home!r}).get({PM!r}, [])]
        helper.kill()
        print(pids == [os.getppid()], marked == [os.getppid()], flush=True)
    """
    marks = {"AGENTCTL_AGENT": PM, "AGENTCTL_HOME_ID": machine.home}
    below = ["sh", "-c", '"$@"; echo done', "sh", sys.executable, "-c", textwrap.dedent(code)]
    started = machine.run(below, marks)
    assert machine.lines(started, 2) == [["True", "True"], ["done"]]


def test_what_is_spared_cuts_the_tree_but_not_for_who_carries_the_mark(machine: SystemWorld) -> None:
    server = {"name": "server", "children": [{"name": "stranger"}]}
    grown = machine.grow({"name": "root", "children": [server, {"name": "child"}]})
    machine.processes.spare(grown["server"])
    assert set(machine.processes.tree(PM, grown["root"])) == {grown["root"], grown["child"]}
    marked = machine.grow({"name": "root", "children": [server]}, DEV)
    machine.processes.spare(marked["server"])
    assert set(machine.processes.tree(DEV, marked["root"])) == {marked["root"], marked["stranger"]}


def test_a_mark_that_appears_with_a_later_program_is_seen(machine: SystemWorld) -> None:
    code = 'import os; input(); os.execve("/bin/sh", ["sh", "-c", "echo ready; read x"], {**os.environ, **MARKS})'
    marks = {"AGENTCTL_AGENT": PM, "AGENTCTL_HOME_ID": machine.home}
    started = subprocess.Popen(
        [sys.executable, "-c", code.replace("MARKS", repr(marks))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    machine._started.append(started)
    root = machine.identity(started.pid)
    assert machine.processes.tree(PM, None) == []
    assert started.stdin is not None
    with started.stdin as tell:
        tell.write("\n")
        tell.flush()
        machine.lines(started, 1)
        assert machine.processes.tree(PM, None) == [root]


def test_names_that_are_no_agents_mark_nothing(machine: SystemWorld) -> None:
    for name in ("", "frontend", "../pm", "frontend/pm/x", "frontend/\x1b[31m"):
        machine.grow({"name": "root"}, name or "/")
    assert machine.processes.marked(machine.home) == {}


# --- signals and endings ---------------------------------------------------------------------------------------------


def test_a_signal_reaches_those_that_are_still_there(world: World) -> None:
    one, other = (world.grow({"name": "root"})["root"] for _ in range(2))
    world.end(other)
    assert world.processes.signal([one, other], signal.SIGTERM) == 1
    if isinstance(world, SystemWorld):
        world.end(one)
    assert not world.processes.alive(one)


def test_an_end_is_told_at_once(world: World) -> None:
    root = world.grow({"name": "root"})["root"]

    async def wait_for_end() -> float:
        ending = asyncio.create_task(world.processes.ended(root))
        done, _ = await asyncio.wait([ending], timeout=0.05)
        assert not done
        world.end(root)
        started = time.monotonic()
        await asyncio.wait_for(ending, 5)
        await asyncio.wait_for(world.processes.ended(root), 5)
        return time.monotonic() - started

    took = asyncio.run(wait_for_end())
    if handles.have_pidfds():
        assert took < 0.2


def descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_waiting_for_an_end_can_be_given_up(world: World) -> None:
    root = world.grow({"name": "root"})["root"]

    async def give_up() -> int:
        before = descriptors()
        for _ in range(20):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(world.processes.ended(root), 0.001)
        return descriptors() - before

    assert asyncio.run(give_up()) == 0
    assert world.processes.alive(root)


def test_ending_takes_all_shapes_and_those_that_ignore_it(world: World) -> None:
    ignoring = {"name": "stubborn", "ignores": [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]}
    grown = world.grow({**UNDER_SUBREAPER, "children": [*UNDER_SUBREAPER["children"], ignoring]}, PM)
    decoy, stubborn = world.grow(FAMILY), grown["stubborn"]
    found = world.processes.trees({PM: grown["root"]})
    seen: list[bool] = []

    def wait(seconds: float) -> None:
        seen.append(world.processes.alive(stubborn))
        world.wait(seconds)

    assert end_all(world.processes, found, grace_seconds=0.2, wait=wait) == []
    assert seen.count(True) >= 8  # it had its grace
    assert not any(world.processes.alive(one) for one in grown.values())
    assert all(world.processes.alive(one) for one in decoy.values())


def test_a_stopped_process_gets_its_chance_to_end_in_order(machine: SystemWorld) -> None:
    code = "trap 'echo bye; exit' TERM; echo ready; while :; do sleep 0.05; done"
    started = machine.run(["sh", "-c", code], {"AGENTCTL_AGENT": PM, "AGENTCTL_HOME_ID": machine.home})
    machine.lines(started, 1)
    root = machine.identity(started.pid)
    machine.processes.signal([root], signal.SIGSTOP)
    assert end_all(machine.processes, {PM: [root]}, grace_seconds=2, wait=time.sleep) == []
    assert machine.lines(started, 1) == [["bye"]]


def test_who_is_born_while_the_tree_is_cut_is_ended_too(machine: SystemWorld) -> None:
    code = "trap 'setsid sleep 300 & setsid sleep 300 & exit' TERM; echo ready; while :; do sleep 0.02; done"
    started = machine.run(["sh", "-c", code], {"AGENTCTL_AGENT": PM, "AGENTCTL_HOME_ID": machine.home})
    machine.lines(started, 1)
    found = {PM: [machine.identity(started.pid)]}
    assert end_all(machine.processes, found, grace_seconds=0.5, wait=time.sleep) == []
    assert machine.processes.marked(machine.home) == {}


def test_survivors_are_named() -> None:
    world = MemoryWorld()
    root = world.grow({"name": "root"}, PM)["root"]
    deliver = world.processes.signal
    world.processes.signal = lambda targets, number: 0 if number == signal.SIGKILL else deliver([], number)  # type: ignore[method-assign]
    assert end_all(world.processes, {PM: [root]}, grace_seconds=0.1, wait=world.wait) == [root]


def end_fifty_trees(machine: SystemWorld, grace: float) -> float:
    """Start fifty agents, half of which ignore everything, each with a daemon; end all; return what it took.

    That is what it waited and what it computed: how long others keep it from the cores is not its own.
    """
    code = "%s (setsid sleep 300 & echo $!); while :; do sleep 300; done"
    agents = [AgentId(f"many/a{number}") for number in range(50)]
    started = [
        machine.run(
            ["sh", "-c", code % ("trap '' TERM HUP INT;" if number % 2 else "")],
            {"AGENTCTL_AGENT": agent, "AGENTCTL_HOME_ID": machine.home},
        )
        for number, agent in enumerate(agents)
    ]
    decoy = machine.run(["sh", "-c", "(setsid sleep 300 & echo $!); exec sleep 300"], {})
    for one in started:
        machine.lines(one, 1)
    [[daemon]] = machine.lines(decoy, 1)
    decoys = [machine.identity(decoy.pid), machine.identity(int(daemon))]
    roots = {agent: machine.identity(one.pid) for agent, one in zip(agents, started, strict=True)}
    eventually(lambda: sum(map(len, machine.processes.trees(dict(roots)).values())) == 150)
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        time.sleep(seconds)

    begun, computed = time.monotonic(), time.process_time()
    survivors = end_all(machine.processes, machine.processes.trees(dict(roots)), grace_seconds=grace, wait=wait)
    took = sum(waits) + time.process_time() - computed
    assert time.monotonic() - begun < grace + 10
    assert survivors == []
    assert machine.processes.marked(machine.home) == {}
    assert all(machine.processes.alive(one) for one in decoys)
    assert end_all(machine.processes, machine.processes.trees(dict(roots)), grace_seconds=0, wait=time.sleep) == []
    return took


def test_fifty_trees_end_within_the_grace_and_half_a_second(machine: SystemWorld) -> None:
    assert any(end_fifty_trees(machine, grace=0.5) <= 1.0 for _ in range(3))


REUSE = """
    import os, signal, subprocess, sys, time
    from pathlib import Path
    from agentctl.domain.names import AgentId
    from agentctl.drivers.ending import end_all
    from agentctl.drivers.processes import SystemProcesses, handles

    processes, agent = SystemProcesses("h"), AgentId("a/b")
    marks = {"AGENTCTL_AGENT": agent, "AGENTCTL_HOME_ID": "h"}
    victim = subprocess.Popen(["sleep", "300"], env={**os.environ, **marks})
    known = processes.identify(victim.pid)
    assert processes.tree(agent, known) == [known]
    victim.kill(); victim.wait()
    time.sleep(0.05)  # longer than a clock tick: a start within the same one could not be told apart
    for _ in range(50):
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(known.pid - 1))
        innocent = subprocess.Popen(["sleep", "300"])
        if innocent.pid == known.pid:
            break
        innocent.kill(); innocent.wait()
    assert innocent.pid == known.pid, "the pid could not be had again"
    assert not processes.alive(known)
    assert processes.tree(agent, known) == []
    assert processes.signal([known], signal.SIGKILL) == 0
    assert end_all(processes, {agent: [known]}, grace_seconds=0.1, wait=time.sleep) == []
    handles.have_pidfds = lambda: False
    assert processes.signal([known], signal.SIGKILL) == 0
    time.sleep(0.05)
    assert innocent.poll() is None, "the innocent was killed"
    innocent.kill(); innocent.wait()
    print("the innocent lives")
"""


@LINUX
def test_a_reused_pid_is_an_innocent() -> None:
    apart = ["unshare", "-pf", "--mount-proc"]
    permitted = "test -w /proc/sys/kernel/ns_last_pid"
    if subprocess.run([*apart, "sh", "-c", permitted], capture_output=True, check=False).returncode:
        pytest.skip("this user may not make a pid namespace and choose pids in it")
    done = subprocess.run(
        [*apart, sys.executable, "-c", textwrap.dedent(REUSE)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stdout.strip() == "the innocent lives", done.stderr


# --- failed looks are no answers -------------------------------------------------------------------------------------


def test_a_failed_pass_is_no_empty_answer(machine: SystemWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> list[str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(procfs.os, "listdir", fail)
    for look in (
        lambda: machine.processes.tree(PM, None),
        lambda: machine.processes.marked(machine.home),
        lambda: machine.processes.members({}),
    ):
        with pytest.raises(Unreachable, match="process table"):
            look()


@LINUX
def test_no_more_descriptors_is_no_empty_answer() -> None:
    code = """
        import os, resource
        from agentctl.domain.errors import Unreachable
        from agentctl.drivers.processes import SystemProcesses
        processes = SystemProcesses("h")
        me = processes.identify(os.getpid())
        resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))
        taken = []
        try:
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            pass
        for look in (lambda: processes.alive(me), lambda: processes.marked("h"), lambda: processes.signal([me], 0)):
            try:
                print(look())
            except Unreachable as error:
                print("unreachable")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["unreachable"] * 3, done.stderr


def test_a_failed_pass_of_the_fake_is_no_empty_answer() -> None:
    world = MemoryWorld()
    world.processes.unreachable = True
    with pytest.raises(Unreachable):
        world.processes.marked(world.home)


def test_the_slow_way_to_an_end_waits_on_the_clock_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handles, "have_pidfds", lambda: False)
    with contextlib.closing(SystemWorld()) as world:
        root = world.grow({"name": "root"})["root"]

        class EndingClock(SystemClock):
            async def sleep(self, seconds: float) -> None:
                world.end(root)

        asyncio.run(asyncio.wait_for(SystemProcesses("h", clock=EndingClock()).ended(root), 5))
