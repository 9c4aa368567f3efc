"""Where nothing is typed, what a person may do meanwhile, and agents that die under it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentctl.domain.ports import Opened, Pane
from agentctl.drivers.tmux.terminal import TmuxTerminal

Lab = Any
Reader = Callable[..., Any]
Screens = Callable[..., Any]

ROUNDS = 250 if os.environ.get("AGENTCTL_CAMPAIGN") == "full" else 20
ENVIRON = {**os.environ, "TERM": "xterm-256color", "TMUX": ""}
FRAMED = "\x1b[?2004h"

RAW = {
    "t/eager": "stty raw -echo; head -c 1",
    "t/agent": "stty raw -echo; cat > /dev/null",
    "t/shell": "stty raw -echo; cat > /dev/null",
}


def attached(lab: Lab, screens: Screens, target: str, size: tuple[int, int] = (120, 40)) -> Any:
    """Attach a person's terminal; nobody reads what it shows."""
    before = len(lab.tmux("list-clients").splitlines())
    person = screens(["tmux", "-u", "-L", lab.socket, "attach-session", "-t", target], ENVIRON, size)
    end = time.monotonic() + 20
    while len(lab.tmux("list-clients").splitlines()) == before:
        assert time.monotonic() < end
        time.sleep(0.02)
    return person


async def only(terminal: TmuxTerminal) -> Pane:
    (pane,) = await terminal.panes()
    return pane


async def next_key(lab: Lab, terminal: TmuxTerminal, person: Any) -> Pane:
    """Have the person press keys until tmux, which counts in seconds, knows of a later one."""
    before = (await only(terminal)).keyed

    async def later() -> bool:
        person.press(b"k")
        return (await only(terminal)).keyed > before

    await lab.eventually(later)
    return await only(terminal)


@pytest.mark.parametrize(
    "mode", ["copy-mode", "clock-mode", "choose-tree", "choose-buffer", "choose-client", "customize-mode"]
)
def test_nothing_is_typed_into_a_pane_where_a_person_looks_something_up(
    lab: Lab, reader: Reader, screens: Screens, mode: str
) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        read = await reader(terminal, modes=FRAMED)
        attached(lab, screens, "=Task-web")
        lab.tmux("set-buffer", "-b", "a-persons", "text")
        lab.tmux(mode, "-t", read.pane)
        assert (await only(terminal)).mode
        assert not await terminal.type(read.pane, read.agent, 1, 1, "text")
        assert not await terminal.keys(read.pane, read.agent, 1, ["Enter"])
        lab.tmux("send-keys", "-t", read.pane, *(["-X", "cancel"] if mode == "copy-mode" else ["q"]))
        assert not (await only(terminal)).mode
        assert await terminal.type(read.pane, read.agent, 1, 1, "text")
        await read.expect("\x1b[200~text\x1b[201~")

    lab.run(story)


@pytest.mark.parametrize("scope", ["-w", "-p"])
def test_keys_stay_out_of_panes_that_a_person_tied_together(lab: Lab, reader: Reader, scope: str) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        read = await reader(terminal)
        other = lab.tmux("split-window", "-d", "-t", read.pane, "-P", "-F", "#{pane_id}", "cat")
        for pane in (read.pane, other):
            lab.tmux("set-option", scope, "-t", pane, "synchronize-panes", "on")
        assert await terminal.type(read.pane, read.agent, 1, 1, "ours")
        assert await terminal.keys(read.pane, read.agent, 1, ["y", "Enter"])
        await read.expect("ours\ry")
        lab.tmux("send-keys", "-t", other, "-l", "mark")
        await lab.eventually(lambda: "mark" in lab.tmux("capture-pane", "-p", "-t", other))
        assert lab.tmux("capture-pane", "-p", "-t", other).strip() == "mark", "no key of ours, and no line of it"

    lab.run(story)


def test_texts_arrive_whole_under_a_client_of_20x5(lab: Lab, reader: Reader, screens: Screens) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        read = await reader(terminal, modes=FRAMED)
        attached(lab, screens, "=Task-web", (20, 5))
        await lab.eventually(lambda: lab.tmux("display-message", "-p", "-t", read.pane, "#{window_width}") == "20")
        for number, text in enumerate(["one line", "many\nlines " * 300, "長い行" * 2000], 1):
            assert await terminal.type(read.pane, read.agent, 1, number, text)
            await read.expect(f"\x1b[200~{text}\x1b[201~")

    lab.run(story)


def test_a_pane_is_found_wherever_a_person_put_it(lab: Lab, reader: Reader) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        read = await reader(terminal)
        number = itertools.count(1)
        lab.tmux("new-session", "-d", "-s", "mine", "cat")
        for words in (
            ["rename-window", "-t", read.pane, "web-pm; kill-server"],
            ["rename-session", "-t", "=Task-web", "other"],
            ["move-window", "-s", read.pane, "-t", "=mine:7"],
            ["join-pane", "-d", "-s", read.pane, "-t", "=mine:0"],
            ["swap-pane", "-s", read.pane, "-t", "=mine:0.0"],
            ["break-pane", "-d", "-s", read.pane],
            ["resize-pane", "-Z", "-t", read.pane],
        ):
            lab.tmux(*words)
            text = f"after {words[0]}"
            assert await terminal.type(read.pane, read.agent, 1, next(number), text)
            await read.expect(text)

    lab.run(story)


def test_who_watches_a_linked_window_counts_in_every_session(lab: Lab, reader: Reader, screens: Screens) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        read = await reader(terminal)
        lab.tmux("new-session", "-d", "-s", "mine", "cat")
        lab.tmux("link-window", "-s", read.pane, "-t", "=mine:5")
        attached(lab, screens, "=Task-web")
        there = await only(terminal)
        assert (there.session, there.watched) == ("Task-web", True)
        person = attached(lab, screens, "=mine:5")
        pressed = await next_key(lab, terminal, person)
        assert not await terminal.type(read.pane, read.agent, 1, 1, "text", keyed=there.keyed)
        assert await terminal.type(read.pane, read.agent, 1, 1, "text", keyed=pressed.keyed)
        assert read.got().endswith(b"k") or b"ktext" in read.got()

    lab.run(story)


def test_keys_in_another_window_or_pane_disturb_nobody(lab: Lab, reader: Reader, screens: Screens) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        read = await reader(terminal)
        person = attached(lab, screens, "=Task-web")
        before = await only(terminal)
        assert before.watched
        lab.tmux("split-window", "-t", read.pane, "cat")
        elsewhere = await next_key(lab, terminal, person)
        assert not elsewhere.watched
        assert await terminal.type(read.pane, read.agent, 1, 1, "one", keyed=before.keyed)
        lab.tmux("new-window", "-t", "=Task-web:", "cat")
        assert await terminal.type(read.pane, read.agent, 1, 2, "two", keyed=before.keyed)
        await read.expect("one\rtwo")

    lab.run(story)


def test_neither_output_nor_what_we_type_is_taken_for_a_person(lab: Lab, reader: Reader, screens: Screens) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        read = await reader(terminal)
        attached(lab, screens, "=Task-web")
        before = await only(terminal)
        await lab.eventually(lambda: time.time() > before.keyed + 1)
        assert await terminal.type(read.pane, read.agent, 1, 1, "text", keyed=before.keyed)
        assert await terminal.keys(read.pane, read.agent, 1, ["Up"], keyed=before.keyed)
        other = await lab.one(terminal, "web/loud", "sh", "-c", "while :; do echo loud; sleep 0.05; done", index=1)
        await lab.eventually(lambda: time.time() > before.keyed + 3)
        now = {pane.id: pane for pane in await terminal.panes()}
        assert (now[read.pane].keyed, now[other].keyed) == (before.keyed, before.keyed)

    lab.run(story)


def test_enter_is_not_pressed_behind_what_a_person_began(lab: Lab, reader: Reader, screens: Screens) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        read = await reader(terminal)
        person = attached(lab, screens, "=Task-web")
        before = await only(terminal)
        typing = asyncio.create_task(
            terminal.type(read.pane, read.agent, 1, 1, "text", enter_delay=2.5, keyed=before.keyed)
        )
        await lab.eventually(lambda: read.got() == b"text")
        await next_key(lab, terminal, person)
        assert await typing, "the text stands there, and is not typed again"
        assert set(read.got().removeprefix(b"text")) == {ord("k")}
        assert (await only(terminal)).typed == 1

    lab.run(story)


async def kill(lab: Lab, chance: random.Random, opened: Opened) -> None:
    """Kill the pane's process, or what it runs: at random moments once it runs it."""
    await lab.eventually(lambda: len(descendants(opened.pid)) > 1)
    while True:
        await asyncio.sleep(chance.uniform(0, 0.012))
        for victim in [opened.pid] if opened.agent == "t/shell" else descendants(opened.pid)[-1:]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)


async def type_on(terminal: TmuxTerminal, chance: random.Random, opened: Opened) -> int:
    """Type until it is refused; return how often it was not."""
    text = chance.choice(["x", "long " * 1500])
    assert opened.pane is not None
    for number in itertools.count(1):
        if not await terminal.type(opened.pane, opened.agent, opened.generation, number, text):
            return number - 1
    raise AssertionError


async def poke(terminal: TmuxTerminal) -> None:
    while True:
        await asyncio.sleep(0.05)
        terminal.poke()


@pytest.mark.parametrize("engine", ["control", "batch"])
def test_agents_that_die_while_they_are_typed_into_take_nothing_with_them(
    lab: Lab, reader: Reader, engine: str
) -> None:
    """By themselves at the first byte, and killed from outside: the agent, or the shell that is the pane's process."""
    chance = random.Random(5)

    async def story(terminal: TmuxTerminal) -> None:
        bystander = await reader(terminal, "t/bystander")
        before, typed = lab.server_pid(), 0
        for generation in range(1, ROUNDS + 1):
            openings = [
                lab.opening(name, "sh", "-c", RAW[name], generation=generation, index=index)
                for index, name in enumerate(RAW, 1)
            ]
            opened = await terminal.open(openings)
            assert [one.error for one in opened] == [""] * len(RAW)
            world = [asyncio.create_task(poke(terminal))]
            world += [asyncio.create_task(kill(lab, chance, one)) for one in opened[1:]]
            results = await asyncio.gather(*(type_on(terminal, chance, one) for one in opened))
            for task in world:
                task.cancel()
            typed += sum(results)
        assert lab.server_pid() == before
        assert typed > ROUNDS, "some were typed into before they died"
        assert await terminal.type(bystander.pane, bystander.agent, 1, 1, "quiet")
        await bystander.expect("quiet")

    lab.run(story, engine=engine)


def descendants(pid: int) -> list[int]:
    """Return the processes below *pid*, parents first."""
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return [*children, *(below for child in children for below in descendants(child))]
