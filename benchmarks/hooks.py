"""What one call of a hook costs a coding agent: `hook.sh` against `sh -c :`, and that no Python is started by it.

A program waits for its hooks, for some of them before each tool it uses. Shown beside: the same with `--pulse`, for a
call that need not wait, and a Python that does nothing. Below that: how far apart calls are that have to wait.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from measure import interleave, report, seconds

from agentctl.runners import pulse
from agentctl.runners.runner import HOOK

ROUNDS = 41
GOAL_SECONDS = 0.010
PAYLOADS = {"300 B": 300, "4 kB": 4000, "50 kB": 50_000}
WAITS = 11
PULSE = timedelta(milliseconds=200)


def caller(argv: list[str], environ: dict[str, str], payload: Path) -> Callable[[], float]:
    def call() -> float:
        with payload.open("rb") as stdin:
            return seconds(lambda: subprocess.run(argv, stdin=stdin, env=environ, check=True))

    return call


def started(shell: str, environ: dict[str, str], payload: Path) -> set[str]:
    """Return the names of all programs that one call starts, as the kernel was asked for them."""
    if shutil.which("strace") is None:
        return set()
    with payload.open("rb") as stdin, tempfile.NamedTemporaryFile("r") as trace:
        argv = ["strace", "-f", "-e", "trace=execve", "-o", trace.name, shell, str(HOOK), "--pulse", "Stop"]
        subprocess.run(argv, stdin=stdin, env=environ, check=True)
        calls = [line for line in trace.read().splitlines() if "execve(" in line and line.endswith(" = 0")]
    return {Path(line.partition('execve("')[2].partition('"')[0]).name for line in calls}


def lateness(shell: str, folder: Path, environ: dict[str, str]) -> tuple[str, str]:
    """Return what lies between the ends of calls that follow each other at once: the median, and the longest."""
    pulse.begin(folder, PULSE)
    argv = [shell, str(HOOK), "--pulse", "Stop", "{}"]
    taken = [seconds(lambda: subprocess.run(argv, env=environ, check=True)) for _ in range(WAITS)][1:]
    return f"{1000 * statistics.median(taken):.0f} ms", f"{1000 * max(taken):.0f} ms"


def main() -> None:
    rows, missed = [], []
    with tempfile.TemporaryDirectory(prefix="agentctl-bench-") as folder:
        (Path(folder) / "signals").mkdir()
        pulse.begin(Path(folder), timedelta(0))
        environ = {"PATH": os.environ["PATH"], "AGENTCTL_RUN": folder, "AGENTCTL_GENERATION": "1"}
        for shell in filter(shutil.which, ("sh", "dash", "bash")):
            for name, size in PAYLOADS.items():
                payload = Path(folder) / "payload"
                payload.write_text(json.dumps({"text": "x" * size}))
                bare, hook, paced, python = interleave(
                    ROUNDS,
                    caller([shell, "-c", ":"], environ, payload),
                    caller([shell, str(HOOK), "Stop"], environ, payload),
                    caller([shell, str(HOOK), "--pulse", "Stop"], environ, payload),
                    caller([sys.executable, "-I", "-S", "-c", "pass"], environ, payload),
                )
                programs = started(shell, environ, payload)
                assert not any(program.startswith("python") for program in programs), programs
                missed += [f"{shell} {name}"] if paced > GOAL_SECONDS else []
                figures = [f"{1000 * taken:.1f} ms" for taken in (bare, hook, paced, python)]
                tools = (
                    " ".join(sorted(programs - {shell, Path(shutil.which(shell) or "").resolve().name})) or "not seen"
                )
                rows.append((shell, name, *figures, f"{hook / bare:.1f}x", tools))
        lines = (Path(folder) / "signals" / "1.jsonl").read_text().splitlines()
        assert all(json.loads(line)["kind"] == "Stop" for line in lines)
        late = [(shell, *lateness(shell, Path(folder), environ)) for shell in filter(shutil.which, ("dash", "bash"))]
    report(
        f"one hook call (goal: under {1000 * GOAL_SECONDS:.0f} ms)",
        ("shell", "payload", "sh -c :", "hook", "with --pulse", "a bare python", "ratio", "starts"),
        rows,
    )
    report(
        f"calls that wait for a pulse of {PULSE / timedelta(milliseconds=1):.0f} ms, one right after the other",
        ("shell", "from end to end", "longest"),
        late,
    )
    if missed:
        sys.exit(f"over the goal: {', '.join(missed)}")


if __name__ == "__main__":
    main()
