"""A person is told and goes there: the real command, a real tmux, a fake coding agent that really asks."""

from __future__ import annotations

import json
import os
import pty
import signal
import struct
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import ioctl
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.fake import FakeStage
from tests.acceptance.stage import until
from tests.acceptance.test_attach import read

HOSTILE = "#(touch ran) $(touch ran) `touch ran` \\033[2J -x #{pid} ;kill-server"


@contextmanager
def hook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve a webhook, and yield its address and what it was sent."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/secret-path", got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def settings(stage: FakeStage, **notify: object) -> None:
    path = Path(stage.env()["XDG_CONFIG_HOME"]) / "agentctl" / "config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"notify": notify}))


def desktop(stage: FakeStage) -> Path:
    """Put a notify-send on the supervisor's PATH that writes its words down."""
    sent = stage.folder / "sent"
    program = stage.bin / "notify-send"
    program.write_text(f"#!/bin/sh\nprintf '%s\\0' \"$@\" >> '{sent}'\n")
    program.chmod(0o755)
    return sent


@pytest.fixture
def stage(fakes: FakeStage) -> FakeStage:
    return fakes


def test_an_agent_that_asks_is_told_of_by_every_way_once_over_a_kill_and_next_goes_there(stage: FakeStage) -> None:
    sent = desktop(stage)
    with hook() as (address, got):
        settings(stage, dwell="1s", webhook=address)
        stage.run("daemon", "start", env=stage.env(DBUS_SESSION_BUS_ADDRESS="unix:path=/nowhere"))
        stage.up("dev", "pm")
        assert "nobody waits" in stage.run("next").err
        stage.run("send", "web/dev", f"!ask {HOSTILE}|yes|no")
        until(lambda: got and sent.exists(), "it is told")
        (told,) = got
        assert (told["agent"], told["why"], told["title"]) == ("web/dev", "question", "web/dev asks you something")
        *_, title, text, end = sent.read_text().split("\0")
        assert (title, end) == ("web/dev asks you something", "")
        assert "\\\\033" in text
        window = "#{window_name} #{window_bell_flag}"
        until(lambda: "Web-Dev 1" in stage.tmux("list-windows", "-a", "-F", window), "its window is flagged")
        assert "Web-PM 0" in stage.tmux("list-windows", "-a", "-F", window)
        assert stage.tmux("display-message", "-p", "#{@agentctl_status}") == "1 waits: web/dev\n"
        stage.kill_supervisor()
        stage.run("daemon", "start")
        stage.run("send", "web/pm", "!permit rm -rf build")
        until(lambda: len(got) > 1, "the other is told of")
        assert [one["agent"] for one in got] == ["web/dev", "web/pm"]
        assert [event["stream"] for event in stage.events("PersonNotified")] == ["agent:web/dev", "agent:web/pm"]
        assert stage.run("next", "--print").out == "web/dev\n"
        assert stage.run("next", "web/pm", "--print").out == "web/pm\n"
        assert stage.run("next", code=2).err
        assert not list(stage.folder.rglob("ran"))
        for path in stage.home.logs.glob("*"):
            assert "secret-path" not in path.read_text()
        said = json.dumps(stage.events()) + stage.run("config", "show").out + stage.run("notify", "test", code=7).said
        assert "secret-path" not in said
        assert not any(b"secret-path" in _environment(one) for one in stage.starts())


def test_a_person_who_is_attached_sees_who_waits_and_goes_there_by_a_key(stage: FakeStage) -> None:
    settings(stage, dwell="1s")
    stage.up("dev", "pm")
    with person(stage, "attach", "web/pm") as terminal:
        read(terminal, b"for shortcuts")
        stage.run("send", "web/dev", "!permit rm -rf build")
        read(terminal, b"1 waits: web/dev")
        until(lambda: stage.events("PersonNotified", "web/dev"), "it is told")
        stage.run("send", "web/pm", "!permit rm -rf dist")
        read(terminal, b"2 wait: web/dev, web/pm")
        os.write(terminal, b"\x02N")
        watched = ["display-message", "-p", "-t", "=Task-web:", "#{window_name}"]
        until(lambda: stage.tmux(*watched) == "Web-Dev\n", "prefix-N goes there")
        stage.run("approve", "web/dev")
        read(terminal, b"1 waits: web/pm")
    with person(stage, "next") as terminal:
        read(terminal, b"rm -rf dist")
        assert stage.tmux(*watched) == "Web-PM\n"


@contextmanager
def person(stage: FakeStage, *words: str) -> Iterator[int]:
    """Run a command on a terminal of its own, and yield that."""
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(stage.work)
        os.execve(stage.argv()[0], stage.argv(*words), stage.env())
    try:
        ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 40, 120, 0, 0))
        yield terminal
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def test_each_way_is_tried_in_honest_words(stage: FakeStage) -> None:
    settings(stage, slack="${NO_SUCH_HOOK}")
    stage.up("dev")
    done = stage.run("notify", "test", "--json", code=7)
    assert {row["way"]: (row["told"], row["words"]) for row in done.items} == {
        "bell": (True, "rang in 1 window; 0 terminals attached"),
        "desktop": (False, "no desktop session is known here, and no terminal is attached"),
        "slack": (False, "its address is not set, or no http or https address"),
    }
    assert "has no address" in stage.run("notify", "test", "webhook", code=1).out
    assert "there is no way 'smoke'" in stage.run("notify", "test", "smoke", code=2).err
    assert stage.events("PersonNotified") == []


def _environment(start: Any) -> bytes:
    try:
        return Path(f"/proc/{start.pid}/environ").read_bytes()
    except OSError:
        return b""
