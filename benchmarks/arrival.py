"""Messages of every kind to real programs: how many are lost, doubled, not submitted, altered, or not known to arrive.

    .venv/bin/python -m tests.agents.install claude opencode aider codex      # once
    .venv/bin/python benchmarks/arrival.py [--programs claude,opencode] [--prompts N]

They go through `agentctl send` to the program in a team, offline against the scripted model of `tests/agents`, and what
reached the model is held against what was sent. Beside it the same messages go to the same program the naive way: tmux
load-buffer, paste-buffer and Enter at once, with no look at the program.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import report

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.agents import alone, install
from tests.agents.arrival import WORK, Prompt, Tally, begin, bodies, exchange, in_parts, judge, prompts
from tests.agents.model import Model
from tests.agents.pane import Pane
from tests.agents.programs import Place, environment, prepare
from tests.agents.stage import AgentStage

PROGRAMS = ("claude", "opencode", "aider", "codex")
PROMPTS = 100
_ALONE = "AGENTCTL_BENCH_ALONE"
HEADINGS = ("program", "way", "prompts", "lost", "doubled", "unsubmitted", "altered", "seen", "p50", "p95")

_PATIENCE = 5.0
"""Seconds after which an Enter is pressed once more, to see whether the text stood there all the time."""

_STARTS_WITHIN = 60.0
"""Seconds that a start may take, or the first turn after it: opencode's alone takes 30 with others at work."""


class Naive:
    """The same program, set up in the same way, in a window of its own."""

    def __init__(self, folder: Path, program: install.Installed, model: Model) -> None:
        self.lane = model.lane(f"naive-{program.program}")
        base = model.url(self.lane.name)
        self._place = Place(home=folder / "home", cwd=folder / "home" / "shop", base=base)
        own = prepare(program.program, self._place)
        git = ["git", "-C", str(self._place.cwd), "init", "-q"]  # without one, aider asks whether it is to make it
        subprocess.run(git, check=True, capture_output=True)
        self._argv = [str(program.path), *own.argv]
        self._env = environment(self._place, own, program.bins)
        self._pane: Pane | None = None
        self._tag = secrets.token_hex(2)

    def exchange(self, count: int) -> Tally:
        """Send *count* messages, and say what became of them; after a fault the next one finds a fresh program."""
        tally, sent = Tally(), []
        for prompt in prompts(count):
            self._bring_about(prompt.kind)
            began, id_ = time.monotonic(), secrets.token_hex(4)
            sent.append((id_, prompt))
            self._send(self._framed(id_, prompt))
            if self._came(id_, _STARTS_WITHIN if prompt.kind == "start" else _PATIENCE):
                tally.seconds.append(time.monotonic() - began)
                continue
            if not in_parts(self.lane, id_):
                self._started().keys("Enter")
                (tally.unsubmitted if self._came(id_, _PATIENCE) else tally.lost).append(f"{id_} ({prompt.kind})")
            self.close()
        time.sleep(1)  # what comes twice comes late
        tally.sent = len(sent)
        judge(tally, self.lane, [one for one in sent if not any(one[0] in name for name in tally.unsubmitted)])
        return tally

    def close(self) -> None:
        if self._pane is not None:
            self._pane.close()
            self._pane = None

    def _bring_about(self, kind: str) -> None:
        if kind == "start":
            self.close()
            self._start()
            return
        pane = self._started()
        if kind == "busy":
            self.lane.script(WORK)
            pane.submit("Work on something that takes a while.", 0.5)
            self.lane.wait_for("something that takes a while")

    def _started(self) -> Pane:
        """The program, as a person would have it in front of them: it has answered before."""
        if self._pane is None:
            pane, greeting = self._start(), f"Hello, {secrets.token_hex(4)}."
            pane.see(r"\S", within=_STARTS_WITHIN)
            for _ in range(3):  # what comes while it starts may be lost
                if in_parts(self.lane, greeting):
                    break
                pane.still(2.0, within=_STARTS_WITHIN)
                pane.submit(greeting, 1.0)
                with contextlib.suppress(TimeoutError):
                    self.lane.wait_for(greeting, within=_STARTS_WITHIN)
        assert self._pane is not None
        return self._pane

    def _start(self) -> Pane:
        self._pane = Pane(
            ["sh", "-c", f"exec {shlex.join(self._argv)}"], env=self._env, cwd=self._place.cwd, folder=self._place.home
        )
        return self._pane

    def _send(self, text: str) -> None:
        assert self._pane is not None
        self._pane.paste(text)
        self._pane.keys("Enter")

    def _framed(self, id_: str, prompt: Prompt) -> str:
        between = "\n" if "\n" in prompt.text else " "
        return between.join([f"[agentctl {self._tag} {id_} from person]", prompt.text, f"[/{id_}]"])

    def _came(self, id_: str, within: float) -> bool:
        end = time.monotonic() + within
        while time.monotonic() < end:
            if any(id_ == found for found, _ in bodies(self.lane)):
                return True
            time.sleep(0.05)
        return False


def measure(program: install.Installed, count: int) -> list[tuple[str, Tally]]:
    """Send *count* messages to *program* in both ways, one after the other."""
    return [("agentctl send", by_agentctl(program, count)), ("paste, Enter at once", by_hand(program, count))]


def by_agentctl(program: install.Installed, count: int) -> Tally:
    with tempfile.TemporaryDirectory(prefix="agentctl-bench-") as folder, Model() as model:
        stage = AgentStage(Path(folder), program, model)
        try:
            begin(stage)
            return exchange(stage, count)
        finally:
            print(*stage.close(), sep="\n", end="", file=sys.stderr)


def by_hand(program: install.Installed, count: int) -> Tally:
    with tempfile.TemporaryDirectory(prefix="agentctl-bench-") as folder, Model() as model:
        naive = Naive(Path(folder), program, model)
        try:
            return naive.exchange(count)
        finally:
            naive.close()


def run_alone() -> None:
    """Go on in a network that holds nothing but this machine, where the system allows."""
    if _ALONE in os.environ:
        return
    words = alone.prefix()
    if not words:
        print("no network of its own can be had here: it runs in that of the machine", file=sys.stderr)
        return
    os.execvpe(words[0], [*words, sys.executable, *sys.argv], {**os.environ, _ALONE: "1"})


def row(program: str, way: str, tally: Tally) -> tuple[object, ...]:
    """Return what *tally* says, in the order of the headings; nobody tells the naive way that a message was seen."""
    counts = [len(getattr(tally, name)) for name in ("lost", "doubled", "unsubmitted", "altered")]
    seen = tally.sent - len(tally.unseen) if way.startswith("agentctl") else "-"
    times = sorted(tally.seconds) or [0.0]
    p95 = times[round(0.95 * (len(times) - 1))]
    return program, way, tally.sent, *counts, seen, f"{statistics.median(times):.1f} s", f"{p95:.1f} s"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object a table")
    parser.add_argument("--programs", default=",".join(PROGRAMS), help="default: %(default)s")
    parser.add_argument("--prompts", type=int, default=PROMPTS, metavar="N", help="default: %(default)s")
    options = parser.parse_args()
    run_alone()
    rows: list[tuple[object, ...]] = []
    faults: list[tuple[object, ...]] = []
    failed = False
    for name in options.programs.split(","):
        program = install.found(name)
        if program is None:
            print(f"{name} is not in the cache: python -m tests.agents.install {name}", file=sys.stderr)
            continue
        for way, tally in measure(program, options.prompts):
            rows.append(row(f"{name} {program.version}", way, tally))
            faults += [(name, way, fault, one) for fault, found in tally.faults.items() for one in found]
            failed = failed or (way.startswith("agentctl") and bool(tally.faults))
            print(*tally.notes, sep="\n", end="", file=sys.stderr)
    report("messages to real programs; the goal of `agentctl send` is 0, 0, 0, 0 and all seen", HEADINGS, rows)
    report("what did not arrive as it was sent", ("program", "way", "fault", "message"), faults)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
