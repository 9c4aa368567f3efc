"""What looking for credentials costs, what it finds of those that were planted, and how often it is wrong.

    leaks.py [--quick] [--json]

Searched are the files of Python's standard library, one by one, in which no credential is: each hit is a false one. The
floors in the same run go over the same bytes: one `bytes.count`, and one compiled pattern, `[A-Za-z0-9/+_-]{20,}`, with
which a search by patterns alone would begin. Then the same files with a made-up credential of each kind planted in
each, and the texts without a newline that are made to take long. CPU is the process's own clock.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import sysconfig
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from measure import ROUNDS, interleave, report

from agentctl.engine.leaks import find_leaks

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.unit.engine.test_leaks import HOSTILE, MEBIBYTE, TOKENS

GOAL, HOSTILE_GOAL, FALSE_GOAL = 5, 1, 1  # MB/s, MB/s, hits a MB
LONG_WORDS = re.compile(rb"[A-Za-z0-9/+_-]{20,}")
MEGABYTE = 1e6


def cpu_of(search: Callable[[bytes], object], texts: Sequence[bytes]) -> float:
    """Return the CPU seconds that *search* takes over all *texts*."""
    started = time.process_time()
    for text in texts:
        search(text)
    return time.process_time() - started


def standard_library(most: float) -> list[bytes]:
    """Return files of the standard library, the same in each run, of *most* bytes together."""
    root = Path(sysconfig.get_path("stdlib"))
    files = sorted(path for path in root.rglob("*.py") if "site-packages" not in path.parts)
    random.Random(1).shuffle(files)
    texts: list[bytes] = []
    for path in files:
        if sum(map(len, texts)) >= most:
            break
        texts.append(path.read_bytes())
    return texts


def found_of_planted(texts: Sequence[bytes]) -> tuple[int, int, int]:
    """Plant one of each kind in each text; return how many those are, how many are found, of how many kinds."""
    planted, found, kinds = 0, 0, set()
    generator = random.Random(2)
    for text in texts:
        lines = text.splitlines()
        for kind, tokens in TOKENS.items():
            place = generator.randint(0, len(lines))
            held = b"\n".join([*lines[:place], b"  " + generator.choice(tokens).encode(), *lines[place:]])
            planted += 1
            if any((leak.kind, leak.line) == (kind, place + 1) for leak in find_leaks(held)):
                found += 1
                kinds.add(kind)
    return planted, found, len(kinds)


def slowest() -> float:
    """Return the MB/s of the text of one long line that takes longest."""
    texts = [(piece * (MEBIBYTE // len(piece) + 1)).encode() for piece in HOSTILE if "\n" not in piece]
    return min(len(text) / cpu_of(find_leaks, [text]) for text in texts) / MEGABYTE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="4 MB of the standard library")
    parser.add_argument("--json", action="store_true", help="print one JSON object a table")
    options = parser.parse_args()
    texts = standard_library(4e6 if options.quick else 1e9)
    size = sum(map(len, texts)) / MEGABYTE
    searches = {
        "find_leaks": find_leaks,
        "one pattern": LONG_WORDS.findall,
        "bytes.count": lambda text: text.count(b"AKIA"),
    }
    taken = interleave(ROUNDS, *(lambda search=search: cpu_of(search, texts) for search in searches.values()))
    report(
        f"{size:.1f} MB of the standard library, goal {GOAL} MB/s",
        ["search", "MB/s", "of find_leaks"],
        [(name, f"{size / cpu:.1f}", f"{cpu / taken[0]:.2f}") for name, cpu in zip(searches, taken, strict=True)],
    )
    false = sum(len(find_leaks(text)) for text in texts)
    planted, found, kinds = found_of_planted(texts[: 20 if options.quick else 100])
    report(
        "what is found",
        ["what", "figure", "goal"],
        [
            ("false hits a MB", f"{false / size:.2f}", f"at most {FALSE_GOAL}"),
            ("planted and found", f"{found} of {planted}", "all"),
            ("kinds found", f"{kinds} of {len(TOKENS)}", "at least 12"),
            ("MB/s on the worst line of 1 MiB", f"{slowest():.1f}", f"at least {HOSTILE_GOAL}"),
        ],
    )


if __name__ == "__main__":
    main()
