"""`attach` where a person may be: outside tmux, inside our server, inside another one; and on a real terminal."""

from __future__ import annotations

import os
import pty
import secrets
import select
import shlex
import signal
import struct
import subprocess
import termios
import time
from fcntl import ioctl
from pathlib import Path

from tests.acceptance.stage import Stage, until


def read(terminal: int, wanted: bytes, seconds: float = 10.0) -> bytes:
    """Return what comes from *terminal* until *wanted* is in it."""
    said, deadline = b"", time.monotonic() + seconds
    while wanted not in said:
        assert time.monotonic() < deadline, said
        if select.select([terminal], [], [], 0.1)[0]:
            said += os.read(terminal, 65536)
    return said


def test_the_printed_command_fits_where_the_person_is(stage: Stage) -> None:
    stage.deploy(stage.team(agents={"one": stage.stays(), "two": stage.stays()}))
    pane = stage.ps()["web/two"]["pane"]
    socket = f"/tmp/tmux-{os.getuid()}/{stage.home.tmux_socket}"
    outside = shlex.split(stage.run("attach", "web/two", "--print").out)
    inside = shlex.split(stage.run("attach", "web/two", "--print", env=stage.env(TMUX=f"{socket},1,0")).out)
    nested = shlex.split(stage.run("attach", "web/two", "--print", env=stage.env(TMUX="/tmp/tmux-0/other,1,0")).out)
    ours = ["tmux", "-u", "-L", stage.home.tmux_socket]
    assert outside == [*ours, "attach-session", "-t", pane]
    assert inside == [*ours, "switch-client", "-t", pane]
    assert nested[:3] == ["tmux", "-u", "display-popup"]
    assert shlex.split(nested[-1])[-7:] == outside
    assert stage.run("attach", "web/two", code=2).err
    assert stage.run("attach", "web/none", code=4).err
    assert "=Task-web:" in stage.run("deploy", str(stage.work / "web.yaml"), "--yes").err


def test_a_real_attach_shows_the_agents_screen_and_leaving_ends_nothing(stage: Stage) -> None:
    stage.deploy(stage.team(agents={"one": stage.stays(), "sh": {"runner": "shell"}}))
    stage.run("send", "web/sh", "--wait", "10s", "echo here is $AGENTCTL_AGENT")
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(stage.work)
        os.execve(stage.argv()[0], stage.argv("attach", "web/sh"), stage.env())
    try:
        ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 40, 120, 0, 0))
        read(terminal, b"here is web/sh")
        os.write(terminal, b"echo typed by hand\r")
        until(lambda: "typed by hand" in stage.run("peek", "web/sh").out, "keys reach the agent")
        os.write(terminal, b"\x02d")
        read(terminal, b"detached")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    assert stage.all_in("running")
    assert stage.running() == {"web/one": 1}


def test_a_popup_in_another_server_shows_the_agent(stage: Stage) -> None:
    stage.deploy(stage.team(agents={"sh": {"runner": "shell"}}))
    stage.run("send", "web/sh", "--wait", "10s", "echo inside the popup")
    other = f"other-{secrets.token_hex(4)}"
    pid, terminal = pty.fork()
    if not pid:
        words = ["tmux", "-u", "-L", other, "-f", "/dev/null", "new-session", "-x", "120", "-y", "40", "cat", "-"]
        os.execve("/usr/bin/env", ["env", *words], stage.env())
    try:
        ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 40, 120, 0, 0))
        read(terminal, b"\x1b")
        tmux = ["tmux", "-L", other]
        until(
            lambda: subprocess.run([*tmux, "has-session"], capture_output=True, check=False).returncode == 0, "it is up"
        )
        inner = shlex.join(["env", *(f"{k}={v}" for k, v in stage.env().items()), *stage.argv("attach", "web/sh")])
        subprocess.run([*tmux, "new-window", inner], check=True, timeout=10)
        read(terminal, b"inside the popup")
    finally:
        subprocess.run(["tmux", "-L", other, "kill-server"], capture_output=True, check=False, timeout=10)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
        Path(f"/tmp/tmux-{os.getuid()}/{other}").unlink(missing_ok=True)
    assert stage.all_in("running")
