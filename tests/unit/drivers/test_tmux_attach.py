"""Getting to a window: from no tmux, from the same server, from another one."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from agentctl.drivers.tmux.attach import attach_argv, socket_path

Lab = Any
Screens = Callable[..., Any]
ENVIRON = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "HOME": "/"}
INSIDE = f"/tmp/tmux-{os.getuid()}"


@pytest.fixture
def team(lab: Lab) -> tuple[Lab, list[str]]:
    """A team whose windows say who they are."""

    async def deploy() -> list[str]:
        terminal = lab.terminal()
        await terminal.connect()
        say = [lab.opening(f"web/{n}", "sh", "-c", f"echo I-am-{n}; cat", index=i) for i, n in enumerate(("pm", "dev"))]
        opened = await terminal.open(say)
        await terminal.disconnect()
        return [one.pane or "" for one in opened]

    return lab, asyncio.run(deploy())


def test_outside_tmux_it_attaches(team: tuple[Lab, list[str]], screens: Screens) -> None:
    lab, panes = team
    for pane, words in ((panes[1], "I-am-dev"), (panes[0], "I-am-pm")):
        screen = screens(attach_argv(lab.socket, "Task-web", pane=pane, environ=ENVIRON), ENVIRON)
        assert screen.shows(words)


def test_inside_the_same_server_it_switches(team: tuple[Lab, list[str]], screens: Screens) -> None:
    lab, panes = team
    lab.tmux("new-session", "-d", "-s", "person", "-x", "120", "-y", "40", "env PS1= sh")
    screen = screens(["tmux", "-u", "-L", lab.socket, "attach", "-t", "=person"], ENVIRON)
    for within in range(200):
        if lab.tmux("list-clients", "-t", "=person"):
            break
        assert within < 199
        time.sleep(0.02)
    shell = lab.tmux("display-message", "-p", "-t", "=person:", "#{socket_path},#{pid},0")
    argv = attach_argv(lab.socket, "Task-web", pane=panes[1], environ={**ENVIRON, "TMUX": shell})
    assert argv[4:] == ["switch-client", "-t", panes[1]]
    lab.tmux("send-keys", "-t", "=person:", " ".join(f"'{word}'" for word in argv), "Enter")
    assert screen.shows("I-am-dev")


def test_inside_another_server_it_opens_a_popup(team: tuple[Lab, list[str]], screens: Screens) -> None:
    lab, panes = team
    outer = f"{lab.socket}-outer"
    subprocess.run(
        ["tmux", "-L", outer, "-f", "/dev/null", "new-session", "-d", "-s", "o", "sh"], check=True, timeout=10
    )
    screen = screens(["tmux", "-u", "-L", outer, "attach", "-t", "=o"], ENVIRON)
    try:
        assert screen.shows("[o]")
        around = f"{socket_path(outer, ENVIRON)},1,0"
        argv = attach_argv(lab.socket, "Task-web", pane=panes[1], environ={**ENVIRON, "TMUX": around}, read_only=True)
        assert argv[:3] == ["tmux", "-u", "display-popup"]
        popup = subprocess.Popen(argv, env={**ENVIRON, "TMUX": around})
        assert screen.shows("I-am-dev")
        popup.kill()
        popup.wait(10)
    finally:
        subprocess.run(["tmux", "-L", outer, "kill-server"], check=False, timeout=10)
        socket_path(outer, os.environ).unlink(missing_ok=True)


def test_looking_only_changes_nothing(team: tuple[Lab, list[str]], screens: Screens) -> None:
    lab, panes = team
    screen = screens(attach_argv(lab.socket, "Task-web", pane=panes[0], environ=ENVIRON, read_only=True), ENVIRON)
    assert screen.shows("I-am-pm")
    screen.press(b"typed\n")
    assert not screen.shows("typed", within=0.3)


@pytest.mark.parametrize(
    ("tmux", "read_only", "verb"),
    [
        ("", False, "attach-session"),
        ("", True, "attach-session"),
        (f"{INSIDE}/agentctl,12,3", False, "switch-client"),
        (f"{INSIDE}/agentctl,12,3", True, "display-popup"),
        (f"{INSIDE}/agentctl-2,12,3", False, "display-popup"),
        (f"{INSIDE}/default,12,3", False, "display-popup"),
        ("/a,b/default,12,3", False, "display-popup"),
    ],
)
def test_the_way_is_chosen_by_where_the_person_is(tmux: str, read_only: bool, verb: str) -> None:
    argv = attach_argv("agentctl", "Task-web", environ={"TMUX": tmux}, read_only=read_only)
    assert verb in argv
    assert "=Task-web:" in " ".join(argv)
    assert ("read-only" in " ".join(argv)) is read_only


def test_what_the_light_path_needs_brings_no_event_loop() -> None:
    light = "agentctl.drivers.tmux.attach, agentctl.drivers.tmux.marks, agentctl.drivers.tmux.version"
    probe = f"import sys, {light}; print(sorted({{'asyncio', 'libtmux', 'psutil', 'pydantic'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout == "[]\n"
