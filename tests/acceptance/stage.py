"""A stage for one test: a state folder of its own, the real executable on it, and a count of what really runs.

What runs is counted apart from the program under test: by `/proc`, by tmux itself, and by what the fake agents of
`programs/` write down when they start.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from agentctl.control.client import Client
from agentctl.control.home import Home
from agentctl.domain.errors import AgentctlError
from tests.acceptance.forge import Forge

PROGRAMS = Path(__file__).with_name("programs")
PATIENCE = 40.0
"""Seconds; every wait ends long before on a machine that is not overloaded."""

EXIT_CODES = frozenset({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 130})

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str
    seconds: float

    @property
    def said(self) -> str:
        return self.out + self.err

    def __str__(self) -> str:
        return f"{' '.join(self.words)} → {self.code} in {self.seconds:.2f}s\n--- out\n{self.out}\n--- err\n{self.err}"

    @property
    def items(self) -> list[dict[str, Any]]:
        return list(json.loads(self.out)["items"])


class Start(NamedTuple):
    """What a fake agent wrote down when it started."""

    agent: str
    generation: int
    pid: int


class PaneSeen(NamedTuple):
    """One pane of the server, as tmux tells it."""

    id: str
    session: str
    window: str
    index: int
    agent: str
    generation: int
    pid: int
    dead: bool


def ticks(pid: int) -> int:
    """Return when *pid* was started; 0 where there is no such process or it is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Return what *condition* answers as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g}s: {what}"
        time.sleep(0.02)
    return answer


def note(words: object) -> None:
    """Say something that is shown with a failure, and with `-rP`: a seed, a time."""
    sys.stdout.write(f"{words}\n")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Stage:
    """A state folder, a folder to work in, and the executable."""

    forge: Forge | None = None
    """Runs commands of which nothing is asked but that they run; None has each one started anew."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.work = folder, folder / "w"
        self.work.mkdir()
        self.home = Home(os.path.realpath(folder / "h"), chosen=True)
        self.starts_file = folder / "starts"
        self.starts_file.touch()
        self._spawned: list[subprocess.Popen[bytes]] = []
        self._begun: dict[int, float] = {}

    # --- the executable ----------------------------------------------------------------------------------------------

    def env(self, **more: str | None) -> dict[str, str]:
        """Return a plain environment; None takes a variable out."""
        plain = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "SHELL": "/bin/sh",
            "AGENTCTL_HOME": str(self.home.path),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
        }
        return {name: value for name, value in (plain | more).items() if value is not None}

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "agentctl", *words]

    def spawn(self, *words: str, env: Mapping[str, str] | None = None, **options: Any) -> subprocess.Popen[bytes]:
        """Start a command and leave it running."""
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        options = {"cwd": self.work, "start_new_session": True} | options
        process = subprocess.Popen(self.argv(*words), env=env or self.env(), **options)
        self._begun[process.pid] = time.monotonic()
        self._spawned.append(process)
        return process

    def finish(self, process: subprocess.Popen[bytes], seconds: float = 60.0) -> Done:
        """Wait for a command and hold it against what holds for every command."""
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"{process.args} hangs\n{out!r}\n{err!r}") from None
        words = tuple(map(str, process.args[3:]))  # type: ignore[index]
        return _sound(words, process.returncode, out, err, self._begun[process.pid])

    def first_line(self, process: subprocess.Popen[bytes]) -> bytes:
        """Return the first line that a command says."""
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], PATIENCE)[0], f"{process.args} says nothing"  # type: ignore[str-bytes-safe]
        return process.stdout.readline()

    def run(self, *words: str, code: int | None = 0, seconds: float = 60.0, **options: Any) -> Done:
        """Run a command to its end; it has to exit with *code*, None for any."""
        done = (
            self._started(*words, seconds=seconds, **options)
            if options or self.forge is None
            else self._forged(*words, seconds=seconds)
        )
        assert code is None or done.code == code, done
        return done

    def _forged(self, *words: str, seconds: float) -> Done:
        """Run a command in a fork of what has its code loaded already."""
        assert self.forge is not None
        begun = time.monotonic()
        ended = self.forge.run(words, self.env(), self.work, seconds)
        assert ended is not None, f"{words} hangs"
        return _sound(words, *ended, begun)

    def _started(self, *words: str, seconds: float, **options: Any) -> Done:
        """Run a command as a person would."""
        data = options.pop("data", None)
        if data is not None:
            options["stdin"] = subprocess.PIPE
        process = self.spawn(*words, **options)
        if data is not None and process.stdin is not None:
            process.stdin.write(data)
            process.stdin.close()
            process.stdin = None
        return self.finish(process, seconds)

    def spawn_supervisor(self) -> subprocess.Popen[bytes]:
        """Start a supervisor by hand, as an init system would."""
        argv = [sys.executable, "-P", "-m", "agentctl.supervisor"]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(argv, env=self.env(), cwd="/", start_new_session=True, **pipes)  # type: ignore[call-overload]
        self._spawned.append(process)
        return process

    def deploy(self, *files: Path, code: int | None = 0, **options: Any) -> Done:
        return self.run("deploy", *map(str, files), "--yes", code=code, **options)

    def ps(self) -> dict[str, dict[str, Any]]:
        """Return the rows of `ps --json` by agent.

        Asked for again and again until something shows: where a supervisor answers, without a process each time.
        """
        try:
            rows = Client(self.home).call("ps", {"selectors": []}, timeout=1.0)["agents"]
        except AgentctlError:
            rows = self.run("ps", "--json").items
        return {row["agent"]: row for row in rows}

    def states(self) -> dict[str, str]:
        return {name: row["state"] for name, row in self.ps().items()}

    def all_in(self, *states: str) -> bool:
        return set(self.states().values()) <= set(states)

    def events(self, kind: str = "", agent: str = "") -> list[dict[str, Any]]:
        """Return events, the oldest first, of one type or of one agent where asked."""
        lines = self.run("events", "--json", "-n", "100000").out.splitlines()
        found = [json.loads(line) for line in lines]
        return [e for e in found if kind in ("", e["type"]) and agent in ("", e["stream"].removeprefix("agent:"))]

    # --- teams -------------------------------------------------------------------------------------------------------

    def team(self, name: str = "web", agents: Mapping[str, Any] | None = None, **more: Any) -> Path:
        """Write a team file; JSON is YAML, and says every text exactly."""
        document = {"version": 1, "name": name, **more, "agents": agents or {}}
        path = self.work / f"{name}.yaml"
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False))
        return path

    def program(self, file: str, *arguments: object, **more: Any) -> dict[str, Any]:
        """Return an agent that is one of `programs/`; it says `up` when it is ready and writes its start down."""
        path = PROGRAMS / file
        words = ["/bin/sh", str(path)] if path.suffix == ".sh" else [sys.executable, "-I", "-S", str(path)]
        ready = {"log": "^up", "every": "100ms", "timeout": "20s"}
        return {"command": [*words, str(self.starts_file), *map(str, arguments)], "ready": ready, "grace": "1s"} | more

    def stays(self, **more: Any) -> dict[str, Any]:
        """Return an agent that starts and stays."""
        return self.program("stay.sh", **more)

    def starts(self) -> list[Start]:
        """Return every start that a fake agent wrote down."""
        rows = [line.split() for line in self.starts_file.read_text().splitlines()]
        return [Start(row[0], int(row[1]), int(row[2])) for row in rows if row[0] != "twice"]

    def doubles(self) -> list[str]:
        """Return which agents ran twice at once, and which generations started twice."""
        counts = Counter(start[:2] for start in self.starts())
        lines = self.starts_file.read_text().splitlines()
        return [f"{start} started {n} times" for start, n in counts.items() if n > 1] + [
            line for line in lines if line.startswith("twice")
        ]

    # --- what really runs --------------------------------------------------------------------------------------------

    def marked(self) -> dict[int, str]:
        """Return the pids of all processes that carry the mark of an agent of this home, or of its supervisor."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                variables = _environment(int(entry.name))
                if variables.get(b"AGENTCTL_HOME_ID") == self.home.id.encode() and ticks(int(entry.name)):
                    found[int(entry.name)] = variables.get(b"AGENTCTL_AGENT", b"supervisor").decode(errors="replace")
        return found

    def running(self) -> Counter[str]:
        """Return how many fake agents of each name are alive now: one start is one process."""
        living = {start for start in self.starts() if self._is(start)}
        return Counter(start.agent for start in living)

    def _is(self, start: Start) -> bool:
        """Tell whether the very process of that start is alive: its pid may be another's by now.

        Who has cleared its whole environment cannot be told from others.
        """
        variables = _environment(start.pid)
        name, home = variables.get(b"AGENTCTL_AGENT", b""), variables.get(b"AGENTCTL_HOME_ID", b"")
        ours = (start.agent.partition(":")[0].encode(), self.home.id.encode())
        return ticks(start.pid) > 0 and (not variables or (name, home) == ours)

    def supervisors(self) -> list[int]:
        """Return who runs; a child that has not become its own program yet is none, however it looks."""
        found = [pid for pid, whose in self.marked().items() if whose == "supervisor" and _leads(pid)]
        return [pid for pid in found if _parent(pid) not in found]

    def supervisor(self) -> int:
        """Return the one there is; of two that are started at once, one says so and ends."""
        (pid,) = until(lambda: len(found := self.supervisors()) == 1 and found, "there is one supervisor")
        return int(pid)

    def kill_supervisor(self) -> None:
        """Kill whoever holds the lock, if anybody."""
        for pid in self.supervisors():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def tmux(self, *words: str, check: bool = True, seconds: float = 10.0) -> str:
        """Say something to the home's tmux server, as a person would."""
        argv = ["tmux", "-u", "-L", self.home.tmux_socket, *words]
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "SHELL": "/bin/sh", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(argv, capture_output=True, timeout=seconds, env=env, check=False, cwd="/")
        assert not check or done.returncode == 0, (words, done.stderr)
        return done.stdout.decode(errors="replace")

    def panes(self) -> list[PaneSeen]:
        """Return the panes that carry the mark of an agent."""
        keys = ("pane_id", "session_name", "window_name", "window_index", "@agentctl_agent", "@agentctl_generation",
                "pane_pid", "pane_dead")  # fmt: skip
        text = self.tmux("list-panes", "-a", "-F", "\t".join(f"#{{{key}}}" for key in keys), check=False)
        rows = [line.split("\t") for line in text.splitlines()]
        return [PaneSeen(r[0], r[1], r[2], int(r[3]), r[4], int(r[5]), int(r[6]), r[7] == "1") for r in rows if r[4]]

    def tmux_pid(self) -> int:
        return int(self.tmux("display-message", "-p", "#{pid}"))

    @contextlib.contextmanager
    def frozen(self, pid: int) -> Iterator[None]:
        """Stop a process for the block."""
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    # --- the end -----------------------------------------------------------------------------------------------------

    def close(self) -> list[str]:
        """End everything, by hand where the program does not, and return what it left."""
        for process in self._spawned:
            if process.poll() is None:
                process.kill()
            process.communicate()
        faults = self._clean_up()
        for number in (signal.SIGCONT, signal.SIGKILL):
            for pid in [*self.marked(), *(start.pid for start in self.starts() if self._is(start))]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.tmux("kill-server", check=False)
        (Path("/tmp") / f"tmux-{os.getuid()}" / self.home.tmux_socket).unlink(missing_ok=True)
        return faults

    def _clean_up(self) -> list[str]:
        """Let the program end what is its own, and say what is left."""
        done = self.run("emergency-cleanup", "-y", "--grace", "500ms", code=None, seconds=PATIENCE)
        left = self.marked()
        panes = self.panes()
        alive = [start for start in self.starts() if self._is(start)]
        faults = [] if done.code == 0 else [f"emergency-cleanup: {done}"]
        faults += [f"process {pid} of {agent} is left: {_command(pid)}" for pid, agent in left.items()]
        faults += self.doubles() + [f"{start} is left" for start in alive] + [f"{pane} is left" for pane in panes]
        return faults


def _environment(pid: int) -> dict[bytes, bytes]:
    try:
        data = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    return dict(item.partition(b"=")[::2] for item in data.split(b"\0") if item)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _leads(pid: int) -> bool:
    """Tell whether *pid* is a supervisor itself, not something that it runs."""
    return "agentctl.supervisor" in _command(pid)


def _sound(words: tuple[str, ...], code: int, out: bytes | None, err: bytes | None, begun: float) -> Done:
    """Return what a command came to, held against what holds for every command."""
    done = Done(words, code, _text(out), _text(err), time.monotonic() - begun)
    assert "Traceback" not in done.said, done
    assert done.code in EXIT_CODES, done
    return done


def _text(data: bytes | None) -> str:
    return (data or b"").decode(errors="replace")


def controls(text: str) -> Sequence[str]:
    """Return what of *text* a terminal would obey."""
    return [repr(found) for found in _CONTROLS.findall(text)]
