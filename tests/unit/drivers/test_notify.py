"""The ways to reach a person, each against the real thing: a program on PATH, a terminal, an HTTP server."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from agentctl.domain.errors import Unreachable
from agentctl.domain.names import AgentId, PaneId
from agentctl.domain.notice import Notification
from agentctl.domain.ports import Opening, Viewer
from agentctl.drivers import tty
from agentctl.drivers.memory import MemoryTerminal
from agentctl.drivers.notify.bell import Bell
from agentctl.drivers.notify.choice import ways
from agentctl.drivers.notify.desktop import Desktop
from agentctl.drivers.notify.terminals import sequence
from agentctl.drivers.notify.webhook import Webhook

HOSTILE = "-h --help $(touch x) `id` \\033[2J\\n <a href='http://evil'>x</a> <!channel> & \x1b]0;t\x07\x9b2J"


def note(text: str = "Run npm i?", *panes: str) -> Notification:
    agent, since = AgentId("shop/dev"), datetime(2026, 6, 1, 12, tzinfo=UTC)
    places = tuple(map(PaneId, panes))
    return Notification("shop/dev needs an approval", text, (agent,), places, "approval", since, "box")


# --- a real HTTP server ---


class Hook:
    """A server on loopback that answers as it is told to, and keeps what it was sent."""

    def __init__(self, *answers: int, location: str = "", hangs: bool = False) -> None:
        self.got: list[dict[str, object]] = []
        self.asked: list[str] = []
        rest, hook, self.release = list(answers), self, threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hook.asked.append(f"GET {self.path}")
                self.send_response(200)
                self.end_headers()

            def do_POST(self) -> None:
                hook.asked.append(f"POST {self.path}")
                hook.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                if hangs:
                    hook.release.wait(30)
                    return
                self.send_response(rest.pop(0) if rest else 200)
                if location:
                    self.send_header("Location", location)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/services/T0/secret"


@contextmanager
def served(*answers: int, location: str = "", hangs: bool = False) -> Iterator[Hook]:
    hook = Hook(*answers, location=location, hangs=hangs)
    thread = threading.Thread(target=hook.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hook
    finally:
        hook.release.set()
        hook.server.shutdown()
        hook.server.server_close()
        thread.join()


class Pauses:
    """Counts the waits between tries, and does not wait."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_a_webhook_gets_who_why_and_since_when():
    with served() as hook:
        assert asyncio.run(Webhook(hook.url, "json").tell(note(HOSTILE))) == "it took the message"
    assert hook.got == [
        {"agent": "shop/dev", "agents": ["shop/dev"], "why": "approval", "title": "shop/dev needs an approval",
         "text": HOSTILE, "since": "2026-06-01T12:00:00+00:00", "host": "box"}
    ]  # fmt: skip


def test_slack_gets_text_in_which_nothing_is_a_mention_or_a_link():
    with served() as hook:
        asyncio.run(Webhook(hook.url, "slack").tell(note("<!channel> see <http://evil|this> & more"), "#shop"))
    text = "shop/dev needs an approval (on box)\n&lt;!channel&gt; see &lt;http://evil|this&gt; &amp; more"
    assert hook.got == [{"text": text, "channel": "#shop"}]


def test_a_server_that_is_out_of_order_is_tried_three_times():
    pauses = Pauses()
    with served(500, 503, 500, 200) as hook, pytest.raises(Unreachable) as failed:
        asyncio.run(Webhook(hook.url, "json", sleep=pauses).tell(note()))
    assert (len(hook.got), pauses.taken, failed.value.message) == (3, [1.0, 5.0], "it answered with 500")


def test_a_server_that_comes_back_is_told_once():
    with served(502) as hook:
        asyncio.run(Webhook(hook.url, "json", sleep=Pauses()).tell(note()))
    assert len(hook.got) == 2


def test_a_no_is_not_asked_again():
    with served(404) as hook, pytest.raises(Unreachable, match="404"):
        asyncio.run(Webhook(hook.url, "json", sleep=Pauses()).tell(note()))
    assert len(hook.got) == 1


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("place", ["file:///etc/passwd", "/elsewhere"])
def test_no_answer_sends_us_elsewhere(code, place):
    with served(code, location=place) as hook, pytest.raises(Unreachable, match=str(code)):
        asyncio.run(Webhook(hook.url, "json", sleep=Pauses()).tell(note()))
    assert hook.asked == ["POST /services/T0/secret"]


def test_a_server_that_hangs_is_given_up():
    with served(hangs=True) as hook, pytest.raises(Unreachable) as failed:
        asyncio.run(Webhook(hook.url, "json", sleep=Pauses(), deadline=0.1).tell(note()))
    assert (len(hook.got), failed.value.message) == (3, "no answer within 0.1 s")


def test_a_server_that_drips_is_given_up_and_nobody_waits_for_it():
    stop = threading.Event()

    class Drips(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while not stop.wait(0.02):
                self.request.sendall(b"H")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Drips) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        hook = Webhook(f"http://127.0.0.1:{server.server_address[1]}/x", "json", sleep=Pauses(), deadline=0.1)
        begun = time.monotonic()
        try:
            with pytest.raises(Unreachable, match=r"no answer within 0\.2 s"):
                asyncio.run(hook.tell(note()))
            assert time.monotonic() - begun < 5
        finally:
            stop.set()
            server.shutdown()
            thread.join()
    for left in [left for left in threading.enumerate() if left.name == "webhook"]:
        left.join(5)


@pytest.mark.parametrize(
    "address", ["", "file:///etc/passwd", "ftp://127.0.0.1/x", "https://", "http://[::1", "gopher://x"]
)
def test_only_http_is_spoken(address):
    with pytest.raises(Unreachable, match="no http or https address"):
        asyncio.run(Webhook(address, "json", sleep=Pauses()).tell(note()))


def test_no_fault_repeats_the_address():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        for address in (f"http://127.0.0.1:{port}/secret", "http://no-such-host.invalid/secret", "http://x:1/se cret"):
            hook = Webhook(address, "json", sleep=Pauses())
            with pytest.raises(Unreachable) as failed:
                asyncio.run(hook.tell(note()))
            assert "secret" not in failed.value.message + repr(hook)
            assert "cret" not in failed.value.message


# --- the desktop ---


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    """A notify-send on PATH that writes its words down, a line each with NUL behind it."""
    program = tmp_path / "bin" / "notify-send"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nprintf '%s\\0' \"$@\" >> {tmp_path}/sent\nexit $(cat {tmp_path}/code)\n")
    program.chmod(0o755)
    (tmp_path / "code").write_text("0")
    return tmp_path / "sent"


def desktop(sent: Path, terminal: MemoryTerminal | None = None, **environ: str) -> Desktop:
    bus = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"} | environ
    path = {"PATH": f"{sent.parent / 'bin'}:{os.environ['PATH']}"}
    return Desktop(terminal or MemoryTerminal(), path | bus, platform="linux")


def test_the_desktops_program_gets_words_that_are_no_options_and_no_markup(sent):
    assert asyncio.run(desktop(sent).tell(note(HOSTILE))) == "shown by notify-send"
    *options, title, text, rest = sent.read_text().split("\0")
    assert (options, title, rest) == (["--app-name=agentctl", "--"], "shop/dev needs an approval", "")
    assert text.startswith("-h --help $(touch x) `id` \\\\033[2J\\\\n &lt;a href=")
    assert not {"<", ">", "\x1b", "\x07", "\x9b"} & set(text)


def test_without_a_session_the_terminals_are_written_to(sent):
    reader, writer = pty.openpty()
    try:
        terminal = MemoryTerminal()
        terminal.attached = [Viewer(os.ttyname(writer), "xterm-256color", "WezTerm 1")]
        said = asyncio.run(desktop(sent, terminal, DBUS_SESSION_BUS_ADDRESS="").tell(note(HOSTILE)))
        shown = os.read(reader, 1000)
    finally:
        os.close(reader)
        os.close(writer)
    assert said == "written to 1 of 1 attached terminals; whether they show it is their own choice"
    assert not sent.exists()
    assert shown.startswith(b"\x1b]9;agentctl: shop/dev needs an approval - -h --help")
    assert shown.endswith(b"\x1b\\")
    assert shown.count(b"\x1b") == 2
    assert b"\x07" not in shown


def test_a_program_that_fails_is_told_of_where_nothing_else_works(sent):
    (sent.parent / "code").write_text("3")
    with pytest.raises(Unreachable) as failed:
        asyncio.run(desktop(sent).tell(note()))
    assert failed.value.message == "notify-send ended with code 3, and no terminal is attached"


def test_on_a_mac_the_texts_are_arguments_of_the_script(tmp_path):
    program = tmp_path / "osascript"
    program.write_text(f"#!/bin/sh\nprintf '%s\\0' \"$@\" > {tmp_path}/sent\n")
    program.chmod(0o755)
    mac = Desktop(MemoryTerminal(), {"PATH": f"{tmp_path}:{os.environ['PATH']}"}, platform="darwin")
    assert asyncio.run(mac.tell(note('"; do shell script "id'))) == "shown by osascript"
    words = (tmp_path / "sent").read_text().split("\0")
    assert words[-3:] == ["shop/dev needs an approval", '"; do shell script "id', ""]
    assert not any("shell script" in word for word in words[:-3])


@pytest.mark.parametrize(("term", "kind"), [("rxvt-unicode-256color", ""), ("xterm-256color", "VTE(7200)")])
def test_some_terminals_take_another_sequence(term, kind):
    assert sequence(note("a;b"), Viewer("/dev/null", term, kind)) == (
        b"\x1b]777;notify;agentctl: shop/dev needs an approval;a;b\x1b\\"
    )


# --- the bell ---


def test_the_bell_rings_in_the_agents_window():
    async def play() -> tuple[str, list[PaneId]]:
        terminal = MemoryTerminal()
        await terminal.connect()
        (opened,) = await terminal.open([Opening(AgentId("shop/dev"), 1, "Task-shop", "Shop-Dev", 0, ("cat",), "/")])
        assert opened.pane is not None
        return await Bell(terminal).tell(note("", opened.pane, "%99")), terminal.rung

    said, rung = asyncio.run(play())
    assert (said, len(rung)) == ("rang in 1 window; 0 terminals attached", 1)


def test_where_no_window_lives_the_terminals_ring():
    reader, writer = pty.openpty()
    try:
        terminal = MemoryTerminal()
        asyncio.run(terminal.connect())
        with pytest.raises(Unreachable, match="no agent's window and no attached terminal"):
            asyncio.run(Bell(terminal).tell(note("", "%99")))
        terminal.attached = [Viewer(os.ttyname(writer), "xterm", ""), Viewer("/dev/pts/no-such", "xterm", "")]
        assert asyncio.run(Bell(terminal).tell(note())) == "rang in 1 of 2 attached terminals"
        assert os.read(reader, 10) == b"\a"
    finally:
        os.close(reader)
        os.close(writer)


# --- terminals ---


def test_only_a_terminal_of_ours_is_written_to(tmp_path):
    plain, linked = tmp_path / "plain", tmp_path / "link"
    plain.write_text("kept")
    linked.symlink_to("/dev/null")
    for path in (plain, linked, Path("/dev/null"), tmp_path, tmp_path / "none"):
        with pytest.raises(OSError, match=r".+"):
            tty.write(str(path), b"\a")
    assert plain.read_text() == "kept"


def test_a_terminal_that_takes_nothing_is_not_waited_for():
    reader, writer = pty.openpty()
    try:
        with pytest.raises(OSError, match=r".+"):
            _fill(os.ttyname(writer))
    finally:
        os.close(reader)
        os.close(writer)


def _fill(path: str) -> None:
    for _ in range(1000):
        tty.write(path, b"x" * 4000)


# --- which there are ---


def test_ways_are_those_that_are_switched_on():
    terminal, clock = MemoryTerminal(), FakeTime()
    assert set(ways(terminal, clock, {})) == {"bell", "desktop"}
    off = {"AGENTCTL_NOTIFY_BELL": "false", "AGENTCTL_NOTIFY_DESKTOP": "false"}
    assert set(ways(terminal, clock, off | {"AGENTCTL_NOTIFY_SLACK": "https://x/y"})) == {"slack"}


def test_an_address_may_be_named_and_is_looked_up_once_it_is_needed():
    with served() as hook:
        environ = {"AGENTCTL_NOTIFY_WEBHOOK": "${HOOK}", "HOOK": hook.url}
        asyncio.run(ways(MemoryTerminal(), FakeTime(), environ)["webhook"].tell(note()))
    assert len(hook.got) == 1
    with pytest.raises(Unreachable, match="its address is not set"):
        asyncio.run(ways(MemoryTerminal(), FakeTime(), {"AGENTCTL_NOTIFY_SLACK": "${NONE}"})["slack"].tell(note()))


class FakeTime:
    """A clock that is never looked at."""

    def now(self) -> datetime:
        raise AssertionError

    def monotonic(self) -> float:
        raise AssertionError

    async def sleep(self, seconds: float) -> None:
        raise AssertionError
