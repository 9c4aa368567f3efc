"""How soon a line that is typed is answered in a tree that is held: an echo beside a spinner that eats its share.

    limits_typing.py [--levels auto,signals] [--lines 200] [--quick]

The line is typed into a terminal that is attached to the agent's window; time runs from its Enter until the answer is
drawn there. Beside it the same agent without a limit, and, where it can be had, held by the kernel's quota alone.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pty
import random
import select
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from holders import Group, deploy, home_at, quota_group, until_there, words
from loads import Workshop
from measure import report
from trees import tree

HEADS = ("limit", "held by", "median ms", "p95 ms", "longest ms")
_ECHO = Path(__file__).with_name("workloads") / "echo.py"


def typed(level: str, spin: str, percent: int | None, group: Group | None, lines: int) -> tuple[str, ...]:
    """Return how long answers took in an agent held by agentctl, or with *group* by the kernel alone."""
    with contextlib.ExitStack() as stack:
        environ = stack.enter_context(home_at(level))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="agentctl-bench-")))
        talk = f"echo $$ >{folder}/pid; {spin} & exec {sys.executable} -I -S {_ECHO}"
        limits = {"cpu": f"{percent}%"} if percent and group is None else {}
        deploy(folder, {"a": {"command": ["sh", "-c", talk], "limits": limits}}, environ)
        root = int(until_there(folder / "pid"))
        if group is not None:
            quota = stack.enter_context(group(percent))
            stack.callback(_kill, root)  # a group goes only when nobody is in it
            for pid in tree(root):
                (quota / "cgroup.procs").write_text(str(pid))
        time.sleep(3)
        times = sorted(_answers(environ, lines))
    by = "the kernel" if group is not None else f"agentctl {level}" if percent else "nobody"
    cells = (statistics.median(times), times[int(0.95 * len(times))], times[-1])
    return f"{percent} %" if percent else "none", by, *(f"{1000 * cell:.0f}" for cell in cells)


def _kill(root: int) -> None:
    for pid in tree(root):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _answers(environ: dict[str, str], lines: int) -> Iterator[float]:
    """Yield how long each of so many lines takes from its Enter until its answer is drawn on an attached terminal."""
    chance = random.Random(7)
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe(sys.executable, [sys.executable, "-m", "agentctl", "attach", "bench/a"], environ | {"TERM": "xterm"})
    try:
        _read_until(terminal, b"ready")
        for number in range(lines):
            time.sleep(chance.uniform(0.05, 0.35))
            os.write(terminal, f"{number}".encode())
            time.sleep(0.02)
            begun = time.monotonic()
            os.write(terminal, b"\r")
            _read_until(terminal, f"answer {number}.".encode())
            yield time.monotonic() - begun
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)


def _read_until(terminal: int, wanted: bytes) -> None:
    drawn = b""
    while wanted not in drawn:
        if not select.select([terminal], [], [], 20)[0]:
            raise TimeoutError(f"{wanted!r} is not drawn: {drawn[-300:]!r}")
        drawn += os.read(terminal, 65536)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--levels", type=words, default=["auto", "signals"], help="auto or AGENTCTL_LIMITS_LEVEL")
    parser.add_argument("--lines", type=int, default=200)
    parser.add_argument("--quick", action="store_true", help="20 lines: about a minute")
    parser.add_argument("--json", action="store_true")
    if "--quick" in sys.argv:
        parser.set_defaults(lines=20)
    return parser.parse_args()


def main() -> None:
    options, group = _options(), quota_group()
    with tempfile.TemporaryDirectory(prefix="agentctl-bench-") as place:
        spin = Workshop(Path(place)).program("spin")
        rows = [typed("auto", spin, None, None, options.lines)]
        for percent in (40, 20):
            rows += [typed(level, spin, percent, None, options.lines) for level in options.levels]
            rows += [typed("auto", spin, percent, group, options.lines)] if group is not None else []
    report("how long the answer to a typed line takes beside a spinner", HEADS, rows)


if __name__ == "__main__":
    main()
