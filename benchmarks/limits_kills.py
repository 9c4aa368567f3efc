"""Whether anybody is left standing still: `kill -9` of the supervisor, or of its governor, while trees are held.

    limits_kills.py [--levels auto,signals] [--victims supervisor,governor] [--kills 200] [--quick]

Two agents of two spinners each are held to 20 % of a core. At random moments one of the two is killed. What counts is
the longest time for which any process of an agent stands still after that in one go, stopped or in a frozen cgroup,
looked at every 2 ms for 1.5 s and for as long as one does. A new governor may hold again: that, too, counts. A kill
takes about 3 s; 200 of each at both levels take 40 minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

from holders import deploy, helpers, home_at, level_of, mounts, supervisor, until_there, words
from loads import Workshop
from measure import agentctl, report
from trees import see, tree

HEADS = ("killed", "level", "times", "median s", "longest s", "goal", "seed")


def killed(level: str, victim: str, spin: str, times: int) -> tuple[str, ...]:
    """Return how long anything stood still after each of so many kills."""
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    with home_at(level) as environ, tempfile.TemporaryDirectory(prefix="agentctl-bench-") as place:
        folder = Path(place)
        names = ("a", "b")
        command = f"echo $$ >{folder}/pid.NAME; {spin} & {spin} & wait"
        agents = {name: ["sh", "-c", command.replace("NAME", name)] for name in names}
        deploy(folder, {name: {"command": agents[name], "limits": {"cpu": "20%"}} for name in names}, environ)
        roots, used_level = [int(until_there(folder / f"pid.{name}")) for name in names], level_of(environ)
        stood = []
        for _ in range(times):
            if victim == "supervisor":
                agentctl(["daemon", "start"], environ)
            pids = [pid for root in roots for pid in tree(root)]
            _until_held(pids)
            time.sleep(chance.uniform(0, 0.5))
            pid = supervisor(environ)
            os.kill(pid if victim == "supervisor" else _governor(pid), signal.SIGKILL)
            stood.append(_longest_stop(pids))
            print(f"{victim} {len(stood)} of {times}: {stood[-1]:.3f} s", file=sys.stderr, flush=True)
    row = (f"{statistics.median(stood):.3f}", f"{max(stood):.3f}")
    return victim, used_level, str(times), *row, "under 1 s", str(seed)


def _governor(pid: int) -> int:
    """Return the supervisor's own child that holds trees."""
    return next(helper for helper in helpers(pid) if (seen := see(helper)) is not None and seen.parent == pid)


def _until_held(pids: list[int]) -> None:
    """Wait until some of *pids* has been seen to stand still twice, with a run in between."""
    end, changes, before = time.monotonic() + 60, 0, False
    while changes < 3:
        now = any(map(stands_still, pids))
        changes, before = changes + (now is not before), now
        if time.monotonic() > end:
            raise TimeoutError("nobody is held")
        time.sleep(0.002)


def _longest_stop(pids: list[int], watched: float = 1.5) -> float:
    """Return how long any of *pids* stands still in one go from now on; looks on for as long as one does."""
    begun = time.monotonic()
    since: dict[int, float] = {}
    longest = 0.0
    while (now := time.monotonic()) < begun + watched or (since and now < begun + 30):
        for pid in pids:
            if stands_still(pid):
                longest = max(longest, now - since.setdefault(pid, now if now - begun > 0.01 else begun))
            else:
                since.pop(pid, None)
        time.sleep(0.002)
    return longest


def stands_still(pid: int) -> bool:
    """Tell whether *pid* is stopped, or in a frozen cgroup."""
    seen = see(pid)
    if seen is None or seen.state in "TZ":
        return seen is not None and seen.state == "T"
    with contextlib.suppress(OSError, StopIteration):
        group = next(line[3:] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines() if line[:3] == "0::")
        return "frozen 1" in (next(mounts("cgroup2")) / group.lstrip("/") / "cgroup.events").read_text()
    return False


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--levels", type=words, default=["auto", "signals"], help="auto or AGENTCTL_LIMITS_LEVEL")
    parser.add_argument("--victims", type=words, default=["supervisor", "governor"])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--quick", action="store_true", help="three of each: about a minute")
    parser.add_argument("--json", action="store_true")
    if "--quick" in sys.argv:
        parser.set_defaults(kills=3)
    return parser.parse_args()


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="agentctl-bench-") as place:
        spin = Workshop(Path(place)).program("spin")
        pairs = itertools.product(options.levels, options.victims)
        rows = [killed(level, victim, spin, options.kills) for level, victim in pairs]
    report("how long a process stands still in one go after kill -9", HEADS, rows)


if __name__ == "__main__":
    main()
