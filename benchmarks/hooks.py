"""What one call of a hook costs a coding agent: `hook.sh` against `sh -c :`, and that no Python is started by it.

A program waits for its hooks, for some of them before each tool it uses. Shown beside: a Python that does nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from measure import interleave, report, seconds

from agentctl.runners.runner import HOOK

ROUNDS = 41
GOAL_SECONDS = 0.010
PAYLOADS = {"300 B": 300, "4 kB": 4000, "50 kB": 50_000}


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
        argv = ["strace", "-f", "-e", "trace=execve", "-o", trace.name, shell, str(HOOK), "Stop"]
        subprocess.run(argv, stdin=stdin, env=environ, check=True)
        calls = [line for line in trace.read().splitlines() if "execve(" in line and line.endswith(" = 0")]
    return {Path(line.partition('execve("')[2].partition('"')[0]).name for line in calls}


def main() -> None:
    rows, missed = [], []
    with tempfile.TemporaryDirectory(prefix="agentctl-bench-") as folder:
        (Path(folder) / "signals").mkdir()
        environ = {"PATH": os.environ["PATH"], "AGENTCTL_RUN": folder, "AGENTCTL_GENERATION": "1"}
        for shell in filter(shutil.which, ("sh", "dash", "bash")):
            for name, size in PAYLOADS.items():
                payload = Path(folder) / "payload"
                payload.write_text(json.dumps({"text": "x" * size}))
                bare, hook, python = interleave(
                    ROUNDS,
                    caller([shell, "-c", ":"], environ, payload),
                    caller([shell, str(HOOK), "Stop"], environ, payload),
                    caller([sys.executable, "-I", "-S", "-c", "pass"], environ, payload),
                )
                programs = started(shell, environ, payload)
                assert not any(program.startswith("python") for program in programs), programs
                missed += [f"{shell} {name}"] if hook > GOAL_SECONDS else []
                figures = [f"{1000 * taken:.1f} ms" for taken in (bare, hook, python)]
                tools = (
                    " ".join(sorted(programs - {shell, Path(shutil.which(shell) or "").resolve().name})) or "not seen"
                )
                rows.append((shell, name, *figures, f"{hook / bare:.1f}x", tools))
        lines = (Path(folder) / "signals" / "1.jsonl").read_text().splitlines()
        assert all(json.loads(line)["kind"] == "Stop" for line in lines)
    report(
        f"one hook call (goal: under {1000 * GOAL_SECONDS:.0f} ms)",
        ("shell", "payload", "sh -c :", "hook", "a bare python", "ratio", "starts"),
        rows,
    )
    if missed:
        sys.exit(f"over the goal: {', '.join(missed)}")


if __name__ == "__main__":
    main()
