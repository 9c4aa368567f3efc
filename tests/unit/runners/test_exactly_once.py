"""kill -9 of the worker at any moment: no message is run twice, none is lost without a word."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from typing import Any

import pytest

KILLS = 500 if os.environ.get("AGENTCTL_CAMPAIGN") == "full" else 20


@pytest.mark.slow
def test_killed_at_any_moment_each_message_runs_at_most_once_and_is_accounted_for(pane: Any) -> None:
    seed = random.SystemRandom().randrange(10**6)
    rng = random.Random(seed)
    sent = []
    for _ in range(KILLS):
        sent += [pane.send(f"echo run m{pane.number + 1} >> runs; sleep 0.0{rng.randrange(3)}") for _ in range(5)]
        pane.start()
        moment = time.monotonic() + rng.uniform(0.01, 0.15)
        pane.until(lambda moment=moment: time.monotonic() >= moment)
        killed(pane)
    pane.start()
    pane.until(lambda: all(pane.ends(message) for message in sent[-3:]) and not left(pane), seconds=60)

    ran = Counter(line.split()[1] for line in (pane.cwd / "runs").read_text().splitlines())
    ends = {message: pane.ends(message) for message in sent}
    kinds = Counter(ends[message][0]["kind"] for message in sent)
    print(f"\nseed {seed}: {KILLS} kills, {len(sent)} messages: {dict(kinds)}")  # noqa: T201  figures, for whoever runs this with -s
    assert all(ends[message] for message in sent), seed
    assert max(ran.values()) == 1, seed
    for message in sent:
        assert len({(end["kind"], end.get("code")) for end in ends[message]}) == 1, (seed, ends[message])
        if ends[message][0]["kind"] == "answered":
            assert ends[message][0]["code"] == 0, (seed, message)
            assert ran[message] == 1, (seed, message)
    answered = [message for message in ran if ends[message][0]["kind"] == "answered"]
    assert answered == sorted(answered, key=lambda message: int(message[1:])), seed
    assert kinds["answered"] > 0


def killed(pane: Any) -> None:
    """Kill the worker and, as the supervisor does before it starts the next generation, what it was running."""
    with contextlib.suppress(OSError):
        group = pane.foreground()
        pane.kill()
        pane.wait()
        if group not in (0, pane.pid):
            os.killpg(group, signal.SIGKILL)
    pane.close()


def left(pane: Any) -> list[str]:
    return [entry.name for folder in ("inbox", "taken") for entry in (pane.run / folder).iterdir()]
