"""The shim on a real pseudo-terminal: what reaches the agent, and what is known of its end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import shutil
import signal
import stat
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from agentctl.domain.errors import UsageError
from agentctl.domain.names import AgentId
from agentctl.drivers import launch

AGENT = AgentId("web/dev")
PATH = os.environ["PATH"]
INHERITED = ("PWD", "OLDPWD", "SHLVL", "_")  # what a /bin/sh puts into the environment of its children

pytestmark = pytest.mark.skipif(shutil.which("setsid") is None, reason="needs setsid to give a pane its terminal")


class Pane:
    """A pseudo-terminal with a launched agent on it."""

    def __init__(self, command: Sequence[str]) -> None:
        self.fd, slave = os.openpty()
        env = {"PATH": PATH, "TERM": "tmux-256color", "TMUX": "/nowhere,1,0", "TMUX_PANE": "%1", "SECRET": "ours"}
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *command], stdin=slave, stdout=slave, stderr=slave, env=env, cwd="/"
        )
        os.close(slave)
        self.output = b""

    def read(self, until: str, within: float = 15.0) -> str:
        """Return the output once it holds *until*."""
        end = time.monotonic() + within
        while until.encode() not in self.output:
            assert time.monotonic() < end, f"waited for {until!r}, got {self.output!r}"
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    self.output += os.read(self.fd, 65536)
                except OSError:
                    assert until.encode() in self.output, f"ended before {until!r}: {self.output!r}"
        text, _, self.output = self.output.partition(until.encode())
        return text.decode()

    def write(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def end(self) -> int:
        return self.process.wait(15)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self.fd)
        for pid in descendants(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait(15)


def descendants(pid: int) -> list[int]:
    found = []
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def eventually(holds: Callable[[], bool], within: float = 15.0) -> None:
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


Start = Callable[..., Pane]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    panes: list[Pane] = []

    def run(*argv: str, generation: int = 1, env: dict[str, str] | None = None, cwd: str = "") -> Pane:
        command = launch.prepare(
            tmp_path, AGENT, generation, argv=argv, env={"PATH": PATH} | (env or {}), cwd=cwd or str(tmp_path)
        )
        panes.append(Pane(command))
        return panes[-1]

    yield run
    for pane in panes:
        pane.close()


def code(run_dir: Path, generation: int = 1) -> int | None:
    return launch.exit_code(run_dir, AGENT, generation)


def test_the_agent_gets_its_folder_words_and_environment_exactly(start: Start, tmp_path: Path) -> None:
    hostile = ["", "-x", "a b", "'\"$HOME`id`\\", "line\nbreak", "é😀", "#(touch x)", ";", "x" * 10_000]
    place = tmp_path / "a #(b) 'c' \n é"
    place.mkdir()
    show = "import os, sys; print(ascii((os.getcwd(), sys.argv[1:], dict(os.environ))), 'END')"
    env = {"A": "1=2", "B": "\n'\"$A é", "EMPTY": "", "LC_ALL": "C.UTF-8"}
    pane = start(sys.executable, "-c", show, *hostile, env=env, cwd=str(place))
    cwd, words, seen = eval(pane.read("END").replace("\r\n", ""))
    assert cwd == str(place)
    assert words == hostile
    assert {k: v for k, v in seen.items() if k not in INHERITED} == {"PATH": PATH, "TERM": "tmux-256color", **env}
    assert pane.end() == 0
    assert code(tmp_path) == 0


def test_secrets_do_not_stay_on_disk(start: Start, tmp_path: Path) -> None:
    pane = start("sh", "-c", "echo up; read -r x", env={"TOKEN": "s3cret-value"})
    pane.read("up")
    folder = launch.folder(tmp_path, AGENT)
    assert [entry.name for entry in folder.iterdir()] == ["started.1"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    launch.prepare(tmp_path, AGENT, 1, argv=["true"], env={"TOKEN": "s3cret-value"}, cwd="/")
    assert not any(b"s3cret" in entry.read_bytes() for entry in folder.iterdir())


def test_the_launch_file_is_private(tmp_path: Path) -> None:
    launch.prepare(tmp_path, AGENT, 1, argv=["true"], env={}, cwd="/")
    assert stat.S_IMODE((launch.folder(tmp_path, AGENT) / "launch.1").stat().st_mode) == 0o600


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL, signal.SIGSEGV])
def test_a_signal_that_ends_the_agent_is_noted(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    pane = start(sys.executable, "-c", "import os, signal; print(os.getpid(), 'up', flush=True); signal.pause()")
    agent = int(pane.read("up"))
    os.kill(agent, number)
    assert pane.end() == 128 + number == code(tmp_path)


@pytest.mark.parametrize("status", [0, 1, 42, 255])
def test_the_exit_code_is_noted(start: Start, tmp_path: Path, status: int) -> None:
    assert start("sh", "-c", f"exit {status}").end() == status == code(tmp_path)
    note = launch.folder(tmp_path, AGENT) / "exit.1"
    assert stat.S_IMODE(note.stat().st_mode) == 0o600


def test_a_pipe_or_a_link_in_place_of_the_note_holds_up_nobody(tmp_path: Path) -> None:
    place = launch.folder(tmp_path, AGENT)
    place.mkdir(parents=True)
    os.mkfifo(place / "exit.1")
    (tmp_path / "secret").write_text("7")
    (place / "exit.2").symlink_to(tmp_path / "secret")
    assert launch.exit_code(tmp_path, AGENT, 1) is None
    assert launch.exit_code(tmp_path, AGENT, 2) is None
    (place / f"started.{'9' * 12}").touch()
    assert launch.newest(tmp_path, AGENT) == 2


def test_ctrl_c_ends_the_agent_and_is_noted(start: Start, tmp_path: Path) -> None:
    pane = start("sh", "-c", "echo up; exec sleep 1000")
    pane.read("up")
    pane.write("\x03")
    assert pane.end() == 130 == code(tmp_path)


def test_ctrl_c_is_the_agents_to_handle(start: Start, tmp_path: Path) -> None:
    pane = start(
        "bash", "-c", "trap 'echo caught' INT; echo up; until read -r -t 0.2 x; do :; done; echo got $x; exit 5"
    )
    pane.read("up")
    pane.write("\x03")
    pane.read("caught")
    pane.write("still here\n")
    pane.read("got still here")
    assert pane.end() == 5 == code(tmp_path)


def test_signals_to_the_shim_leave_the_agent_alone(start: Start, tmp_path: Path) -> None:
    pane = start("sh", "-c", "echo up; read -r x; echo got $x; exit 5")
    pane.read("up")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        os.kill(pane.process.pid, number)
    pane.write("hello\n")
    pane.read("got hello")
    assert pane.end() == 5 == code(tmp_path)


def test_a_closed_window_ends_the_agent_and_is_noted(start: Start, tmp_path: Path) -> None:
    pane = start("sh", "-c", "echo up; while :; do sleep 0.05; done")
    pane.read("up")
    os.close(pane.fd)
    pane.end()
    eventually(lambda: code(tmp_path) is not None)
    assert code(tmp_path) == 129


def test_an_agent_that_survives_its_window_is_noted_when_it_ends(start: Start, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    script = f"trap '' HUP; echo up; while [ ! -e {flag} ]; do sleep 0.02; done; exit 9"
    pane = start("sh", "-c", script)
    pane.read("up")
    os.close(pane.fd)
    pane.end()
    assert code(tmp_path) is None
    flag.touch()
    eventually(lambda: code(tmp_path) == 9)


def test_a_generation_runs_once_whatever_happens(start: Start, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    command = ("sh", "-c", f"echo ran >> {proof}; exit 3")
    assert start(*command).end() == 3
    again = start(*command)
    again.read("has started before")
    assert again.end() == 125
    assert (proof.read_text(), code(tmp_path)) == ("ran\n", 3)


def test_of_many_shims_for_one_generation_one_runs(tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    command = launch.prepare(tmp_path, AGENT, 1, argv=["sh", "-c", f"echo ran >> {proof}"], env={"PATH": PATH}, cwd="/")
    shims = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(12)]
    assert sorted(shim.wait(20) for shim in shims) == [0] + [125] * 11
    assert proof.read_text() == "ran\n"


def test_an_older_generation_that_has_not_started_never_will(start: Start, tmp_path: Path) -> None:
    old = launch.prepare(tmp_path, AGENT, 1, argv=["true"], env={}, cwd="/")
    assert start("true", generation=2).end() == 0
    assert subprocess.run(old, stderr=subprocess.DEVNULL, timeout=20, check=False).returncode == 125
    assert code(tmp_path, 1) is None


def test_a_folder_that_is_gone_is_said_and_no_other_taken(start: Start, tmp_path: Path) -> None:
    pane = start("pwd", cwd=str(tmp_path / "gone"))
    assert "cannot start in" in pane.read("No such file or directory")
    assert pane.end() == 126 == code(tmp_path)


def test_a_missing_program_is_said(start: Start, tmp_path: Path) -> None:
    pane = start("no-such-agent")
    pane.read("cannot start 'no-such-agent': there is no such program")
    assert pane.end() == 127 == code(tmp_path)


def test_a_program_that_may_not_be_run_is_said(start: Start, tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("#!/bin/sh\n")
    pane = start("./tool")
    pane.read("it may not be run")
    assert pane.end() == 126 == code(tmp_path)


@pytest.mark.parametrize("word", ["exit", "exec", ".", "A=b", "cd"])
def test_a_word_of_the_shells_own_is_no_program(start: Start, tmp_path: Path, word: str) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    pane = start(word, "7", env={"PATH": str(empty)})
    assert pane.end() in (126, 127)


def test_a_frozen_agent_keeps_the_terminal(start: Start, tmp_path: Path) -> None:
    script = "import os, sys; print(os.getpid(), 'up', flush=True); print('got', sys.stdin.readline(), flush=True)"
    pane = start(sys.executable, "-c", script)
    agent = int(pane.read("up"))
    foreground = os.tcgetpgrp(pane.fd)
    os.kill(agent, signal.SIGSTOP)
    eventually(lambda: Path(f"/proc/{agent}/stat").read_text().rpartition(")")[2].split()[0] == "T")
    pane.write("typed while frozen\n")
    time.sleep(1)  # long enough for a shell that would take the terminal back
    assert os.tcgetpgrp(pane.fd) == foreground == os.getpgid(agent)
    os.kill(agent, signal.SIGCONT)
    pane.read("got typed while frozen")
    assert pane.end() == 0 == code(tmp_path)


def test_window_sizes_reach_the_agent(start: Start) -> None:
    script = (
        "import os, signal\n"
        "signal.signal(signal.SIGWINCH, lambda *_: os.write(1, b'%d %d END' % os.get_terminal_size()))\n"
        "print('up', flush=True)\nwhile True: signal.pause()"
    )
    pane = start(sys.executable, "-c", script)
    pane.read("up")
    fcntl.ioctl(pane.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 111, 0, 0))
    assert pane.read("END").split() == ["111", "33"]


def test_job_control_works_in_the_agent(start: Start) -> None:
    pane = start("bash", "--norc", "-i")
    pane.write("sleep 1000\n")
    eventually(lambda: any(b"sleep" in Path(f"/proc/{p}/cmdline").read_bytes() for p in descendants(pane.process.pid)))
    pane.write("\x1a")
    pane.read("Stopped")
    pane.write("kill %1; echo done-$((40+2))\n")
    pane.read("done-42")


def test_signals_are_at_their_defaults_in_the_agent(start: Start) -> None:
    pane = start("grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status")
    assert pane.read("SigIgn:").strip().endswith("0000000000000000")
    ignored = int(pane.read("\n"), 16)
    assert (
        ignored & (2**31 - 1) == 0
    )  # from 32 on they are the C library's own, and inherited from whoever runs the tests


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")
def test_a_daemon_of_the_agents_stays_below_the_shim(start: Start) -> None:
    pane = start("sh", "-c", "(setsid sh -c 'echo daemon $$ is-up; exec sleep 1000' &); read -r x")
    pane.read("daemon ")
    daemon = int(pane.read(" is-up"))
    eventually(lambda: daemon in descendants(pane.process.pid))
    assert f"\nPPid:\t{pane.process.pid}\n" in Path(f"/proc/{daemon}/status").read_text()


@pytest.mark.parametrize("agent", ["../x", "web/../x", "web", "web/dev/x", "Web/dev", "/etc"])
def test_no_agent_leads_out_of_the_run_folder(tmp_path: Path, agent: str) -> None:
    with pytest.raises(UsageError):
        launch.prepare(tmp_path, AgentId(agent), 1, argv=["true"], env={}, cwd="/")


@pytest.mark.parametrize(
    ("argv", "env"), [([], {}), (["a\0b"], {}), (["a"], {"A=B": "c"}), (["a"], {"": "c"}), (["a"], {"A": "\0"})]
)
def test_what_no_process_can_be_given_is_refused(tmp_path: Path, argv: list[str], env: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        launch.prepare(tmp_path, AGENT, 1, argv=argv, env=env, cwd="/")


def test_the_shim_brings_little_along(tmp_path: Path) -> None:
    command = launch.prepare(tmp_path, AGENT, 1, argv=["true"], env={"PATH": PATH}, cwd="/")
    probe = (
        "import runpy, sys, os\nos.execve = lambda *_: (print(*sys.modules), os._exit(0))\n"
        f"sys.stdout.reconfigure(line_buffering=True)\nsys.argv = {[command[3], command[4]]!r}\n"
        f"compile_ = open({command[3]!r}).read()\nexec(compile_, {{'__name__': '__main__'}})"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", probe], capture_output=True, text=True, timeout=20, check=True
    )
    assert not {"signal", "enum", "re", "pathlib", "subprocess", "agentctl"} & set(done.stdout.split())


def test_a_later_generation_says_where_its_words_begin(start: Start) -> None:
    pane = start("echo", "boom", generation=2)
    pane.read("agentctl: generation 2")
    pane.read("boom")
    assert pane.end() == 0
    shown = "boom\nagentctl: generation 2\nagain boom\n"
    assert launch.own_words(shown, 2) == "again boom\n\n"
    assert launch.own_words("all of it\n", 1) == "all of it\n"
    assert [launch.begins_in(shown, generation) for generation in (1, 2, 3)] == [True, True, False]
