"""Emergency cleanup: all that is ours and nothing else, whatever state it is in."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from agentctl.domain.agent import Identity
from agentctl.domain.errors import TerminalUnreachable
from agentctl.domain.names import AgentId, PaneId
from agentctl.domain.ports import Pane
from agentctl.drivers import emergency
from agentctl.drivers.processes import SystemProcesses

PM = AgentId("frontend/pm")
DEV = AgentId("frontend/dev")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


class Desk:
    """One home with its processes and the windows of a terminal that is only told of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "run").mkdir()
        self.home = secrets.token_hex(4)
        self.processes = SystemProcesses(self.home)
        self.panes: list[Pane] = []
        self.fault = ""
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, argv: Sequence[str], marks: Mapping[str, str]) -> Identity:
        marks = {"AGENTCTL_HOME_ID": self.home, **marks} if marks else {}
        started = subprocess.Popen(argv, env={**os.environ, **marks}, stdout=subprocess.PIPE)
        self._started.append(started)
        assert started.stdout is not None
        started.stdout.readline()
        found = self.processes.identify(started.pid)
        assert found is not None
        return found

    def agent(self, agent: str = PM, script: str = "echo; sleep 300; true") -> Identity:
        return self.start(["sh", "-c", script], {"AGENTCTL_AGENT": agent})

    def supervisor(self, code: str = "print(flush=True); time.sleep(300)") -> Identity:
        begin = "import os, subprocess, sys, time, fcntl, signal\n"
        return self.start([sys.executable, "-c", begin + code], {"AGENTCTL_SUPERVISOR": "1"})

    def write_pid_file(self, process: Identity) -> None:
        (self.path / "run" / "supervisor.pid").write_text(f"{process.pid} {process.start_ticks} {process.boot}\n")

    def list_panes(self) -> list[Pane]:
        if self.fault:
            raise TerminalUnreachable(self.fault)
        return list(self.panes)

    def close_panes(self, panes: Sequence[PaneId]) -> None:
        self.panes = [pane for pane in self.panes if pane.id not in panes]

    def find(self) -> emergency.Found:
        return emergency.find(self.path, "agentctl", self.processes, self.list_panes)

    def act(self, found: emergency.Found, grace_seconds: float = 1.0) -> emergency.Outcome:
        return emergency.act(
            found,
            self.processes,
            list_panes=self.list_panes,
            close_panes=self.close_panes,
            grace_seconds=grace_seconds,
            wait=time.sleep,
        )

    def close(self) -> None:
        for started in self._started:
            tree = self.processes.tree(AgentId("all/below"), self.processes.identify(started.pid))
            self.processes.signal(tree, signal.SIGKILL)
            started.wait()
            assert started.stdout is not None
            started.stdout.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with contextlib.closing(Desk(tmp_path)) as made:
        yield made
        made.act(made.find(), grace_seconds=0)


def pane(agent: str, pid: int, *, dead: bool = False) -> Pane:
    return Pane(PaneId("%7"), AgentId(agent), 1, 0, "s", "w", "@1", 0, pid, dead, None, mode=False, marked=True)


def test_nothing_is_found_where_nothing_is(desk: Desk) -> None:
    desk.start(["sh", "-c", "echo; sleep 300"], {})
    found = desk.find()
    assert found.empty
    assert desk.act(found) == emergency.Outcome((), (), ())


def test_all_that_is_ours_is_listed_and_ended_and_nothing_else(desk: Desk) -> None:
    pm, dev, supervisor = desk.agent(PM), desk.agent(DEV), desk.supervisor()
    desk.write_pid_file(supervisor)
    look_alike = desk.start(["sh", "-c", "echo; sleep 300; true"], {})
    elsewhere = desk.start(["sh", "-c", "echo; sleep 300"], {"AGENTCTL_AGENT": PM, "AGENTCTL_HOME_ID": "other"})
    desk.panes = [pane(PM, pm.pid)]
    found = desk.find()
    assert found.supervisor == supervisor
    assert {agent: tree[0] for agent, tree in found.processes.items()} == {PM: pm, DEV: dev}
    assert found.commands[pm] == "sh -c echo; sleep 300; true"
    outcome = desk.act(found)
    listed = {supervisor, *found.processes[PM], *found.processes[DEV]}
    assert set(outcome.ended) == listed
    assert (outcome.survivors, outcome.closed, outcome.complete) == ((), ("%7",), True)
    assert not any(map(desk.processes.alive, listed))
    assert desk.processes.alive(look_alike)
    assert desk.processes.alive(elsewhere)
    assert desk.find().empty
    assert desk.act(desk.find()).complete


def test_the_supervisor_goes_first_so_that_nothing_is_restarted(desk: Desk) -> None:
    supervisor = desk.supervisor(f"""
signal.signal(signal.SIGTERM, signal.SIG_IGN)
marks = {{"AGENTCTL_AGENT": {PM!r}, "AGENTCTL_HOME_ID": {desk.home!r}}}
while True:
    child = subprocess.Popen(["sleep", "300"], env={{"PATH": os.environ["PATH"], **marks}})
    os.write(1, b"\\n")
    child.wait()
""")
    desk.write_pid_file(supervisor)
    outcome = desk.act(desk.find(), grace_seconds=0.2)
    assert outcome.complete
    assert desk.processes.marked(desk.home) == {}
    assert not desk.processes.alive(supervisor)


def test_a_pid_file_that_lies_hits_nobody(desk: Desk) -> None:
    innocent = desk.start(["sh", "-c", "echo; sleep 300"], {})
    supervisor = desk.supervisor()
    foreign = desk.start(["sh", "-c", "echo; sleep 300"], {"AGENTCTL_SUPERVISOR": "1", "AGENTCTL_HOME_ID": "other"})
    reused = Identity(supervisor.boot, supervisor.pid, supervisor.start_ticks - 1)
    earlier = Identity("an-earlier-boot", supervisor.pid, supervisor.start_ticks)
    for lie in (innocent, foreign, reused, earlier):
        desk.write_pid_file(lie)
        assert desk.find().supervisor is None
    for text in ("", "garbage", "1 2", "-1 0 x", f"{innocent.pid}", "9" * 5000 + " 1 x", "\0"):
        (desk.path / "run" / "supervisor.pid").write_text(text)
        assert desk.find().supervisor is None
    assert desk.processes.alive(innocent)
    desk.processes.signal([supervisor], 9)


def test_a_supervisor_without_a_pid_file_is_found_by_its_lock(desk: Desk) -> None:
    lock = desk.path / "run" / "supervisor.lock"
    hold = f"f = open({str(lock)!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); time.sleep(300)"
    innocent = desk.start([sys.executable, "-c", f"import fcntl, time; {hold.replace(str(lock), str(lock) + '2')}"], {})
    supervisor = desk.supervisor(hold)
    assert desk.find().supervisor == supervisor
    assert desk.act(desk.find()).ended == (supervisor,)
    assert desk.processes.alive(innocent)


def test_a_terminal_that_does_not_answer_saves_no_process(desk: Desk) -> None:
    pm = desk.agent()
    desk.fault = "tmux did not answer within 2s"
    found = desk.find()
    assert (found.panes, found.terminal_fault, found.empty) == ((), "tmux did not answer within 2s", False)
    outcome = desk.act(found)
    assert pm in outcome.ended
    assert not outcome.complete
    assert outcome.terminal_fault == "tmux did not answer within 2s"


def test_what_runs_in_our_window_is_ours_though_it_has_no_mark(desk: Desk) -> None:
    bare = desk.start(["sh", "-c", "echo; sleep 300; true"], {})
    desk.panes = [pane(PM, bare.pid), pane(DEV, bare.pid, dead=True)]
    found = desk.find()
    assert set(found.processes) == {PM}
    assert found.processes[PM][0] == bare
    outcome = desk.act(found)
    assert bare in outcome.ended
    assert desk.panes == []


def test_who_comes_between_the_look_and_the_deed_is_ended_and_told_of(desk: Desk) -> None:
    found = desk.find()
    late = desk.agent()
    assert late in desk.act(found).ended


def test_commands_are_shown_clean(desk: Desk) -> None:
    process = desk.agent(script="echo; sleep 300 # \x1b]52;c;AAAA\x07\x1b[31m\u202e" + "x" * 500)
    shown = desk.find().commands[process]
    assert shown.isprintable()
    assert len(shown) == 200


def test_it_needs_neither_an_event_loop_nor_a_database() -> None:
    code = "import sys; import agentctl.drivers.emergency; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"asyncio", "sqlite3", "psutil", "libtmux", "watchfiles", "pydantic"} & set(modules)
    rooms = {module.split(".")[1] for module in modules if module.startswith("agentctl.")}
    assert rooms == {"domain", "drivers"}
