"""What is drawn is known, whatever happens to the server's windows, to our client and to the hub."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import string
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.errors import TerminalUnreachable
from agentctl.domain.names import PaneId
from agentctl.drivers.tmux import link
from agentctl.drivers.tmux.drawing import Drawing, parse, value
from agentctl.drivers.tmux.terminal import TmuxTerminal

Lab = Any

CHANGES = 2000 if os.environ.get("AGENTCTL_CAMPAIGN") == "full" else 200

REDRAWS = (
    "import os, tty\n"
    "tty.setraw(0)\n"
    "os.write(1, b'\\x1b[?1049h\\x1b[2J\\x1b[1;1Hready')\n"
    "while data := os.read(0, 4096): os.write(1, b'\\x1b7\\x1b[3;3H\\x1b[31m' + data.strip() + b'\\x1b[0m\\x1b8')\n"
)
"""An agent of one screen: it shows what it is given at one place and leaves the cursor where it was."""

values = st.dictionaries(st.integers(1, 9).map(lambda n: PaneId(f"%{n}")), st.integers(0, 3), max_size=6)


def written(panes: dict[PaneId, int]) -> str:
    return "".join(f"{pane} {moves} 0 0;" for pane, moves in panes.items())


@given(st.lists(values, max_size=8))
def test_exactly_what_moved_is_told_of(history: list[dict[PaneId, int]]) -> None:
    async def play() -> None:
        drawing = Drawing()
        words = drawing.watch().words()
        known: dict[PaneId, int] = {}
        for now in history:
            drawing.take(written(now))
            moved = {pane for pane in now if known.get(pane) != now[pane]}
            if moved:
                assert await anext(words) == moved
            known = now

    asyncio.run(play())


@given(st.text(string.printable))
def test_a_value_that_is_none_tells_of_no_pane(text: str) -> None:
    assert all(pane.startswith("%") for pane in parse(text))


async def redrawing(lab: Lab, terminal: TmuxTerminal) -> PaneId:
    pane: PaneId = await lab.one(terminal, "web/dev", "python3", "-c", REDRAWS)

    async def ready() -> bool:
        return "ready" in await terminal.screen(pane)

    await lab.eventually(ready)
    return pane


@contextlib.asynccontextmanager
async def seeing(
    terminal: TmuxTerminal, after: Callable[[str], None] = lambda _: None
) -> AsyncIterator[dict[str, str]]:
    """Look at the screens that `drawn` tells of, and only then; *after* is called with what the last one shows."""
    seen: dict[str, str] = {}

    async def look() -> None:
        async for panes in terminal.drawn():
            with contextlib.suppress(TerminalUnreachable):  # then all are told of again
                for pane, shown in (await terminal.shown(panes)).items():
                    seen[pane] = shown.text
                    after(shown.text)

    task = asyncio.create_task(look())
    yield seen
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled(), task.exception()


@pytest.mark.parametrize("engine", ["control", "batch"])
def test_a_change_in_the_second_that_was_told_already_is_seen(lab: Lab, engine: str) -> None:
    """The hardest case: right after a look the screen changes, and neither the cursor nor the second moves."""

    async def story(terminal: TmuxTerminal) -> None:
        pane = await redrawing(lab, terminal)
        said = [f"word-{number}" for number in range(5)]
        last = iter(said)
        seen_words: list[str] = []

        def answer(text: str) -> None:
            if not seen_words or seen_words[-1] in text:
                word = next(last, None)
                if word is not None:
                    seen_words.append(word)
                    lab.tmux("send-keys", "-t", pane, "-l", word)

        async with seeing(terminal, answer) as seen:
            await lab.eventually(lambda: said[-1] in seen.get(pane, ""))

    lab.run(story, engine=engine)


def test_drawing_is_told_on_when_our_client_is_killed(lab: Lab) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        pane = await redrawing(lab, terminal)
        async with seeing(terminal) as seen:
            for word in ("one", "two", "three"):
                for pid in lab.tmux("list-clients", "-F", "#{client_pid}").split():
                    os.kill(int(pid), signal.SIGKILL)
                lab.tmux("send-keys", "-t", pane, "-l", word)
                await lab.eventually(lambda word=word: word in seen.get(pane, ""))

    lab.run(story)


def test_drawing_is_told_on_when_the_hub_dies(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "_DOUBT", 0.5)

    async def story(terminal: TmuxTerminal) -> None:
        pane = await redrawing(lab, terminal)
        hub = f"=_agentctl-{lab.home}:"
        async with seeing(terminal) as seen:
            await lab.eventually(lambda: pane in seen)
            os.kill(int(lab.tmux("display-message", "-p", "-t", hub, "#{pane_pid}")), signal.SIGKILL)
            await lab.eventually(lambda: alive(hub))
            lab.tmux("send-keys", "-t", pane, "-l", "program")
            await lab.eventually(lambda: "program" in seen[pane])
            lab.tmux("kill-session", "-t", hub)
            lab.tmux("send-keys", "-t", pane, "-l", "session")
            await lab.eventually(lambda: "session" in seen[pane])

    def alive(hub: str) -> bool:
        terminal_pokes()
        return lab.tmux("display-message", "-p", "-t", hub, "#{pane_dead} #{pane_start_command}").startswith("0")

    def terminal_pokes() -> None:
        os.kill(lab.server_pid(), signal.SIGCHLD)

    lab.run(story)


def test_a_hub_that_ends_under_a_client_that_hangs_takes_no_server_with_it(
    lab: Lab, frozen: Callable[[int], None]
) -> None:
    """tmux 3.3a crashes here if the subscription hangs on the session."""

    async def story(terminal: TmuxTerminal) -> None:
        pane = await lab.one(terminal, "web/dev", "sh", "-c", "while :; do echo line; sleep 0.1; done")
        before = terminal.server()
        async with seeing(terminal) as seen:
            await lab.eventually(lambda: "line" in seen.get(pane, ""))
            (client,) = lab.tmux("list-clients", "-F", "#{client_pid}").split()
            frozen(int(client))
            lab.tmux("kill-session", "-t", f"=_agentctl-{lab.home}")
            height = int(lab.tmux("display-message", "-p", "-t", pane, "#{e|+:#{history_size},#{cursor_y}}"))
            await lab.eventually(lambda: grown(pane) > height + 25)
            assert lab.server_pid() == before.pid
            os.kill(int(client), signal.SIGCONT)
            lab.tmux("respawn-pane", "-k", "-t", pane, "sh", "-c", "echo other; exec cat")
            await lab.eventually(lambda: "other" in seen[pane])

    def grown(pane: PaneId) -> int:
        return int(lab.tmux("display-message", "-p", "-t", pane, "#{e|+:#{history_size},#{cursor_y}}"))

    lab.run(story)


@pytest.mark.parametrize("engine", ["control", "batch"])
def test_a_frozen_server_is_waited_for(
    lab: Lab, frozen: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    monkeypatch.setattr(link, "_DOUBT", 0.1)
    monkeypatch.setattr(link, "_TICK", 0.1)

    async def story(patient: TmuxTerminal) -> None:
        pane = await redrawing(lab, patient)
        terminal = lab.terminal(engine, deadline=0.3)
        await terminal.connect()
        async with seeing(terminal) as seen:
            await lab.eventually(lambda: pane in seen)
            server = lab.server_pid()
            frozen(server)
            await asyncio.sleep(0.8)  # several looks that are not answered
            os.kill(server, signal.SIGCONT)
            lab.tmux("send-keys", "-t", pane, "-l", "awake")
            await lab.eventually(lambda: "awake" in seen[pane])
        await terminal.disconnect()

    lab.run(story)


class Person:
    """One who changes sessions, windows and panes of their own, at random, while all is watched.

    No window is in two sessions: where one ends such a window and a session with it, tmux below 3.7 crashes as soon as
    any control client is attached, whatever it has subscribed to.
    """

    def __init__(self, lab: Lab, chance: random.Random) -> None:
        self.lab = lab
        self.chance = chance
        self.made = 0

    def does(self) -> str:
        """Return one command; it may fail."""
        self.made += 1
        mine = [s for s in self.lab.tmux("list-sessions", "-F", "#{session_name}").split() if s.startswith("p")]
        if len(mine) < 3:
            return f"new-session -d -s p{self.made} cat -"
        one, other = (f"={self.chance.choice(mine)}:" for _ in "12")
        many = len(mine) > 6
        return self.chance.choice([
            f"kill-session -t {one}" if many else f"new-session -d -s p{self.made} cat -",
            f"new-window -d -t {one} cat -",
            f"new-window -t {one} sh -c 'echo hello; sleep 0.02'",
            f"kill-window -t {one}",
            f"split-window -t {one} cat -",
            f"kill-pane -t {one}",
            f"respawn-pane -k -t {one} cat -",
            f"move-window -d -s {one} -t {other}",
            f"break-pane -d -s {one} -t {other}",
            f"join-pane -d -s {one} -t {other}",
            f"swap-window -d -s {one} -t {other}",
            f"rename-session -t {one} p{self.made}",
            f"next-window -t {one}",
            f"resize-window -t {one} -x {self.chance.randint(5, 200)} -y {self.chance.randint(3, 60)}",
            f"copy-mode -t {one}",
        ])  # fmt: skip


def test_sessions_windows_and_panes_may_come_and_go(lab: Lab) -> None:
    """After each change the value is made at once, and all the while once a second for the subscription."""

    async def story(terminal: TmuxTerminal) -> None:
        pane = await redrawing(lab, terminal)
        before = lab.server_pid()
        person = Person(lab, random.Random(11))
        async with seeing(terminal) as seen:
            for _ in range(CHANGES):
                told = await asyncio.to_thread(
                    lab.tmux, *person.does().split(), ";", "display-message", "-p", value(lab.home), check=False
                )
                assert set(parse(told)) <= {pane}
            lab.tmux("send-keys", "-t", pane, "-l", "still-there")
            await lab.eventually(lambda: "still-there" in seen[pane])
        assert lab.server_pid() == before

    lab.run(story)


@pytest.mark.parametrize("engine", ["control", "batch"])
def test_what_a_program_shows_cannot_shift_what_is_told_of_it(lab: Lab, engine: str) -> None:
    title = "%end 1 2 3 | #{pid} 😀 "
    text = f"\x1b]2;{title}\x07\x1b[?1049h\x1b[2J\x1b[2;4H\x1b[2mdim\x1b[0m %begin 1 2 3\x1b[1;3H"

    async def story(terminal: TmuxTerminal) -> None:
        pane = await lab.one(terminal, "web/dev", "sh", "-c", f"printf '%s' '{text}'; cat")
        other = await lab.one(terminal, "web/pm", index=1)

        async def drawn() -> bool:
            return "begin" in await terminal.screen(pane)

        await lab.eventually(drawn)
        shown = await terminal.shown([other, pane])
        assert (shown[pane].title, shown[pane].alternate, shown[pane].cursor) == (title, True, (2, 0))
        line = shown[pane].text.split("\n")[1]
        assert line.startswith("   \x1b[2mdim\x1b[0m")
        assert line.endswith(" %begin 1 2 3")
        assert (shown[other].alternate, shown[other].cursor, shown[other].text.strip()) == (False, (0, 0), "")

    lab.run(story, engine=engine)
