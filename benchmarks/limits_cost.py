"""What holding costs: the CPU of all of the supervisor's helper processes, with trees that sleep and trees that spin.

    limits_cost.py [--levels auto,signals] [--trees 50,100,200] [--seconds 20] [--quick]

An idle tree has six processes that sleep; a throttled one spins and may use 10 % of a core. The supervisor's tmux
client is no helper. Beside it stands the floor: for trees that sleep, one bare pass over the same processes in /proc a
second; for trees that are throttled, a bare loop of Python that sleeps and sends one signal, as often as they are
stopped and continued.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from holders import cost_of_helpers, deploy, helpers, home_at, level_of, supervisor, words
from loads import Workshop
from measure import agentctl, report
from trees import cpu, rss_bytes, tree

from agentctl.drivers.governor.bucket import PERIOD_OF_LEAST

IDLE = "idle trees"
HEADS = ("what", "level", "helpers %", "each %", "MB", "supervisor %", "floor %")


@dataclass(frozen=True, slots=True)
class Case:
    """So many trees of one kind."""

    what: str
    number: int
    command: list[str]
    percent: int


def cost(case: Case, level: str, seconds: float) -> tuple[str, ...]:
    """Return what the supervisor and its helpers take while they hold *case*."""
    agent = {"command": case.command, "limits": {"cpu": f"{case.percent}%", "memory": "512MiB"}}
    with home_at(level) as environ, tempfile.TemporaryDirectory(prefix="agentctl-bench-") as folder:
        deploy(Path(folder), {f"a{n}": agent for n in range(case.number)}, environ)
        pid, used_level = supervisor(environ), level_of(environ)
        time.sleep(5)
        before, own, begun = cost_of_helpers(pid), cpu(pid), time.monotonic()
        time.sleep(seconds)
        share = 100 / (time.monotonic() - begun)
        used, supervised = share * (cost_of_helpers(pid) - before), share * (cpu(pid) - own)
        held = rss_bytes(helpers(pid)) / 2**20
        floor = _pass_over(_agents_of(environ)) if case.what == IDLE else _signals(case.number * 2 / PERIOD_OF_LEAST)
    what, each = f"{case.number} {case.what}", f"{used / case.number:.3f}"
    return what, used_level, f"{used:.2f}", each, f"{held:.0f}", f"{supervised:.2f}", f"{floor:.2f}"


def _agents_of(environ: dict[str, str]) -> list[int]:
    """Return the processes of all panes of the home's tmux server."""
    server = json.loads(agentctl(["daemon", "status", "--json"], environ).stdout)["items"][0]["tmux"]["pid"]
    return [pid for pid in tree(int(server)) if pid != server]


def _pass_over(pids: list[int]) -> float:
    """Return the percent of a core that reading /proc/PID/stat of *pids* once a second takes."""
    times = []
    for _ in range(5):
        begun = time.process_time()
        for pid in pids:
            with contextlib.suppress(OSError):
                descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
                os.read(descriptor, 1024)
                os.close(descriptor)
        times.append(time.process_time() - begun)
    return 100 * min(times)


def _signals(each_second: float) -> float:
    """Return the percent of a core that stopping and continuing somebody who spins so often takes."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as spinner:
        before, begun = time.process_time(), time.monotonic()
        for number in range(round(3 * each_second)):
            time.sleep(max(0.0, begun + number / each_second - time.monotonic()))
            spinner.send_signal(signal.SIGCONT if number % 2 else signal.SIGSTOP)
        used = time.process_time() - before
        spinner.kill()
    return used / 3 * 100


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--levels", type=words, default=["auto", "signals"], help="auto or AGENTCTL_LIMITS_LEVEL")
    parser.add_argument("--trees", type=lambda text: [int(word) for word in words(text)], default=[50, 100, 200])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--quick", action="store_true", help="50 trees and 10 s: about a minute")
    parser.add_argument("--json", action="store_true")
    if "--quick" in sys.argv:
        parser.set_defaults(seconds=10.0, trees=[50])
    return parser.parse_args()


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="agentctl-bench-") as place:
        sleep = ["sh", "-c", "sleep 1000000 & sleep 1000000 & sleep 1000000 & wait"]
        cases = [Case(IDLE, number, sleep, 40) for number in options.trees]
        cases.append(Case("throttled trees", 10, Workshop(Path(place)).program("spin").split(), 10))
        rows = [cost(case, level, options.seconds) for level in options.levels for case in cases]
    report(f"own cost of holding trees, in percent of a core over {options.seconds:g} s", HEADS, rows)


if __name__ == "__main__":
    main()
