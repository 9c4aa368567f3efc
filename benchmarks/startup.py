"""Start-up: whole processes against `python -c pass`, wall and CPU seconds, median of 15, interleaved.

`ps` asks a running supervisor about 50 agents. Output goes to a pipe, as when a program asks.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import agentctl, fresh_home, report, team_file

ROUNDS = 15
GOALS = {"ps (50 agents)": 10, "--help": 14, "send": 4}


def whole_process(words: list[str], environ: dict[str, str]) -> tuple[float, float]:
    started, before = time.perf_counter(), os.times()
    subprocess.run(words, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - started, cpu


def main() -> None:
    with fresh_home() as environ, tempfile.TemporaryDirectory() as folder:
        files = [str(team_file(Path(folder), f"t{n}", 10)) for n in range(5)]
        agentctl(["deploy", *files, "--yes"], environ)
        python = sys.executable
        commands = {
            "python -c pass": [python, "-c", "pass"],
            "ps (50 agents)": [python, "-m", "agentctl", "ps", "--json"],
            "--help": [python, "-m", "agentctl", "--help"],
            "send": [python, "-m", "agentctl", "send", "t0/a0", "--keys", "F12"],
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, words in commands.items():
                taken[name].append(whole_process(words, environ))
        wall = {name: statistics.median(t[0] for t in times) for name, times in taken.items()}
        cpu = {name: statistics.median(t[1] for t in times) for name, times in taken.items()}
        floor = "python -c pass"
        rows = [
            (
                name,
                f"{wall[name] * 1000:.0f}",
                f"{wall[name] / wall[floor]:.1f}",
                f"{cpu[name] / cpu[floor]:.1f}",
                GOALS.get(name, ""),
            )
            for name in commands
        ]
    report("start-up (median of 15)", ("command", "ms", "x python, wall", "x python, CPU", "goal"), rows)


if __name__ == "__main__":
    main()
