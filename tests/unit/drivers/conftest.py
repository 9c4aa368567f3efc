"""A tmux server of its own for a test, and one who may be sloppy with it: the test."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import secrets
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentctl.domain.agent import Identity
from agentctl.domain.names import AgentId, PaneId, session_name, window_name
from agentctl.domain.ports import Opening
from agentctl.drivers import launch
from agentctl.drivers.tmux.terminal import TmuxTerminal

HOME = "c0ffee"


def identify(pid: int) -> Identity | None:
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else Identity("boot", pid, int(rest[18]))


class Lab:
    """A socket, a run folder, and what tests do with them."""

    def __init__(self, run_dir: Path) -> None:
        self.socket = f"agentctl-test-{secrets.token_hex(6)}"
        self.run_dir = run_dir
        self.home = HOME

    def terminal(self, engine: str = "control", deadline: float = 20.0, **more: Any) -> TmuxTerminal:
        return TmuxTerminal(
            self.socket, run_dir=self.run_dir, home=HOME, identify=identify, deadline=deadline, engine=engine, **more
        )

    def opening(
        self,
        agent: str,
        *argv: str,
        generation: int = 1,
        index: int = 0,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
    ) -> Opening:
        """Prepare a launch; without words the agent is a `cat`."""
        team, _, name = agent.partition("/")
        command = launch.prepare(
            self.run_dir, AgentId(agent), generation,
            argv=argv or ("cat",), env={"PATH": os.environ["PATH"]} | (env or {}), cwd=cwd or str(self.run_dir),
        )  # fmt: skip
        place = cwd or str(self.run_dir)
        return Opening(AgentId(agent), generation, session_name(team), window_name(team, name), index, command, place)

    async def one(self, terminal: TmuxTerminal, agent: str, *argv: str, **more: Any) -> PaneId:
        (opened,) = await terminal.open([self.opening(agent, *argv, **more)])
        assert opened.pane is not None, opened.error
        return opened.pane

    def tmux(self, *words: str, check: bool = True) -> str:
        """Do as a person does who types a tmux command."""
        done = subprocess.run(
            ["tmux", "-u", "-L", self.socket, *words], capture_output=True, text=True, timeout=20, check=check
        )
        return done.stdout.rstrip("\n")

    def server_pid(self) -> int:
        return int(self.tmux("display-message", "-p", "#{pid}"))

    def run(self, story: Callable[[TmuxTerminal], Coroutine[Any, Any, None]], **more: Any) -> None:
        """Play *story* with a connected terminal."""

        async def play() -> None:
            terminal = self.terminal(**more)
            await terminal.connect()
            try:
                await story(terminal)
            finally:
                await terminal.disconnect()

        asyncio.run(play())

    async def eventually(self, holds: Callable[[], Awaitable[bool]] | Callable[[], bool], within: float = 20.0) -> None:
        async with asyncio.timeout(within):
            while True:
                answer = holds()
                if answer if isinstance(answer, bool) else await answer:
                    return
                await asyncio.sleep(0.01)

    def end(self) -> None:
        path = Path(os.environ.get("TMUX_TMPDIR", "/tmp")) / f"tmux-{os.getuid()}" / self.socket
        if not path.exists():
            return
        with contextlib.suppress(subprocess.SubprocessError):
            subprocess.run(["tmux", "-L", self.socket, "kill-server"], capture_output=True, timeout=10, check=False)
        path.unlink(missing_ok=True)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path)
    yield made
    made.end()


@pytest.fixture
def frozen() -> Iterator[Callable[[int], None]]:
    """Stop processes, and continue them whatever the test does."""
    stopped: list[int] = []

    def stop(pid: int) -> None:
        stopped.append(pid)
        os.kill(pid, signal.SIGSTOP)

    yield stop
    for pid in stopped:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


class Reader:
    """An agent in raw mode that writes all it gets to a file, byte for byte."""

    SCRIPT = (
        "import os, sys, tty\n"
        "tty.setraw(0)\nout = open(sys.argv[1], 'ab', buffering=0)\n"
        "os.write(1, sys.argv[2].encode())\nos.write(1, b'ready')\n"
        "while data := os.read(0, 65536): out.write(data)\n"
    )

    def __init__(self, pane: PaneId, agent: AgentId, path: Path, lab: Lab) -> None:
        self.pane = pane
        self.agent = agent
        self.path = path
        self.lab = lab
        self.seen = 0

    def got(self) -> bytes:
        return self.path.read_bytes() if self.path.exists() else b""

    async def expect(self, text: str) -> None:
        """Wait for exactly *text* and Enter."""
        wanted = text.encode() + b"\r"

        def there() -> bool:
            return len(self.got()) >= self.seen + len(wanted)

        with contextlib.suppress(TimeoutError):
            await self.lab.eventually(there)
        assert self.got()[self.seen :] == wanted
        self.seen += len(wanted)


@pytest.fixture
def reader(lab: Lab, tmp_path: Path) -> Callable[..., Awaitable[Reader]]:
    """Start a raw reader; with *modes* it first writes those escapes."""

    async def start(terminal: TmuxTerminal, agent: str = "web/reader", modes: str = "") -> Reader:
        path = tmp_path / f"read-{agent.replace('/', '-')}"
        pane = await lab.one(terminal, agent, "python3", "-c", Reader.SCRIPT, str(path), modes)

        async def ready() -> bool:
            return "ready" in await terminal.screen(pane)

        await lab.eventually(ready)
        return Reader(pane, AgentId(agent), path, lab)

    return start


class Screen:
    """A person's terminal with a program in it."""

    def __init__(self, argv: list[str], environ: dict[str, str], size: tuple[int, int] = (120, 40)) -> None:
        self.fd, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *argv], stdin=slave, stdout=slave, stderr=slave, env=environ
        )
        os.close(slave)

    def shows(self, text: str, within: float = 15.0) -> bool:
        seen, end = b"", time.monotonic() + within
        while text.encode() not in seen and time.monotonic() < end:
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    seen += os.read(self.fd, 65536)
                except OSError:
                    break
        return text.encode() in seen

    def press(self, keys: bytes) -> None:
        os.write(self.fd, keys)

    def close(self) -> None:
        self.process.kill()
        self.process.wait(10)
        os.close(self.fd)


@pytest.fixture
def screens() -> Iterator[Callable[..., Screen]]:
    """Start programs in terminals of a person's, and end them whatever the test does."""
    made: list[Screen] = []

    def start(argv: list[str], environ: dict[str, str], size: tuple[int, int] = (120, 40)) -> Screen:
        made.append(Screen(argv, environ, size))
        return made[-1]

    yield start
    for screen in made:
        screen.close()
