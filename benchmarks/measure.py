"""What the benchmarks share: a home and a tmux server of their own, medians, and one table."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROUNDS = 5


@contextlib.contextmanager
def fresh_home() -> Iterator[dict[str, str]]:
    """Give the environment of a new state folder; everything that runs there is ended afterwards."""
    with tempfile.TemporaryDirectory(prefix="agentctl-bench-") as folder:
        environ = {**os.environ, "AGENTCTL_HOME": f"{folder}/home"}
        environ.pop("TMUX", None)
        try:
            yield environ
        finally:
            agentctl(["emergency-cleanup", "-y"], environ, check=False)


def agentctl(words: Sequence[str], environ: dict[str, str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run our command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "agentctl", *words], env=environ, check=check, capture_output=True, text=True
    )


def seconds(work: Callable[[], object]) -> float:
    """Return the wall seconds of *work*."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def interleave(rounds: int, *works: Callable[[], float]) -> list[float]:
    """Run *works* in turn, *rounds* times after one round that does not count; return each one's median."""
    for work in works:
        work()
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, times in zip(works, taken, strict=True):
            times.append(work())
    return [statistics.median(times) for times in taken]


def team_file(folder: Path, name: str, agents: int, command: str = "sleep 100000") -> Path:
    """Write a team of quiet processes."""
    lines = ["version: 1", f"name: {name}", "agents:"]
    lines += [f"  a{number}: {{runner: process, command: {command}}}" for number in range(agents)]
    path = folder / f"{name}.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def report(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table, or JSON with `--json`."""
    if "--json" in sys.argv:
        print(json.dumps({"title": title, "rows": [dict(zip(heads, row, strict=True)) for row in rows]}))
        return
    widths = [max(len(str(cell)) for cell in column) for column in zip(heads, *rows, strict=True)]
    print(f"\n{title}")
    for row in (heads, *rows):
        print("  " + "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
