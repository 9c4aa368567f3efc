"""How well a tree of processes is held to 20, 40 and 60 % of a core: agentctl, cpulimit and the kernel's own quota.

    limits.py [--seconds N] [--limits 20,40,60] [--loads spinner,…] [--levels auto,signals] [--others kernel] [--quick]

Each tree runs by itself for N seconds. What it used is read from /proc (see trees.py), each second on an absolute grid;
the first 3 s, in which a holder finds its way, are left out. A program in the tree wakes every 5 ms: the longest freeze
is the longest time for which it did not. Rows without a limit show what a tree takes, and how late such a program is
on this machine in any case. A calm tree wants less than its limit on average: for it and the bursty one it counts how
many times longer a burst takes than it does without a limit. The bursty one rests in between: who saves up none of
that, as the kernel's quota, holds it below its limit.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from holders import Holder, by_agentctl, by_cpulimit, kernel_quota, unlimited, words
from loads import Load, Workshop, loads
from measure import report
from trees import Meter, grid, machine

SETTLING = 3.0
LIMITS = (20.0, 40.0, 60.0)
HEADS = ("load", "limit", "held by", "got %", "error", "sd of 1 s", "freeze ms", "own %", "slower", "others %")


@dataclass(frozen=True, slots=True)
class Case:
    """One tree, and who holds it."""

    load: Load
    limit: float
    name: str
    holder: Holder


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one tree was held, after it had settled; shares are percent of a core."""

    case: Case
    holder: str
    got: float
    deviation: float
    """Points, over windows of a second."""
    freeze: float
    """Seconds."""
    cost: float
    """What holding it took."""
    others: float
    """What everybody else on the machine took meanwhile: where it is much, the row says little."""
    burst: float
    """Seconds that a burst took on average; 0 where none was done."""

    @property
    def error(self) -> float:
        return self.got - self.case.limit


@dataclass(frozen=True, slots=True)
class Look:
    """What had been used at a moment, in CPU seconds."""

    at: float
    tree: float
    holder: float
    machine: float


def measure(workshop: Workshop, case: Case, seconds: float) -> Outcome:
    """Have a tree held, and look at it each second."""
    with tempfile.TemporaryDirectory(prefix="agentctl-bench-") as place:
        folder = Path(place)
        with case.holder(workshop.command(folder, case.load), folder, case.limit) as held:
            meter, start = Meter(held.root), time.monotonic()
            looks = [Look(at, meter.read(), held.cost(), machine()) for at in grid(start, seconds)]
        settled = [look for look in looks if look.at - start >= SETTLING - 0.5]
        name = f"{case.name} ({held.level})" if held.level else case.name
        return _outcome(case, name, settled, folder)


def _outcome(case: Case, name: str, looks: Sequence[Look], folder: Path) -> Outcome:
    first, last = looks[0], looks[-1]
    share = 100 / (last.at - first.at)
    tree, cost = last.tree - first.tree, last.holder - first.holder
    rates = [100 * (after.tree - before.tree) / (after.at - before.at) for before, after in pairwise(looks)]
    gaps = [gap for at, gap in _lines(folder / "beats") if first.at <= at - gap and at <= last.at]
    bursts = [burst for at, burst in _lines(folder / "bursts") if at >= first.at]
    return Outcome(
        case=case,
        holder=name,
        got=share * tree,
        deviation=statistics.pstdev(rates),
        freeze=max(gaps, default=0.0),
        cost=share * cost,
        others=share * (last.machine - first.machine - tree - cost),
        burst=statistics.mean(bursts) if bursts else 0.0,
    )


def _lines(file: Path) -> Iterator[tuple[float, float]]:
    for line in file.read_text().splitlines() if file.exists() else ():
        first, second = line.split()
        yield float(first), float(second)


def row(outcome: Outcome, free: Outcome) -> tuple[str, ...]:
    """Return a row of the table; *free* is the same load without a limit."""
    limited, load = outcome is not free, outcome.case.load
    return (
        load.name,
        f"{outcome.case.limit:g} %" if limited else "none",
        outcome.holder,
        f"{outcome.got:.1f}",
        f"{outcome.error:+.1f}" if limited and not load.calm else "",
        f"{outcome.deviation:.1f}",
        f"{1000 * outcome.freeze:.0f}" if outcome.freeze else "under 10",
        f"{outcome.cost:.2f}" if limited else "",
        _slower(outcome, free) if limited and free.burst else "",
        f"{outcome.others:.0f}",
    )


def _slower(outcome: Outcome, free: Outcome) -> str:
    return f"{outcome.burst / free.burst:.2f}" if outcome.burst else "none was done"


def holders(levels: Sequence[str], others: Sequence[str]) -> dict[str, Holder | None]:
    """Return who holds, by name; None is not to be had on this machine."""
    found: dict[str, Holder | None] = {f"agentctl {level}": by_agentctl(level) for level in levels}
    made = {"cpulimit": by_cpulimit(), "cpulimit -m": by_cpulimit("-m"), "kernel": kernel_quota()}
    return found | {name: holder for name, holder in made.items() if name in others}


def run(options: argparse.Namespace) -> Iterator[tuple[Outcome, Outcome]]:
    """Yield each outcome with that of the same load without a limit."""
    held_by = holders(options.levels, options.others)
    with tempfile.TemporaryDirectory(prefix="agentctl-bench-") as place:
        workshop, free = Workshop(Path(place)), dict[Load, Outcome]()
        for limit in options.limits:
            for load in (one for one in loads(limit) if one.name.split()[0] in options.loads):
                if load not in free:
                    free[load] = measure(workshop, Case(load, 100.0, "nobody", unlimited), options.seconds)
                    yield free[load], free[load]
                for name, holder in held_by.items():
                    if holder is not None and not _melts(name, load):
                        yield measure(workshop, Case(load, limit, name, holder), options.seconds), free[load]


def _melts(holder: str, load: Load) -> bool:
    """Tell whether *holder* would bring the machine down: `cpulimit -m` starts one more of itself for each child."""
    return holder == "cpulimit -m" and load.kind in ("storm", "compile", "bytecode")


def summary(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """Return a row for each holder: its errors on trees that want more, and what it does to those that do not."""
    rows = []
    for name in dict.fromkeys(one.holder for one in outcomes if one.case.name != "nobody"):
        own = [one for one in outcomes if one.holder == name]
        errors = [abs(one.error) for one in own if not one.case.load.calm and one.case.load.name != "bursty"]
        if errors:
            freeze, cost = max(one.freeze for one in own), statistics.mean(one.cost for one in own)
            rows.append(
                (name, f"{statistics.mean(errors):.1f}", f"{max(errors):.1f}", f"{1000 * freeze:.0f}", f"{cost:.2f}")
            )
    return rows


def _options() -> argparse.Namespace:
    names = ",".join(load.name.split()[0] for load in loads(LIMITS[0]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--limits", type=lambda text: [float(word) for word in words(text)], default=list(LIMITS))
    parser.add_argument("--loads", type=words, default=words(names), help=names)
    parser.add_argument("--levels", type=words, default=["auto", "signals"], help="auto or AGENTCTL_LIMITS_LEVEL; none")
    parser.add_argument("--others", type=words, default=["cpulimit", "kernel"], help="none: agentctl only")
    parser.add_argument("--quick", action="store_true", help="40 %% only, 10 s, three loads: about three minutes")
    parser.add_argument("--json", action="store_true")
    if "--quick" in sys.argv:
        parser.set_defaults(seconds=10.0, limits=[40.0], loads=["spinner", "storm", "calm"])
    return parser.parse_args()


def main() -> None:
    options = _options()
    outcomes, rows = [], []
    for outcome, free in run(options):
        outcomes.append(outcome)
        rows.append(row(outcome, free))
        print("  ".join(rows[-1]), file=sys.stderr, flush=True)  # it takes long: something to look at
    lacking = [name for name, holder in holders([], options.others).items() if holder is None]
    title = f"trees held to their limits over {options.seconds:g} s, the first {SETTLING:g} s left out"
    report(title + "".join(f"; {name} is not here" for name in lacking), HEADS, rows)
    heads = ("held by", "mean error", "worst", "longest freeze ms", "own %")
    report("points of error on trees that always want more", heads, summary(outcomes))


if __name__ == "__main__":
    main()
