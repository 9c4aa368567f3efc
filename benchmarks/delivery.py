"""From a message sent to the prompt accepted, and from what an agent does to the event that says so.

Both run on the fake agent of the acceptance tests, which writes down when it accepted what. The floor is what people do
by hand and scripts do without looking: three tmux processes (load-buffer, paste-buffer, send-keys Enter), one after
the other, into the same program on a server of its own. They take turns, message by message. Then both send to a
program that loses an Enter which follows a paste too soon (120 ms, as codex does), and to one that is still starting.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from measure import report

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.acceptance.fake import FakeStage
from tests.acceptance.stage import until

MESSAGES = 40
LOSSES = 20
STARTS = 5
PATIENCE = 6.0
"""Seconds after which a message that was not accepted counts as lost."""

HEADINGS = ("what", "p50", "p95", "goal")


class Naive:
    """The same program in a window of its own, spoken to with three tmux processes and no look at it."""

    def __init__(self, stage: FakeStage) -> None:
        self.stage, self.agent = stage, "naive/dev"
        self.env = {"PATH": os.environ["PATH"], "TMUX_TMPDIR": str(stage.folder), "SHELL": "/bin/sh"}

    def start(self, **settings: object) -> None:
        self.stage.settings(self.agent, signals=False, **settings)
        marks = {"FAKE_FOLDER": self.stage.fakes, "FAKE_STARTS": self.stage.folder / "naive-starts",
                 "AGENTCTL_AGENT": self.agent, "AGENTCTL_GENERATION": 1}  # fmt: skip
        words = ["env", *(f"{name}={value}" for name, value in marks.items()), str(self.stage.bin / "fake-agent")]
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "40", "-s", "naive", *words)

    def ready(self) -> None:
        until(lambda: self.stage.record(self.agent, "ready"), "it is ready")

    def send(self, text: str) -> None:
        self.tmux("load-buffer", "-b", "text", "-", data=text.encode())
        self.tmux("paste-buffer", "-d", "-p", "-r", "-b", "text", "-t", "naive:")
        self.tmux("send-keys", "-t", "naive:", "Enter")

    def tmux(self, *words: str, data: bytes | None = None, check: bool = True) -> None:
        argv = ["tmux", "-u", "-L", "naive", *words]
        subprocess.run(argv, env=self.env, input=data, check=check, capture_output=True, timeout=10)

    def close(self) -> None:
        self.tmux("kill-server", check=False)
        (self.stage.fakes / "naive.dev.jsonl").unlink(missing_ok=True)


@contextlib.contextmanager
def stage() -> Iterator[FakeStage]:
    with tempfile.TemporaryDirectory(prefix="agentctl-bench-") as folder:
        fakes = FakeStage(Path(folder))
        try:
            yield fakes
        finally:
            for fault in fakes.close():
                print(fault, file=sys.stderr)


@contextlib.contextmanager
def naive(fakes: FakeStage, **settings: object) -> Iterator[Naive]:
    one = Naive(fakes)
    try:
        one.start(**settings)
        yield one
    finally:
        one.close()


def accepted(fakes: FakeStage, agent: str, mark: str) -> float | None:
    """Return when *agent* accepted the prompt that holds *mark*; None where it never did."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = [entry for entry in fakes.record(agent, "prompt") if mark in entry["text"]]
        if found:
            return float(found[0]["at"])
        time.sleep(0.005)
    return None


def speed(fakes: FakeStage, count: int) -> list[tuple[str, ...]]:
    """Send one message after the other in three ways, in turn, to programs that lose nothing."""
    fakes.settings("web/dev", think=0.0)
    fakes.up("dev")
    times: dict[str, list[float]] = {"agentctl send": [], "the socket alone": [], "three tmux processes": []}
    with naive(fakes, think=0.0) as other:
        other.ready()
        for number in range(count):
            ways = {
                "agentctl send": ("web/dev", lambda mark: fakes.run("send", "web/dev", mark)),
                "the socket alone": ("web/dev", lambda mark: fakes.post("web/dev", mark)),
                "three tmux processes": (other.agent, other.send),
            }
            for name, (agent, send) in ways.items():
                mark = f"{name} {number}."
                began = time.time()
                send(mark)
                at = accepted(fakes, agent, mark)
                assert at is not None, f"{mark} was lost"
                times[name].append(at - began)
                until(lambda: mark in str(fakes.record(agent, "answer")[-1:]), "answered")  # noqa: B023
    delay = "150 ms of it are the program's delay before Enter"
    return [_row(name, values, delay if name.startswith(("agentctl", "the")) else "") for name, values in times.items()]


def losses(count: int, starts: int) -> list[tuple[str, ...]]:
    """Count what is lost by programs that swallow an Enter, and by programs that are still starting."""
    with stage() as fakes:
        fakes.settings("web/dev", think=0.0, swallow=0.12)
        fakes.up("dev")
        ours = sum(_arrives(fakes, "web/dev", lambda m: fakes.post("web/dev", m), f"m{n}.") for n in range(count))
        with naive(fakes, think=0.0, swallow=0.12) as other:
            other.ready()
            theirs = 0
            for number in range(count):
                theirs += _arrives(fakes, other.agent, other.send, f"m{number}.", patience=0.5)
                other.tmux("send-keys", "-t", "naive:", "C-u")
    late, early = 0, 0
    for _ in range(starts):
        with stage() as fakes:
            fakes.settings("web/dev", start=0.6)
            fakes.up("dev", wait=False)
            late += _arrives(fakes, "web/dev", lambda m: fakes.post("web/dev", m), "early.")
            with naive(fakes, start=0.6) as other:
                early += _arrives(fakes, other.agent, other.send, "early.", patience=1.5)
    return [
        ("an Enter is swallowed within 120 ms", f"{count - ours} of {count}", f"{count - theirs} of {count}", "0"),
        ("it still starts", f"{starts - late} of {starts}", f"{starts - early} of {starts}", "0"),
    ]


def _arrives(
    fakes: FakeStage, agent: str, send: Callable[[str], object], mark: str, patience: float = PATIENCE
) -> bool:
    send(mark)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if any(mark in text for text in fakes.prompts(agent)):
            return True
        time.sleep(0.01)
    return False


def states(count: int) -> list[tuple[str, ...]]:
    """Measure from what an agent does to the event in the log: by its hooks, and by its screen alone."""
    with stage() as fakes:
        fakes.settings("web/dev", think=0.3)
        fakes.up("dev")
        by_hook = _by_hook(fakes, count)
    with stage() as fakes:
        fakes.up(dev=fakes.fake(runner="mute"))
        by_screen = _by_screen(fakes, count)
    return [
        _row("by a hook", by_hook, "p95 under 250 ms"),
        _row("by the screen", by_screen, "p95 under 1500 ms"),
    ]


def _by_hook(fakes: FakeStage, count: int) -> list[float]:
    latencies = []
    for number in range(count):
        mark = f"state {number}."
        fakes.post("web/dev", mark)
        at = accepted(fakes, "web/dev", mark)
        assert at is not None
        latencies.append(_event_after(fakes, "AgentBusy", at) - at)
        _idle(fakes)
    return latencies


def _by_screen(fakes: FakeStage, count: int) -> list[float]:
    latencies = []
    for _ in range(count):
        began = time.time()
        fakes.tell("web/dev", "step", "!slow 2500ms")
        latencies.append(_event_after(fakes, "AgentBusy", began) - began)
        _idle(fakes)
    return latencies


def _idle(fakes: FakeStage) -> None:
    until(lambda: fakes.row("web/dev")["activity"] == "idle", "idle again")


def _event_after(fakes: FakeStage, kind: str, at: float) -> float:
    """Return when the first event of *kind* after *at* was recorded."""

    def found() -> float | None:
        moments = [datetime.fromisoformat(event["at"]).timestamp() for event in fakes.events(kind, "web/dev")]
        return next((moment for moment in moments if moment >= at), None)

    return float(until(found, f"{kind} after {at}"))


def _row(name: str, values: list[float], goal: str) -> tuple[str, ...]:
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    return name, f"{1000 * statistics.median(values):.0f} ms", f"{1000 * p95:.0f} ms", goal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--messages", type=int, default=MESSAGES)
    options = parser.parse_args()
    with stage() as fakes:
        fast = speed(fakes, options.messages)
    told = states(max(options.messages // 2, 5))
    lost = losses(LOSSES, STARTS)
    report("from sent to accepted", HEADINGS, fast)
    report("from done to recorded", HEADINGS, told)
    report("lost", ("by a program that", "agentctl", "three tmux processes", "goal"), lost)


if __name__ == "__main__":
    main()
