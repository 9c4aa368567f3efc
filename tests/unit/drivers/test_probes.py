"""Probes against real servers, closed ports, servers that hang and commands that flee."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctl.domain.errors import TerminalUnreachable, Unreachable
from agentctl.domain.team import Probe
from agentctl.domain.text import safe_text
from agentctl.drivers.probes import Answer, ask, connections

SHORT = timedelta(seconds=0.3)


def put(
    probe: Probe,
    *,
    output: str = "",
    env: Mapping[str, str] | None = None,
    cwd: str = "/",
    within: timedelta | None = None,
) -> Answer:
    async def lines() -> str:
        return output

    return asyncio.run(ask(probe, env=dict(os.environ) if env is None else env, cwd=cwd, output=lines, within=within))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.seen = (self.path, dict(self.headers))  # type: ignore[attr-defined]
        self.send_response(int(self.path.rpartition("/")[2].partition("?")[0] or 200))
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(b"x" * 200_000 if "/large/" in self.path else b"hello")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


def serve(reply: Callable[[socket.socket], None]) -> tuple[socket.socket, int]:
    """Answer each connection with *reply* until the listening socket is closed."""
    listening = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                reply(connection)

    threading.Thread(target=accept, daemon=True).start()
    return listening, listening.getsockname()[1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


# --- http ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "ok"), [(200, True), (204, True), (302, True), (404, False), (500, False)])
def test_http_2xx_and_3xx_are_yes(server: ThreadingHTTPServer, status: int, ok: bool) -> None:
    url = f"http://127.0.0.1:{server.server_port}/{status}"
    answer = put(Probe("http", url))
    assert answer.ok is ok
    assert answer.evidence.startswith(f"HTTP {status} from {url} in ")
    assert answer.evidence.endswith(" ms")


def test_http_takes_localhost_a_query_and_a_large_body(server: ThreadingHTTPServer) -> None:
    answer = put(Probe("http", f"http://localhost:{server.server_port}/large/200?a=b%20c&token=hidden"))
    assert answer.ok
    assert "hidden" not in answer.evidence
    path, headers = server.seen  # type: ignore[attr-defined]
    assert path == "/large/200?a=b%20c&token=hidden"
    assert headers["Host"] == f"localhost:{server.server_port}"


def test_the_users_of_a_url_are_told_to_the_server_alone(server: ThreadingHTTPServer) -> None:
    answer = put(Probe("http", f"http://ada:pa%3Ass@127.0.0.1:{server.server_port}/200"))
    assert "ada" not in answer.evidence
    assert "pa" not in answer.evidence.replace("path", "")
    assert server.seen[1]["Authorization"] == "Basic YWRhOnBhOnNz"  # type: ignore[attr-defined]


def test_nothing_in_a_url_becomes_a_line_of_its_own(server: ThreadingHTTPServer) -> None:
    put(Probe("http", f"http://127.0.0.1:{server.server_port}/200?x\r\nX-Evil: 1"))
    assert "X-Evil" not in server.seen[1]  # type: ignore[attr-defined]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_closed_port_is_told_as_such(host: str) -> None:
    port = free_port()
    assert put(Probe("http", f"http://{host}:{port}/")) == Answer(False, f"nothing listens on {host}:{port}")
    assert put(Probe("tcp", f"{host}:{port}")) == Answer(False, f"nothing listens on {host}:{port}")


def test_a_server_that_hangs_is_a_no_in_time() -> None:
    gone = threading.Event()
    listening, port = serve(lambda _: void(gone.wait(10)))
    with listening:
        begun = time.monotonic()
        answer = put(Probe("http", f"http://127.0.0.1:{port}/x"), within=SHORT)
        assert answer == Answer(False, f"no answer from http://127.0.0.1:{port}/x within 0.3s")
        assert time.monotonic() - begun < 2
        gone.set()


def void(_: object) -> None:
    pass


@pytest.mark.parametrize(
    ("reply", "evidence"),
    [
        (b"", "closed the connection without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "answered something that is not HTTP"),
        (b"\x00\xff" * 100_000, "answered something that is not HTTP"),
    ],
)
def test_what_does_not_speak_http_is_a_no(reply: bytes, evidence: str) -> None:
    def answer_oddly(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(reply)

    listening, port = serve(answer_oddly)
    with listening:
        answer = put(Probe("http", f"http://127.0.0.1:{port}/"))
    assert answer == Answer(False, f"http://127.0.0.1:{port}/ {evidence}")


def test_a_connection_that_is_reset_is_a_no() -> None:
    def reset(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

    listening, port = serve(reset)
    with listening:
        answer = put(Probe("http", f"http://127.0.0.1:{port}/"))
    assert not answer.ok
    assert str(port) in answer.evidence


def test_announcements_before_the_answer_are_passed_over() -> None:
    def announce(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")

    listening, port = serve(announce)
    with listening:
        assert put(Probe("http", f"http://127.0.0.1:{port}/")).ok


def test_an_endless_answer_is_an_answer() -> None:
    def stream(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"data: tick\n\n" * 100)

    listening, port = serve(stream)
    with listening:
        begun = time.monotonic()
        assert put(Probe("http", f"http://127.0.0.1:{port}/")).ok
        assert time.monotonic() - begun < 2


@pytest.mark.parametrize("target", ["", "localhost:3000", "ftp://x/", "http://", "http://x:99999/", "http://[::1/"])
def test_what_is_no_url_is_a_no(target: str) -> None:
    answer = put(Probe("http", target))
    assert not answer.ok
    assert "URL" in answer.evidence


def test_a_host_that_is_not_known_is_a_no() -> None:
    assert "nowhere.invalid" in put(Probe("http", "http://nowhere.invalid/"), within=timedelta(seconds=3)).evidence


# --- tcp -------------------------------------------------------------------------------------------------------------


def test_tcp_is_yes_where_something_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        answer = put(Probe("tcp", f"127.0.0.1:{port}"))
    assert answer.ok
    assert answer.evidence.startswith(f"127.0.0.1:{port} accepts connections")


@pytest.mark.parametrize("target", ["", "x", "x:", ":80", "x:0", "x:65536", "x:-1", "x:8o", "x:\u0663"])
def test_what_is_no_host_and_port_is_a_no(target: str) -> None:
    assert "is not host:port" in put(Probe("tcp", target)).evidence


def test_a_socket_that_reaches_itself_is_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    create = socket.socket

    def create_bound(*arguments: int) -> socket.socket:
        made = create(*arguments)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("127.0.0.1", port))
        return made

    monkeypatch.setattr(connections, "_new_socket", lambda *_: nonblocking(create_bound()))
    assert put(Probe("tcp", f"127.0.0.1:{port}")) == Answer(False, f"nothing listens on 127.0.0.1:{port}")


def nonblocking(made: socket.socket) -> socket.socket:
    made.setblocking(False)
    return made


# --- command ---------------------------------------------------------------------------------------------------------


def test_exit_code_0_is_yes(tmp_path: Path) -> None:
    (tmp_path / "ready").touch()
    probe = Probe("command", argv=("test", "-f", "ready"))
    assert put(probe, cwd=str(tmp_path)) == Answer(True, "exit code 0 from test -f ready")
    assert put(probe, cwd="/") == Answer(False, "exit code 1 from test -f ready")


def test_a_command_has_the_environment_it_is_given_and_no_input() -> None:
    probe = Probe("command", argv=("/bin/sh", "-c", '! read line && test "$GREETING" = hello && test -z "$HOME"'))
    assert put(probe, env={"GREETING": "hello"}).ok


def test_a_command_that_cannot_run_is_a_no(tmp_path: Path) -> None:
    absent, script = Probe("command", argv=("no-such-program",)), tmp_path / "x"
    script.touch(mode=0o600)
    assert put(absent) == Answer(False, "cannot run no-such-program: No such file or directory")
    assert put(absent, cwd=str(tmp_path / "gone")).evidence.endswith(f"there is no folder {tmp_path / 'gone'}")
    assert "Permission denied" in put(Probe("command", argv=(str(script),))).evidence


def test_a_command_that_is_killed_tells_by_what() -> None:
    answer = put(Probe("command", argv=("sh", "-c", "kill -9 $$")))
    assert not answer.ok
    assert answer.evidence.endswith("was ended by signal 9")


def test_a_command_that_leaves_something_behind_has_answered() -> None:
    begun = time.monotonic()
    assert put(Probe("command", argv=("sh", "-c", "sleep 2 & exit 0"))).ok
    assert time.monotonic() - begun < 1.5


FLEEING = """
import os, signal, sys, time
for flee in (lambda: None, os.setsid):
    if os.fork() == 0:
        flee()
        if os.fork() == 0:
            open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(300)
        os._exit(0)
open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
time.sleep(300)
"""


def test_what_takes_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    probe = Probe("command", argv=(sys.executable, "-I", "-S", "-c", FLEEING, str(pids)))
    answer = put(probe, within=timedelta(seconds=0.6))
    assert not answer.ok
    assert answer.evidence.endswith("did not end within 0.6s")
    found = pids.read_text().split()
    assert len(found) == 3
    deadline = time.monotonic() + 5
    while any(running(pid) for pid in found):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def running(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_question_given_up_leaves_nothing_running(tmp_path: Path) -> None:
    probe = Probe("command", argv=("sh", "-c", f"echo $$ > {tmp_path}/pid; exec sleep 300"))

    async def give_up() -> None:
        task = asyncio.create_task(ask(probe, env=dict(os.environ), cwd="/", output=no_output))
        reader = os.open(tmp_path / "pid", os.O_RDONLY | os.O_NONBLOCK)
        started = asyncio.Event()
        asyncio.get_running_loop().add_reader(reader, started.set)
        await asyncio.wait_for(started.wait(), 5)
        asyncio.get_running_loop().remove_reader(reader)
        told.append(os.read(reader, 100).decode().strip())
        os.close(reader)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    told: list[str] = []
    os.mkfifo(tmp_path / "pid")
    asyncio.run(give_up())
    assert told[0].isdigit()
    assert not running(told[0])


async def no_output() -> str:
    return ""


# --- log -------------------------------------------------------------------------------------------------------------


def test_a_line_that_matches_is_the_evidence() -> None:
    answer = put(Probe("log", r"listening on (\S+):\d+"), output="booting\nlistening on 127.0.0.1:3000\nmore\n")
    assert answer == Answer(True, "line: listening on 127.0.0.1:3000")


def test_no_line_is_a_no() -> None:
    assert put(Probe("log", "ready"), output="a\nb") == Answer(False, "none of 2 lines matches 'ready'")


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(a|aa)+$", r"(.*a){25}$", r"^(\w+\s?)*$"])
def test_a_pattern_without_end_is_cut_off(pattern: str) -> None:
    begun = time.process_time()
    answer = put(Probe("log", pattern), output="a" * 60 + "!\n" + "x" * 100)
    assert not answer.ok
    assert "takes too long" in answer.evidence or "none of" in answer.evidence
    assert time.process_time() - begun < 1


def test_the_budget_leaves_others_signals_alone() -> None:
    before = signal.getsignal(signal.SIGVTALRM)
    put(Probe("log", "(a+)+$"), output="a" * 60 + "!")
    put(Probe("log", "x"), output="x")
    assert signal.getsignal(signal.SIGVTALRM) is before
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


@pytest.mark.parametrize("pattern", ["(", "a{2,1}", "(?P<x", "x" * 2000])
def test_what_is_no_pattern_is_a_no(pattern: str) -> None:
    answer = put(Probe("log", pattern), output="x")
    assert not answer.ok
    assert len(answer.evidence) < 400


def test_endless_output_is_searched_from_its_end() -> None:
    assert put(Probe("log", "^ready$"), output="noise\n" * 2_000_000 + "ready\n").ok


def test_output_that_is_not_known_is_no_answer() -> None:
    async def unreachable() -> str:
        raise TerminalUnreachable("tmux did not answer")

    with pytest.raises(TerminalUnreachable):
        asyncio.run(ask(Probe("log", "x"), env={}, cwd="/", output=unreachable))


def test_a_want_of_descriptors_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> socket.socket:
        raise OSError(24, "Too many open files")

    async def lack() -> Answer:
        monkeypatch.setattr("agentctl.drivers.probes.connections.socket.socket", fail)
        return await ask(Probe("tcp", "127.0.0.1:1"), env={}, cwd="/", output=no_output)

    with pytest.raises(Unreachable, match="Too many open files"):
        asyncio.run(lack())


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["http", "tcp", "log"]), st.text(max_size=40), st.text(max_size=80))
def test_whatever_is_asked_the_evidence_is_one_clean_line(kind: str, target: str, output: str) -> None:
    prefix = {"http": "http://127.0.0.1:1/", "tcp": "127.0.0.1:1", "log": ""}[kind]

    answer = put(Probe(kind, prefix + target), output=output, within=SHORT)  # type: ignore[arg-type]
    assert answer.evidence == safe_text(answer.evidence).replace("\n", " ").replace("\t", " ")
