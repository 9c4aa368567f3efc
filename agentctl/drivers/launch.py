"""The launch file: everything a user gave (folder, environment, secrets, command) on its way to the pane's shim.

tmux only ever sees the file's path. The file is read once and deleted by the shim, which leaves `started.N` behind as
the proof that generation N has run, and `exit.N` with its exit code.

Form: items ended by NUL: folder, number of variables, `NAME=value`..., the command's words.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from agentctl.domain.errors import UsageError
from agentctl.domain.names import AgentId, is_name

_LONGEST_CODE = 8  # bytes: three digits and a newline
_READ_ONLY = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MOST_DIGITS = 9  # of a generation; an agent may write what it likes there

SHIM = Path(__file__).with_name("shim.py")


def folder(run_dir: Path, agent: AgentId) -> Path:
    """Return the run folder of *agent*; raise `UsageError` where the id could lead out of *run_dir*."""
    team, _, name = agent.partition("/")
    if not (is_name(team) and is_name(name)):
        raise UsageError(f"{agent!r} is no agent's id")
    return run_dir / "agents" / team / name


def prepare(
    run_dir: Path, agent: AgentId, generation: int, *, argv: Sequence[str], env: Mapping[str, str], cwd: str
) -> tuple[str, ...]:
    """Write the launch file of *generation* and return the pane's command.

    Files of older generations go: one of them that has not started never will. A generation that has started gets no
    file again, so its secrets do not lie about. Raises `UsageError` for what no process can be given.
    """
    place = folder(run_dir, agent)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sweep(place, generation)
    path = place / f"launch.{generation}"
    if not (place / f"started.{generation}").exists():
        _write(path, _encode(argv, env, cwd))
    return (sys.executable, "-I", "-S", str(SHIM), str(path))


def exit_code(run_dir: Path, agent: AgentId, generation: int) -> int | None:
    """Return the exit code that the shim noted, or 128 + signal; None where there is none.

    The folder is the agent's to spoil: a pipe or a link there, or what is no small number, is none.
    """
    try:
        descriptor = os.open(folder(run_dir, agent) / f"exit.{generation}", _READ_ONLY)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        text = os.read(descriptor, _LONGEST_CODE).strip()
    finally:
        os.close(descriptor)
    return int(text) if text.isdigit() else None


def own_words(screen: str, generation: int) -> str:
    """Return what of *screen* came from *generation*: a pane that is used again shows what was before, too.

    All of it where the line that begins the generation is not there: see `begins_in`.
    """
    _, found, after = f"{screen}\n".rpartition(_first_line(generation))
    return after if found else screen


def begins_in(screen: str, generation: int) -> bool:
    """Tell whether *screen* shows where *generation* begins: it may not have said so yet, or long ago.

    The first generation in a pane begins with the pane.
    """
    return generation == 1 or _first_line(generation) in f"{screen}\n"


def _first_line(generation: int) -> str:
    return f"agentctl: generation {generation}\n"


def withdraw(run_dir: Path, agent: AgentId, generation: int) -> None:
    """Take back the launch file of a *generation* that is not to be started after all: it holds secrets."""
    with contextlib.suppress(OSError):
        (folder(run_dir, agent) / f"launch.{generation}").unlink()


def newest(run_dir: Path, agent: AgentId) -> int:
    """Return the newest generation of which the agent's run folder holds a trace, 0 for none."""
    place = folder(run_dir, agent)
    if not place.is_dir():
        return 0
    traces = (entry.name.partition(".") for entry in place.iterdir())
    numbers = (number for kind, _, number in traces if kind in ("launch", "started", "exit"))
    return max((int(n) for n in numbers if n.isascii() and n.isdigit() and len(n) <= _MOST_DIGITS), default=0)


def _encode(argv: Sequence[str], env: Mapping[str, str], cwd: str) -> bytes:
    items = [cwd, str(len(env)), *(f"{name}={value}" for name, value in env.items()), *argv]
    if not argv or any("\0" in item for item in items) or any("=" in name or not name for name in env):
        raise UsageError("a command needs a word, a variable a name, and neither may hold a NUL byte")
    return b"".join(os.fsencode(item) + b"\0" for item in items)


def _write(path: Path, data: bytes) -> None:
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    new.replace(path)


def _sweep(place: Path, generation: int) -> None:
    """Delete what older generations left, but the last one's exit code."""
    for entry in place.iterdir():
        kind, _, number = entry.name.partition(".")
        age = generation - int(number) if number.isascii() and number.isdigit() else 0
        if (kind in ("launch", "started") and age > 0) or (kind == "exit" and age > 1):
            with contextlib.suppress(FileNotFoundError):
                entry.unlink()
