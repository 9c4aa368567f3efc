"""Texts arrive whole, once, and only where they belong."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import signal
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctl.domain.errors import TerminalUnreachable, UsageError
from agentctl.domain.names import AgentId
from agentctl.drivers.tmux.guard import clean, press
from agentctl.drivers.tmux.terminal import TmuxTerminal

Lab = Any
Reader = Callable[..., Any]

TENS_OF_TEXTS = 1000 if os.environ.get("AGENTCTL_CAMPAIGN") == "full" else 30

ALPHABETS = (
    "abc XYZ 019 _-",
    "'\"`$\\;#{}()[]<>|&~!*?%^@=,",
    "\n\t \n",
    "äöüß€😀中文עברית\u2028\u200b\u00a0",
)


def random_text(chance: random.Random) -> str:
    letters = "".join(chance.sample(ALPHABETS, chance.randint(1, len(ALPHABETS))))
    text = "".join(chance.choice(letters) for _ in range(chance.choice([1, 3, 20, 200, 3000])))
    return chance.choice(["", "-l ", "-- ", "Enter", "%1 ", "~/"]) + text + chance.choice(["", ";", "\\", "\n", "\\;"])


def controls_gone(text: str) -> bool:
    return not any((ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160 for c in text)


@given(st.text())
def test_nothing_that_ends_a_paste_is_left(text: str) -> None:
    cleaned = clean(f"{text}\x1b[201~\r\n{text}")
    assert controls_gone(cleaned)
    assert "\x1b" not in cleaned
    assert clean(cleaned) == cleaned


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_ordinary_text_is_not_touched(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize("engine", ["control", "batch"])
def test_random_texts_arrive_byte_for_byte(lab: Lab, reader: Reader, engine: str) -> None:
    chance = random.Random(4711)

    async def story(terminal: TmuxTerminal) -> None:
        read = await reader(terminal)
        for number in range(1, 101):
            text = random_text(chance)
            assert await terminal.type(read.pane, read.agent, 1, number, text)
            await read.expect(text)

    lab.run(story, engine=engine)


def wanted(text: str) -> str:
    """Return what has to arrive of a text: all but control characters and halves of characters."""
    lines = text.replace("\r\n", "\n")
    return "".join(c for c in lines if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))


def framed(text: str) -> str:
    """Return what a program that asked for framed pastes gets of a text and Enter, but for the last Enter."""
    return f"\x1b[200~{text}\x1b[201~" if text else ""


def test_any_text_arrives_byte_for_byte(lab: Lab, reader: Reader) -> None:
    """Of all characters that there are, into a program that reads framed pastes; in tens, so that it takes seconds."""
    with asyncio.Runner() as runner:
        terminal = lab.terminal()
        runner.run(terminal.connect())
        read = runner.run(reader(terminal, modes="\x1b[?2004h"))
        number = itertools.count(1)

        async def arrive(texts: list[str]) -> None:
            for text in texts:
                assert await terminal.type(read.pane, read.agent, 1, next(number), text)
            await read.expect("\r".join(framed(wanted(text)) for text in texts))

        @settings(max_examples=TENS_OF_TEXTS, deadline=None)
        @given(st.lists(st.text(st.characters(exclude_categories=())), min_size=10, max_size=10))
        def whole(texts: list[str]) -> None:
            runner.run(arrive(texts))

        whole()
        assert next(number) > 10 * TENS_OF_TEXTS
        runner.run(terminal.disconnect())


@pytest.mark.parametrize(
    "text",
    [
        "a\x1b[201~\x1b[200~b", "\x1b[201~rm -rf ~\r", "a\x9b201~b", "a\u0085b", "a\x00b", "\x00", "a\rb", "a\r\nb",
        "\r",
        "\ud800a\udfff", "\ud83d\ude00", "\u202eabc\u202c \u2066x\u2069 \u200f", "\u2028\u2029", "\ufeffa\ufffe\uffff",
        "e\u0301\u0301\u200d", "\U000e0001\U0010ffff", "\x7f\x08\x03\x04\x1a", " \t\n ", "\n\n",
    ],
)  # fmt: skip
def test_what_looks_like_a_control_does_not_pass_and_the_rest_does(lab: Lab, reader: Reader, text: str) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        read = await reader(terminal, modes="\x1b[?2004h")
        assert await terminal.type(read.pane, read.agent, 1, 1, text)
        await read.expect(framed(wanted(text)))

    lab.run(story)


def test_long_texts_and_none_arrive(lab: Lab, reader: Reader, tmp_path: Path) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        read = await reader(terminal)
        for number, text in enumerate(["", "é" * 5000, "é" * 5001, "x\ny" * 30_000, "😀" * 250_000], 1):
            assert await terminal.type(read.pane, read.agent, 1, number, text)
            await read.expect(text)
        assert not await terminal.type(read.pane, read.agent, 1, 1, "x" * 20_000)
        assert lab.tmux("list-buffers") == ""

    lab.run(story)
    assert list(tmp_path.glob("*.text")) == []


def test_a_program_that_asks_for_it_gets_a_framed_paste(lab: Lab, reader: Reader) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        read = await reader(terminal, modes="\x1b[?2004h")
        assert await terminal.type(read.pane, read.agent, 1, 1, "one\x1b[201~\ntwo\x03")
        await read.expect("\x1b[200~one[201~\ntwo\x1b[201~")

    lab.run(story)


def test_enter_may_come_later(lab: Lab, reader: Reader) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        read = await reader(terminal)
        task = asyncio.create_task(terminal.type(read.pane, read.agent, 1, 1, "text", enter_delay=0.4))
        await lab.eventually(lambda: read.got() == b"text")
        assert not task.done()
        assert await task
        await read.expect("text")

    lab.run(story)


def test_keys_are_named_and_nothing_else(lab: Lab, reader: Reader) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        read = await reader(terminal)
        assert await terminal.keys(read.pane, read.agent, 1, ["C-c", "Escape", "y", ";", '"', "-", "~", "Up", "Enter"])
        await read.expect('\x03\x1by;"-~\x1b[A')

    lab.run(story)
    for wrong in ("", "no key", "é", "C-", "a;b", "x y", "-l"):
        with pytest.raises(UsageError):
            press("%1", [wrong])


def test_what_follows_an_escape_comes_a_moment_later(lab: Lab, reader: Reader) -> None:
    """At once the two would be one key with Meta: a second Escape would not be seen."""

    async def story(terminal: TmuxTerminal) -> None:
        read = await reader(terminal)
        pressing = asyncio.create_task(terminal.keys(read.pane, read.agent, 1, ["y", "Escape", "Escape", "z", "Enter"]))
        for arrived in (b"y\x1b", b"y\x1b\x1b"):
            await lab.eventually(lambda arrived=arrived: read.got() == arrived)
            assert not pressing.done()
        assert await pressing
        await read.expect("y\x1b\x1bz")

    lab.run(story)


def test_what_follows_an_escape_stays_out_where_a_person_has_begun_to_scroll(lab: Lab, reader: Reader) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        read = await reader(terminal)
        pressing = asyncio.create_task(terminal.keys(read.pane, read.agent, 1, ["Escape", "y"]))
        await lab.eventually(lambda: read.got() == b"\x1b")
        lab.tmux("copy-mode", "-t", read.pane)
        assert await pressing, "the first was pressed"
        lab.tmux("send-keys", "-t", read.pane, "-X", "cancel")
        assert await terminal.keys(read.pane, read.agent, 1, ["z", "Enter"])
        await read.expect("\x1bz")

    lab.run(story)


def test_a_refused_text_leaves_nothing_behind(lab: Lab, reader: Reader) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        read = await reader(terminal)
        lab.tmux("copy-mode", "-t", read.pane)
        assert not await terminal.type(read.pane, read.agent, 1, 1, "text")
        assert lab.tmux("list-buffers") == ""
        lab.tmux("send-keys", "-t", read.pane, "-X", "cancel")
        lab.tmux("select-pane", "-d", "-t", read.pane)
        assert not await terminal.type(read.pane, read.agent, 1, 1, "text"), "input is off"
        lab.tmux("select-pane", "-e", "-t", read.pane)
        assert await terminal.type(read.pane, read.agent, 1, 1, "text")
        await read.expect("text")

    lab.run(story)


def test_keys_that_a_person_types_into_all_panes_stay_out_of_ours(lab: Lab, reader: Reader) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        read = await reader(terminal)
        other = lab.tmux("split-window", "-d", "-t", read.pane, "-P", "-F", "#{pane_id}", "cat")
        lab.tmux("set-option", "-w", "-t", read.pane, "synchronize-panes", "on")
        lab.tmux("send-keys", "-t", other, "-l", "mine")
        assert await terminal.type(read.pane, read.agent, 1, 1, "ours")
        await read.expect("ours")
        assert "ours" not in lab.tmux("capture-pane", "-p", "-t", other)

    lab.run(story)


def test_a_killed_client_loses_and_doubles_nothing(lab: Lab, reader: Reader) -> None:
    """The control client is killed at random moments; the count in the pane says what has arrived."""
    chance = random.Random(7)
    messages = 100

    def clients() -> list[int]:
        return [int(pid) for pid in lab.tmux("list-clients", "-F", "#{client_pid}").split()]

    async def deliver(terminal: TmuxTerminal, read: Any, number: int) -> None:
        while True:
            with contextlib.suppress(TerminalUnreachable):
                (pane,) = await terminal.panes()
                if pane.typed == number:
                    return
                await terminal.type(read.pane, read.agent, 1, number, f"<{number}>")

    async def killer(kills: list[int]) -> None:
        while True:
            await asyncio.sleep(chance.uniform(0.001, 0.01))
            for pid in await asyncio.to_thread(clients):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    kills.append(pid)

    async def story(terminal: TmuxTerminal) -> None:
        read = await reader(terminal)
        kills: list[int] = []
        task = asyncio.create_task(killer(kills))
        for number in range(1, messages + 1):
            await deliver(terminal, read, number)
            await asyncio.sleep(chance.uniform(0, 0.02))
        task.cancel()
        await asyncio.wait([task])
        wanted = "".join(f"<{number}>\r" for number in range(1, messages + 1)).encode()
        await lab.eventually(lambda: len(read.got()) >= len(wanted))
        assert read.got() == wanted
        assert len(kills) >= 10

    lab.run(story)


@pytest.mark.parametrize("engine", ["control", "batch"])
def test_a_server_that_wakes_up_types_once(
    lab: Lab, reader: Reader, frozen: Callable[[int], None], engine: str
) -> None:
    async def story(patient: TmuxTerminal) -> None:
        read = await reader(patient)
        terminal = lab.terminal(engine, deadline=0.5)
        await terminal.connect()
        frozen(lab.server_pid())
        for _ in range(3):
            with pytest.raises(TerminalUnreachable):
                await terminal.type(read.pane, read.agent, 1, 1, "text")
        os.kill(read_server(patient), signal.SIGCONT)
        (pane,) = await patient.panes()
        await asyncio.sleep(0.2)  # what was sent while it was frozen comes late, or never
        (pane,) = await patient.panes()
        assert await patient.type(read.pane, read.agent, 1, 1, "text") == (pane.typed == 0)
        await read.expect("text")
        await terminal.disconnect()

    def read_server(terminal: TmuxTerminal) -> int:
        server = terminal.server()
        assert server is not None
        return server.pid

    lab.run(story)


def test_a_wrong_place_is_refused_by_the_server_itself(lab: Lab, reader: Reader) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        read = await reader(terminal)
        other_home = lab.terminal()
        lab.tmux("set-option", "-p", "-t", read.pane, "@agentctl_home", "somebody")
        assert not await terminal.type(read.pane, AgentId(read.agent), 1, 1, "text")
        assert await other_home.panes() == []
        await other_home.disconnect()
        assert read.got() == b""

    lab.run(story)
