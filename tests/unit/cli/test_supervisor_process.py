"""Starting the supervisor: once, detached, without what belongs to the caller."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from agentctl.cli import supervisor_process
from agentctl.cli.supervisor_process import ensure_supervisor, supervisor_argv, supervisor_environment
from agentctl.control.client import Client
from agentctl.domain.errors import HomeUnusable, SupervisorUnreachable
from agentctl.engine.machine import Bounds
from agentctl.supervisor.bounds import bounds_of

STAND_IN = """
import fcntl, json, os, socket, sys
home = os.environ["AGENTCTL_HOME"]
lock = open(home + "/run/supervisor.lock", "w")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit("another supervisor runs")
server = socket.socket(socket.AF_UNIX)
server.bind(home + "/run/control.sock")
server.listen(64)
facts = {"pid": os.getpid(), "sid": os.getsid(0), "cwd": os.getcwd(), "environ": dict(os.environ)}
facts["stdin"] = os.readlink("/proc/self/fd/0")
for _ in range(int(sys.argv[1])):
    caller, _address = server.accept()
    with caller, caller.makefile("rwb") as lines:
        lines.readline()
        lines.write(json.dumps({"result": facts}).encode() + b"\\n")
"""


@pytest.fixture
def short_home(home, tmp_path_factory, monkeypatch):
    """A home whose socket fits into an address as it is, for the stand-in has no `Address`."""
    path = tmp_path_factory.mktemp("h").resolve()
    path.chmod(0o700)
    monkeypatch.setenv("AGENTCTL_HOME", str(path))
    return type(home)(path, chosen=True)


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    """Put a small program in the supervisor's place that answers so often and then ends."""
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN)

    def use(answers: int) -> None:
        monkeypatch.setattr(supervisor_process, "supervisor_argv", lambda: [sys.executable, str(script), str(answers)])

    return use


def test_it_is_started_detached_and_in_its_home(short_home, stand_in, monkeypatch) -> None:
    for name, value in {"TMUX": "/x,1,0", "TMUX_PANE": "%1", "AGENTCTL_AGENT": "a/b", "AGENTCTL_AGENT_X": "1"}.items():
        monkeypatch.setenv(name, value)
    stand_in(1)
    facts = ensure_supervisor(short_home)
    assert facts["sid"] == facts["pid"] != os.getsid(0)
    assert (facts["cwd"], facts["stdin"]) == (str(short_home.path), "/dev/null")
    assert not {"TMUX", "TMUX_PANE", "AGENTCTL_AGENT", "AGENTCTL_AGENT_X"} & facts["environ"].keys()
    assert facts["environ"]["AGENTCTL_HOME_ID"] == short_home.id
    assert (short_home.logs / "supervisor.log").stat().st_mode & 0o777 == 0o600


def test_twenty_at_once_all_talk_to_one(short_home, stand_in) -> None:
    stand_in(20)
    pids: list[int] = []

    def start() -> None:
        pids.append(ensure_supervisor(short_home)["pid"])

    threads = [threading.Thread(target=start) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(pids) == 20
    assert len(set(pids)) == 1


def test_a_running_one_is_used(supervisor, home, monkeypatch) -> None:
    monkeypatch.setattr(supervisor_process, "_start", lambda _: pytest.fail("a second one was started"))
    assert ensure_supervisor(home)["pid"] == 4711


def test_one_that_ends_at_once_is_told_with_its_last_words(home, monkeypatch) -> None:
    monkeypatch.setattr(supervisor_process, "_GIVE_UP_SECONDS", 0.2)
    monkeypatch.setattr(
        supervisor_process, "supervisor_argv", lambda: ["sh", "-c", "echo no room on this disk; exit 5"]
    )
    with pytest.raises(SupervisorUnreachable, match="no room on this disk"):
        ensure_supervisor(home)


def test_an_unsafe_home_is_refused_before_anything_starts(home, monkeypatch) -> None:
    home.path.mkdir(mode=0o755)
    home.path.chmod(0o755)
    monkeypatch.setattr(supervisor_process, "_start", lambda _: pytest.fail("it was started"))
    with pytest.raises(HomeUnusable, match="others can reach"):
        ensure_supervisor(home)


def test_the_command_takes_nothing_from_its_folder(home) -> None:
    assert supervisor_argv() == [sys.executable, "-P", "-m", "agentctl.supervisor"]
    assert supervisor_environment(home, {"PATH": "/bin"})["AGENTCTL_HOME"] == str(home.path)


def test_nobody_there_is_no_answer(home) -> None:
    with pytest.raises(SupervisorUnreachable):
        Client(home).call("hello")
    assert not Path(home.path).exists()


def test_the_supervisor_is_given_what_agents_may_take_of_the_machine(home, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "agentctl.yaml").write_text("machine: { cpu: 40%, memory_reserve: 25%, agents: 3 }\n")
    given = supervisor_environment(home, {"AGENTCTL_MACHINE_STARTING": "1", "XDG_CONFIG_HOME": str(tmp_path)})
    assert bounds_of(given) == Bounds(40.0, reserve_share=0.25, agents=3, starting=1)
