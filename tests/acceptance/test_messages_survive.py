"""The supervisor and its tmux client are killed at random while messages go to agents: none lost, none doubled.

Short here; `AGENTCTL_CAMPAIGN=full` sends 1,000 messages.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter

import pytest

from agentctl.domain.errors import AgentctlError
from tests.acceptance.fake import FakeStage, Framed
from tests.acceptance.stage import note

FULL = os.environ.get("AGENTCTL_CAMPAIGN") == "full"
MESSAGES = 1000 if FULL else 40
KILLS = 300 if FULL else 10
SENDERS = 3
AGENTS = ("web/dev", "web/pm")


class Senders:
    """Send numbered messages from several threads, each again under the same name until it is known to be queued."""

    def __init__(self, fakes: FakeStage, seed: int) -> None:
        self.fakes, self.seed = fakes, seed
        self.stop = threading.Event()
        self.faults: list[str] = []
        self.threads = [threading.Thread(target=self._send, args=(number,)) for number in range(SENDERS)]

    @property
    def at_work(self) -> bool:
        return any(thread.is_alive() for thread in self.threads)

    def _send(self, sender: int) -> None:
        chance = random.Random(self.seed + sender)
        try:
            for number in range(sender, MESSAGES, SENDERS):
                self._send_one(chance, AGENTS[number % len(AGENTS)], number)
        except Exception as fault:  # noqa: BLE001  a thread's fault has to reach the test
            self.faults.append(repr(fault))

    def _send_one(self, chance: random.Random, agent: str, number: int) -> None:
        text = f"{number} " + chance.choice(("one line", "more\n\tlines\n  than one", "漢字 🙂", "w " * 600))
        while not self.stop.is_set():
            with contextlib.suppress(AgentctlError, OSError):
                self.fakes.post(agent, text, request=f"{self.seed}-{number}")
                return
            time.sleep(chance.uniform(0, 0.05))


class Killer:
    """Kills the supervisor, or its tmux client, at random moments, and starts the next supervisor."""

    def __init__(self, fakes: FakeStage, seed: int) -> None:
        self.fakes, self.chance, self.done = fakes, random.Random(seed), Counter[str]()

    def strike(self) -> None:
        time.sleep(self.chance.uniform(0.0, 0.6))
        if self.chance.random() < 0.25:
            self._kill_clients()
            return
        if self.chance.random() < 0.2:
            self._kill_clients()
        self.done["supervisor"] += len(self.fakes.supervisors())
        self.fakes.kill_supervisor()
        self.fakes.until(lambda: not self.fakes.supervisors(), "it is gone")
        self._start()

    def _start(self) -> None:
        process = self.fakes.spawn_supervisor()
        self.fakes.until(lambda: self._answers() or process.poll() is not None, "the next supervisor answers")
        assert process.poll() is None, process.communicate()

    def _kill_clients(self) -> None:
        for pid in self.fakes.tmux("list-clients", "-F", "#{client_pid}", check=False).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
                self.done["client"] += 1

    def _answers(self) -> bool:
        with contextlib.suppress(AgentctlError, OSError):
            return bool(self.fakes.ask("hello"))
        return False


@pytest.mark.slow
@pytest.mark.timeout(3600 if FULL else 300)
def test_messages_survive_kill_9_of_supervisor_and_tmux_client_at_random_moments(fakes: FakeStage) -> None:
    seed = random.randrange(10**6)
    note(f"seed {seed}")
    for agent in AGENTS:
        fakes.settings(agent, think=0.0)
    fakes.change({"within": "10s"})
    fakes.up("dev", "pm")
    senders, killer = Senders(fakes, seed), Killer(fakes, seed)
    started, helped = time.monotonic(), set[str]()
    for thread in senders.threads:
        thread.start()
    try:
        while (senders.at_work or killer.done.total() < KILLS) and killer.done.total() < 2 * KILLS:
            killer.strike()
            helped |= help_where_asked(fakes)
        while (before := _accepted(fakes)) < MESSAGES:
            helped |= help_where_asked(fakes)
            fakes.until(lambda: _accepted(fakes) > before, "messages go on arriving")
    finally:
        senders.stop.set()
        for thread in senders.threads:
            thread.join()
    assert senders.faults == []
    seconds = time.monotonic() - started
    note(f"{MESSAGES} messages, {dict(killer.done)} kills, {len(helped)} left to a person, {seconds:.0f}s")
    fakes.until(lambda: not fakes.ask("messages", states=["queued", "held", "typed"])["messages"], "none is open")
    fakes.until(lambda: all(row["activity"] == "idle" for row in fakes.ask("ps")["agents"]), "all are done")
    hold_to_account(fakes)
    assert killer.done.total() >= KILLS
    assert len(helped) <= max(1, MESSAGES // 100)
    assert fakes.run("audit", "verify").code == 0


def hold_to_account(fakes: FakeStage) -> None:
    """Compare what agents accepted with what was queued, message by message."""
    queued = fakes.events("MessageQueued")
    for agent in AGENTS:
        wanted = [(e["data"]["message"], e["data"]["text"]) for e in queued if e["stream"] == f"agent:{agent}"]
        got = [(one.id, one.body) for one in map(Framed, fakes.prompts(agent))]
        twice = [id_ for id_, count in Counter(id_ for id_, _ in got).items() if count > 1]
        lost = [id_ for id_, _ in wanted if id_ not in dict(got)]
        assert (lost, twice) == ([], [])
        assert got == wanted, "in order, and unaltered"
        assert fakes.astray(agent) == []
        seen = {e["data"]["message"] for kind in ("MessageSeen", "MessageAnswered") for e in fakes.events(kind, agent)}
        assert [id_ for id_, _ in wanted if id_ not in seen] == [], "each was proven to have arrived"
    assert len(queued) == MESSAGES, "none queued twice"


def help_where_asked(fakes: FakeStage) -> set[str]:
    """Do as a person who is told that a message was not taken: look, and press Enter where a text stands unsent.

    Returns the messages that were helped so.
    """
    helped = set()
    with contextlib.suppress(AgentctlError, OSError):
        for row in fakes.ask("messages", selectors=[], states=["unseen"], limit=100)["messages"]:
            if not fakes.screen(row["agent"]).rpartition("\u276f")[2].startswith("\u00a0Try "):
                fakes.tmux("send-keys", "-t", fakes.pane(row["agent"]).id, "Enter")
                helped.add(row["id"])
    return helped


def _accepted(fakes: FakeStage) -> int:
    return sum(len(fakes.prompts(agent)) for agent in AGENTS)
