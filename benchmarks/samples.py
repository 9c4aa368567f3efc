"""What keeping the figures of 50 agents costs, in CPU of the supervisor's thread, and how long one write takes.

The floor is raw sqlite3 that inserts rows ready made into the same schema with the same settings, batch by batch:
seconds alone, with no minutes, no hours, nothing trimmed.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from measure import report

from agentctl.domain.names import AgentId
from agentctl.domain.resources import Level, Load, Round, Sample
from agentctl.domain.samples import figures
from agentctl.store.samples import SqliteSamples
from agentctl.store.samples_file import open_samples

AGENTS = 50
MINUTES = 90
"""Longer than seconds are kept, so that trimming is part of it."""

START = 1_900_000_800
INSERT = f"INSERT INTO figures VALUES ({', '.join('?' * 11)})"


def one_round(at: int, rng: random.Random) -> Round:
    samples = tuple(
        Sample(
            AgentId(f"team{n // 10}/agent-{n % 10}"),
            cpu_percent=60 * rng.random(),
            cpu_seconds=1.0,
            memory_bytes=rng.randrange(2**28, 2**29),
            memory_kind="rss",
            processes=5,
            throttled_percent=30 * rng.random(),
            longest_stop=0.05,
            level=Level.SIGNALS,
        )
        for n in range(AGENTS)
    )
    return Round(datetime.fromtimestamp(at, UTC), 1.0, samples, Load(2, 100.0, 2**33, 2**32))


def write(store: SqliteSamples, seen: list[Round], now: int) -> tuple[float, float]:
    """Do what the recorder does; return the CPU seconds of this thread and the wall seconds."""
    cpu, wall = time.thread_time(), time.perf_counter()
    store.append([row for one in seen for row in figures(one)])
    store.trim(now)
    return time.thread_time() - cpu, time.perf_counter() - wall


def insert(floor: sqlite3.Connection, seen: list[Round]) -> float:
    """Insert the seconds alone; return the CPU seconds of it."""
    rows = [(1, row.at, n % AGENTS, *row[2:]) for one in seen for n, row in enumerate(figures(one))]
    cpu = time.thread_time()
    floor.execute("BEGIN IMMEDIATE")
    floor.executemany(INSERT, rows)
    floor.execute("COMMIT")
    return time.thread_time() - cpu


def run(every: int, minutes: int) -> tuple[float, float, float, float]:
    """Return the share of a core of ours and of the floor in percent, our longest write in ms, and the MB on disk."""
    rng = random.Random(7)
    ours = raw = longest = 0.0
    with tempfile.TemporaryDirectory(prefix="agentctl-bench-") as name:
        folder = Path(name)
        with (
            closing(SqliteSamples(folder / "samples.db")) as store,
            closing(open_samples(folder / "floor.db")) as floor,
        ):
            for start in range(START, START + 60 * minutes, every):
                seen = [one_round(start + n, rng) for n in range(every)]
                cpu, wall = write(store, seen, start + every)
                ours, longest = ours + cpu, max(longest, wall)
                raw += insert(floor, seen)
        size = sum(file.stat().st_size for file in folder.glob("samples.db*")) / 2**20
    share = 100 / (60 * minutes)
    return share * ours, share * raw, 1000 * longest, size


def main() -> None:
    minutes = int(next((word for word in sys.argv[1:] if word.isdigit()), MINUTES))
    rows = []
    for every in (1, 10, 60):
        ours, raw, longest, size = run(every, minutes)
        goal = "under 0.1 %" if every > 1 else ""
        rows.append((f"{every} s", f"{ours:.3f} %", f"{raw:.3f} %", f"{longest:.0f} ms", f"{size:.0f} MB", goal))
    heads = ("written every", "of a core", "raw inserts", "longest write", "on disk", "goal")
    report(f"samples of {AGENTS} agents over {minutes} min", heads, rows)


if __name__ == "__main__":
    main()
