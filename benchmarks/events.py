"""How many durable events a second the log takes, against raw sqlite3 doing the least that stores the same rows.

Two ways of writing: `single`, one event a transaction, and `grouped`, 100 events a transaction. Every transaction is on
the disk (WAL, synchronous=FULL) before the next begins.

The floors write the very same rows into the same schema (same indexes and triggers), with the same settings, by one
prepared statement a transaction (`executemany` between BEGIN IMMEDIATE and COMMIT):

  rows   the tuples lie ready, hashes and JSON included: pure sqlite3, which no log can beat. The goal is 0.8 of this.
  json   the same, but each event's data are turned to text by `json` first, as any program that keeps dicts in
         a text column must: what one would write without a log.

The log does more: it checks versions and that nobody else wrote, makes JSON and hashes, reads the JSON back into the
events that it returns, and moves the high-water mark.

The three take turns transaction by transaction, in changing order, so that a busy machine is as busy for each; each
round is in new files. Only the time inside the transactions counts, so that making drafts is nobody's. The figures are
medians of the rounds, and the ratios medians of each round's ratio.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from agentctl.domain.events import Draft, EventType
from agentctl.store import chain, schema
from agentctl.store.sqlite import SqliteLog

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
ENCODE = json.JSONEncoder(separators=(",", ":")).encode
INSERT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
SECONDS = 15.0  # for all rounds; a slow disk gets fewer transactions
BATCHES = {"single": (1, 1500), "grouped": (100, 120)}  # events a transaction, transactions a round

Batch = list[Draft]
Write = Callable[[Batch], float]
"""Writes a batch and returns the seconds it took."""


def workload(size: int, count: int) -> list[Batch]:
    """Make what a deploy of 100 agents in teams of three writes, again and again."""
    drafts: list[Draft] = []
    generation = 0
    while len(drafts) < size * count:
        generation += 1
        for number in range(100):
            stream = f"agent:team{number // 3}/dev{number % 3}"
            process = {"boot": "6f1c9a3e-0d0b-4b46-9b5a-3b9f2b1f7c11", "pid": 40000 + number, "start_ticks": 982374}
            facts = {"generation": generation, "digest": "0123456789ab", "runner": "shell", "reason": "deployed"}
            drafts += [
                Draft(stream, EventType.AGENT_WANTED, {"reason": "deployed from teams/frontend.yaml"}),
                Draft(stream, EventType.AGENT_STARTING, facts),
                Draft(stream, EventType.AGENT_STARTED, {"generation": generation, "pane": "%17", "process": process}),
                Draft(stream, EventType.AGENT_READY, {"generation": generation, "evidence": "GET :3000/ said 200"}),
            ]
    return [drafts[start : start + size] for start in range(0, size * count, size)]


@contextmanager
def log_writer(path: Path) -> Iterator[Write]:
    """Append to our log."""
    log = SqliteLog(path, host="benchmark", clock=lambda: MOMENT)

    def write(batch: Batch) -> float:
        start = time.perf_counter()
        log.append(batch)
        return time.perf_counter() - start

    with closing(log):
        yield write


@contextmanager
def rows_writer(path: Path) -> Iterator[Write]:
    """Insert rows that lie ready."""
    tail = chain.Tail()

    def write(batch: Batch) -> float:
        rows = rows_of(tail, batch)
        start = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(INSERT, rows)
        connection.execute("COMMIT")
        return time.perf_counter() - start

    with closing(schema.open_for_writing(path)) as connection:
        yield write


@contextmanager
def json_writer(path: Path) -> Iterator[Write]:
    """Insert rows that lie ready but for their data."""
    tail = chain.Tail()

    def write(batch: Batch) -> float:
        rows = rows_of(tail, batch)
        start = time.perf_counter()
        filled = [(*row[:7], ENCODE(draft.data), *row[8:]) for row, draft in zip(rows, batch, strict=True)]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(INSERT, filled)
        connection.execute("COMMIT")
        return time.perf_counter() - start

    with closing(schema.open_for_writing(path)) as connection:
        yield write


def rows_of(tail: chain.Tail, batch: Batch) -> list[chain.Row]:
    at = MOMENT.isoformat(timespec="microseconds")
    return tail.extend(batch, at=at, host="benchmark", request=None, version_of=lambda _: 0)


WRITERS = {"log": log_writer, "rows": rows_writer, "json": json_writer}


def measure(way: str, rounds: int, folder: Path) -> dict[str, float]:
    """Return events a second of each writer, and the log's share of each floor."""
    size, count = BATCHES[way]
    rates: dict[str, list[float]] = {name: [] for name in WRITERS}
    for turn in range(rounds):
        with ExitStack() as stack:
            writers = {
                name: stack.enter_context(make(folder / f"{way}-{name}-{turn}.db")) for name, make in WRITERS.items()
            }
            for name, rate in take_turns(writers, workload(size, count), SECONDS / rounds / len(BATCHES)).items():
                rates[name].append(rate)
    shares = {
        f"of_{floor}": statistics.median(a / b for a, b in zip(rates["log"], rates[floor], strict=True))
        for floor in ("rows", "json")
    }
    return {name: statistics.median(values) for name, values in rates.items()} | shares


def take_turns(writers: dict[str, Write], batches: list[Batch], longest: float) -> dict[str, float]:
    """Write every batch with every writer, for at most *longest* seconds, and return each one's events a second."""
    seconds = dict.fromkeys(writers, 0.0)
    names, written = list(writers), 0
    for number, batch in enumerate(batches):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            seconds[name] += writers[name](batch)
        written += len(batch)
        if sum(seconds.values()) > longest:
            break
    return {name: written / spent for name, spent in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to write (default: the system's folder for temporary files)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="agentctl-bench-") as folder:
        result = {way: measure(way, options.rounds, Path(folder)) for way in BATCHES}
    if options.json:
        print(json.dumps(result))
        return
    print(f"{'events/s':10}{'log':>10}{'rows':>10}{'json':>10}{'log:rows':>10}{'log:json':>10}   goal log:rows >= 0.80")
    for way, found in result.items():
        rates = "".join(f"{found[name]:10.0f}" for name in WRITERS)
        print(f"{way:10}{rates}{found['of_rows']:10.2f}{found['of_json']:10.2f}")


if __name__ == "__main__":
    main()
