"""Both ends of the native channel: a message is delivered once, taken once, and never silently lost."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agentctl.runners.channel import Message, deliver, poke
from agentctl.runners.worker.inbox import Inbox

HELLO = Message("abc", "team/pm", "task", "echo hello")


def test_a_message_arrives_as_it_was_sent(tmp_path: Path) -> None:
    deliver(tmp_path, 7, HELLO)
    claim = Inbox(tmp_path).claim()
    assert claim is not None
    assert (claim.id, claim.sender, claim.kind, claim.text, claim.fault) == ("abc", "team/pm", "task", "echo hello", "")


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=300), sender=st.text(max_size=40), kind=st.text(max_size=10))
def test_any_text_arrives_as_it_was_sent(text: str, sender: str, kind: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        deliver(Path(folder), 0, Message("x", sender, kind, text))
        claim = Inbox(Path(folder)).claim()
        assert claim is not None
        assert (claim.sender, claim.kind, claim.text) == (sender, kind, text)


def test_a_second_delivery_does_nothing_wherever_the_first_has_got_to(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    deliver(tmp_path, 1, HELLO)
    deliver(tmp_path, 1, HELLO)
    claim = inbox.claim()
    assert claim is not None
    deliver(tmp_path, 1, HELLO)
    assert not inbox.waiting()
    recorded = inbox.record(claim.name, 3, 0.25)
    deliver(tmp_path, 1, HELLO)
    assert not inbox.waiting()
    inbox.finish(recorded)
    deliver(tmp_path, 1, HELLO)
    assert not inbox.waiting()
    deliver(tmp_path, 2, HELLO)
    assert inbox.waiting()


def test_a_delivery_that_was_cut_off_is_not_seen_and_can_be_repeated(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    (tmp_path / "inbox" / ".000000000001-abc").write_text('{"id": "abc", "sen')
    assert not inbox.waiting()
    deliver(tmp_path, 1, HELLO)
    assert [entry.name for entry in (tmp_path / "inbox").iterdir()] == ["000000000001-abc"]


def test_nobody_else_can_read_a_message(tmp_path: Path) -> None:
    deliver(tmp_path / "run", 1, HELLO)
    assert (tmp_path / "run" / "inbox").stat().st_mode & 0o077 == 0
    assert (tmp_path / "run" / "inbox" / "000000000001-abc").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("message", ["", "../x", "a/b", "a.b", "a b", "a\n", "é", "x" * 65, ".hidden"])
def test_an_id_that_is_no_file_name_is_refused(tmp_path: Path, message: str) -> None:
    with pytest.raises(ValueError, match="an id of letters"):
        deliver(tmp_path, 1, Message(message, "person", "task", ""))
    assert not list(tmp_path.rglob("*-*"))


def test_a_number_below_zero_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a number from 0"):
        deliver(tmp_path, -1, HELLO)


def test_a_draft_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / ".000000000001-abc").symlink_to(precious)
    with pytest.raises(OSError, match="symbolic"):
        deliver(tmp_path, 1, HELLO)
    assert precious.read_text() == "mine"


def test_the_doorbell_rings_only_where_somebody_listens(tmp_path: Path) -> None:
    assert not poke(tmp_path)
    os.mkfifo(tmp_path / "doorbell")
    assert not poke(tmp_path)
    listener = os.open(tmp_path / "doorbell", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert poke(tmp_path)
        assert os.read(listener, 10) == b"!"
        ringer = os.open(tmp_path / "doorbell", os.O_WRONLY | os.O_NONBLOCK)
        with contextlib.suppress(BlockingIOError):
            while os.write(ringer, b"!" * 4096):
                pass
        os.close(ringer)
        assert poke(tmp_path), "a doorbell that is full rings already"
    finally:
        os.close(listener)


def test_what_is_no_doorbell_is_not_written_to(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "doorbell").symlink_to(precious)
    assert not poke(tmp_path)
    (tmp_path / "doorbell").unlink()
    (tmp_path / "doorbell").write_text("mine")
    assert not poke(tmp_path)
    assert (tmp_path / "doorbell").read_text() == precious.read_text() == "mine"


def test_markers_of_old_messages_do_not_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentctl.runners.worker.inbox._KEPT", 3)
    inbox = Inbox(tmp_path)
    for number in range(10):
        deliver(tmp_path, number, Message(f"m{number}", "person", "task", "x" * 1000))
        claim = inbox.claim()
        assert claim is not None
        inbox.finish(inbox.record(claim.name, 0, 0))
    assert sum(path.stat().st_size for path in (tmp_path / "done").iterdir()) == 0
    Inbox(tmp_path)
    assert sorted(path.name[-2:] for path in (tmp_path / "done").iterdir()) == ["m7", "m8", "m9"]


class ChannelMachine(RuleBasedStateMachine):
    """Deliveries (and repeats), claims, runs and crashes of the worker in any order."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.run_folder = Path(self._folder.name)
        self.inbox = Inbox(self.run_folder)
        self.delivered: set[int] = set()
        self.runs: dict[int, int] = {}
        self.reported: dict[int, set[str]] = {}
        self.in_hand: tuple[int, str] | None = None
        self.recorded: tuple[int, str] | None = None

    @rule(number=st.integers(0, 6))
    def send(self, number: int) -> None:
        deliver(self.run_folder, number, Message(f"m{number}", "person", "task", str(number)))
        self.delivered.add(number)

    @precondition(lambda self: self.in_hand is None and self.recorded is None)
    @rule(runs=st.booleans())
    def take(self, runs: bool) -> None:
        waiting = {number for number in self.delivered if number not in self.runs and number not in self.reported}
        claim = self.inbox.claim()
        if claim is None:
            assert not waiting
            return
        number = int(claim.text)
        assert number == min(waiting)
        self.in_hand = number, claim.name
        if runs:
            self.runs[number] = self.runs.get(number, 0) + 1

    @precondition(lambda self: self.in_hand is not None and self.in_hand[0] in self.runs)
    @rule()
    def end(self) -> None:
        assert self.in_hand is not None
        number, name = self.in_hand
        self.recorded, self.in_hand = (number, self.inbox.record(name, number, 1.5)), None

    @precondition(lambda self: self.recorded is not None)
    @rule(finishes=st.booleans())
    def report(self, finishes: bool) -> None:
        assert self.recorded is not None
        number, name = self.recorded
        self.reported.setdefault(number, set()).add(f"answered {number}")
        if finishes:
            self.inbox.finish(name)
            self.recorded = None

    @rule()
    def crash(self) -> None:
        self.in_hand = self.recorded = None
        self.inbox = Inbox(self.run_folder)
        for left in self.inbox.leftovers():
            number = int(left.id[1:])
            self.reported.setdefault(number, set()).add("interrupted" if left.code is None else f"answered {left.code}")
            self.inbox.finish(left.name)

    @invariant()
    def nothing_runs_twice_and_no_two_reports_disagree(self) -> None:
        assert all(count == 1 for count in self.runs.values())
        assert all(len(reports) == 1 for reports in self.reported.values())

    def teardown(self) -> None:
        self.crash()
        while (claim := self.inbox.claim()) is not None:
            self.reported[int(claim.text)] = {"taken at the end"}
            self.inbox.finish(claim.name)
        assert set(self.reported) == self.delivered
        self._folder.cleanup()


TestChannel = ChannelMachine.TestCase
TestChannel.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
