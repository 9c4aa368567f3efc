"""What deciding over 100 schedules takes, beside cronsim alone.

One decision asks each schedule what is due and then all of them when to look again, as the supervisor does when it
wakes. The floor asks cronsim, of the same 100 lines in the same zones, for the next time. Three moments: `nothing due`,
`at a tick`, where some are, and `after 8 h` asleep, where all are.

The day plays 24 hours of 100 schedules, half of them intervals and each with a jitter, from one look to the next on a
clock that is only counted on. Each schedule's next look is kept, so that a tick asks only those whose look has come.
What is done at a tick is not part of it.
"""

from __future__ import annotations

import argparse
import heapq
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from zoneinfo import ZoneInfo

from cronsim import CronSim
from measure import ROUNDS, interleave, report, seconds

from agentctl.domain.schedule import Cron, Every, Schedule, ScheduleKind, Timing
from agentctl.engine.schedule import Outcome, Standing, due, next_look

MANY = 100
START = datetime(2026, 11, 27, 8, 0, 30, tzinfo=UTC)
LINES = ("*/15 * * * *", "0 9 * * 1-5", "30 2 * * *", "0 * * * *", "0 0 1 * *")
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC", "Pacific/Chatham")
INTERVALS = (10, 15, 30, 60)
MOMENTS = {"nothing due": timedelta(minutes=5), "at a tick": timedelta(minutes=15), "after 8 h": timedelta(hours=8)}


def crons() -> list[Timing]:
    return [Cron(line, zone) for line, zone in islice(zip(cycle(LINES), cycle(ZONES), strict=False), MANY)]


def intervals() -> list[Timing]:
    return [Every(timedelta(minutes=minutes)) for minutes in islice(cycle(INTERVALS), MANY)]


def standings(timings: Sequence[Timing], jitter: timedelta = timedelta(0)) -> list[Standing]:
    """Return one agent's standing for each of *timings*, all just made."""
    return [
        Standing(Schedule(f"s{n}", ScheduleKind.COMMIT, timing, ("dev",), jitter=jitter), "bench", "dev", START)
        for n, timing in enumerate(timings)
    ]


def decision(asked: Sequence[Standing], now: datetime) -> Callable[[], None]:
    def decide() -> None:
        for one in asked:
            due(one, now)
        next_look(asked, now)

    return decide


def floor(lines: Sequence[Timing], now: datetime) -> Callable[[], None]:
    asked = [(timing.expression, ZoneInfo(timing.zone)) for timing in lines if isinstance(timing, Cron)]

    def ask() -> None:
        for line, zone in asked:
            next(CronSim(line, now.astimezone(zone)))

    return ask


def a_day(hours: float) -> tuple[float, int, int]:
    """Return the seconds that *hours* of schedules take, the looks and the ticks."""
    half = MANY // 2
    kept = standings([*crons()[:half], *intervals()[:half]], jitter=timedelta(minutes=2))
    end, looks, ticks = START + timedelta(hours=hours), 0, 0

    def play() -> None:
        nonlocal looks, ticks
        coming = [(next_look([one], START) or end, number) for number, one in enumerate(kept)]
        heapq.heapify(coming)
        while (now := coming[0][0]) < end:
            number = coming[0][1]
            found = due(kept[number], now)
            looks += 1
            if found.outcome is Outcome.ACT and found.slot is not None:
                ticks += 1
                kept[number] = replace(kept[number], last=found.slot.at)
            heapq.heapreplace(coming, (next_look([kept[number]], now) or end, number))

    return seconds(play), looks, ticks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--quick", action="store_true", help="two rounds, and an hour in the place of a day")
    options = parser.parse_args()
    rounds, hours = (2, 1.0) if options.quick else (ROUNDS, 24.0)
    rows = []
    for name, after in MOMENTS.items():
        works = [decision(standings(crons()), START + after), decision(standings(intervals()), START + after)]
        works.append(floor(crons(), START + after))
        cron, interval, bare = interleave(rounds, *(lambda work=work: seconds(work) for work in works))
        rows.append([name, f"{cron * 1e3:.1f}", f"{interval * 1e3:.1f}", f"{bare * 1e3:.1f}", f"{cron / bare:.1f}"])
    heads = ["moment", "cron", "intervals", "cronsim alone", "cron: floor"]
    report(f"One decision over {MANY} schedules, in ms", heads, rows)
    spent, looks, ticks = a_day(hours)
    share = spent / (hours * 3600)
    report(
        f"{hours:g} h of {MANY} schedules, half of them intervals, with jitter",
        ["looks", "ticks", "ms a look", "of a core"],
        [[looks, ticks, f"{spent / looks * 1e3:.1f}", f"{share:.3%}"]],
    )


if __name__ == "__main__":
    main()
