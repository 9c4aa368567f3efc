"""How soon the governor acts on memory: a process takes 200 MiB a second against a limit of 512 MiB.

    limits_memory.py [--levels auto,signals] [--rounds 3] [--quick]

How far it comes, how long after it crossed its limit it grows no more, and when it has ended. Its size is read from
/proc every 5 ms; it takes no more than 2 GiB, whatever happens.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from holders import deploy, home_at, level_of, until_there, words
from measure import report
from trees import grid, rss_bytes, see

LIMIT_MIB, RATE_MIB, MOST_MIB = 512, 200, 2048
HEADS = ("level", "most MiB", "over %", "grows no more after s", "ended after s")
_HOG = Path(__file__).with_name("workloads") / "hog.py"


def hog(level: str) -> tuple[str, ...]:
    """Return how far a process comes that takes more than it may, and when it stops."""
    with home_at(level) as environ, tempfile.TemporaryDirectory(prefix="agentctl-bench-") as place:
        folder = Path(place)
        program = [sys.executable, "-I", "-S", str(_HOG), str(RATE_MIB), str(MOST_MIB)]
        command = ["sh", "-c", f'echo $$ >>{folder}/pid; exec "$@"', "sh", *program]  # each start adds a line
        deploy(folder, {"a": {"command": command, "limits": {"memory": f"{LIMIT_MIB}MiB"}}}, environ)
        pid, used_level = int(until_there(folder / "pid").split()[0]), level_of(environ)
        sizes = list(_sizes(pid))
    crossed = next((at for at, size in sizes if size > LIMIT_MIB), None)
    if crossed is None:
        return used_level, "never came to its limit", "", "", ""
    most = max(size for _, size in sizes)
    peak = next(at for at, size in sizes if size >= most - 1)
    ended = f"{sizes[-1][0] - crossed:.2f}" if see(pid) is None else "never"
    return used_level, f"{most:.0f}", f"{100 * (most / LIMIT_MIB - 1):+.0f}", f"{peak - crossed:.2f}", ended


def _sizes(pid: int) -> Iterator[tuple[float, float]]:
    """Yield moments and MiB of *pid* every 5 ms until it ends, or has stood above its limit for 20 s."""
    crossed = None
    for at in grid(time.monotonic(), 60, 0.005):
        seen = see(pid)
        if seen is None or seen.state == "Z" or (crossed is not None and at > crossed + 20):
            return
        size = rss_bytes([pid]) / 2**20
        crossed = at if crossed is None and size > LIMIT_MIB else crossed
        yield at, size


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--levels", type=words, default=["auto", "signals"], help="auto or AGENTCTL_LIMITS_LEVEL")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--json", action="store_true")
    if "--quick" in sys.argv:
        parser.set_defaults(rounds=1)
    return parser.parse_args()


def main() -> None:
    options = _options()
    rows = [hog(level) for level in options.levels for _ in range(options.rounds)]
    report(f"{RATE_MIB} MiB a second against a limit of {LIMIT_MIB} MiB", HEADS, rows)


if __name__ == "__main__":
    main()
