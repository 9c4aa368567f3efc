"""The server: shared with a person, many windows at once, frozen, killed, and somebody else's."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentctl.domain.errors import TerminalError, TerminalUnreachable
from agentctl.domain.names import AgentId
from agentctl.drivers import launch
from agentctl.drivers.tmux.terminal import TmuxTerminal

Lab = Any


def test_a_hundred_windows_open_in_one_go(lab: Lab) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        wanted = [lab.opening(f"t{n // 10}/a{n % 10}", index=n % 10) for n in range(100)]
        opened = await terminal.open(wanted)
        assert [(o.agent, o.error) for o in opened] == [(w.agent, "") for w in wanted]
        panes = {pane.agent: pane for pane in await terminal.panes()}
        assert [(panes[w.agent].session, panes[w.agent].index, panes[w.agent].marked) for w in wanted] == [
            (w.session, w.index, True) for w in wanted
        ]
        assert len({pane.id for pane in panes.values()}) == 100
        again = await asyncio.gather(terminal.open(wanted[:50]), terminal.open(wanted[50:]))
        assert [*again[0], *again[1]] == opened

    lab.run(story)


@pytest.mark.parametrize("own", [True, False])
def test_a_person_on_the_same_server_is_left_alone(lab: Lab, own: bool) -> None:
    lab.tmux("-f", "/dev/null", "new-session", "-d", "-s", "Task-web-mine", "-x", "100", "-y", "30", "sleep 1000")
    lab.tmux("set-option", "-g", "base-index", "1")
    lab.tmux("set-option", "-g", "mouse", "off")
    before = lab.tmux(
        "list-panes", "-s", "-t", "=Task-web-mine", "-F", "#{pane_id} #{window_name} #{window_width} #{pane_pid}"
    )
    options = lab.tmux("show-options", "-g")

    async def story(terminal: TmuxTerminal) -> None:
        opened = await terminal.open([lab.opening("web/pm"), lab.opening("web/dev", index=1)])
        assert [o.error for o in opened] == ["", ""]
        assert [pane.index for pane in await terminal.panes()] == [0, 1]
        await terminal.close([o.pane for o in opened if o.pane])
        mine = lab.tmux("list-panes", "-a", "-F", "#{session_name} #{pane_id}")
        await terminal.close([line.split()[1] for line in mine.splitlines()])
        assert await terminal.panes() == []

    lab.run(story, own=own)
    after = lab.tmux(
        "list-panes", "-s", "-t", "=Task-web-mine", "-F", "#{pane_id} #{window_name} #{window_width} #{pane_pid}"
    )
    assert after == before
    assert (lab.tmux("show-options", "-g") == options) is not own


@pytest.mark.parametrize("engine", ["control", "batch"])
def test_closing_whole_sessions_at_once_leaves_the_server_alive(lab: Lab, engine: str) -> None:
    """tmux up to 3.6 crashes when a session's current window and the session go in one batch of a control client."""

    async def story(terminal: TmuxTerminal) -> None:
        keeper = lab.terminal("control")
        await keeper.connect()
        wanted = [lab.opening(f"t{n // 5}/a{n % 5}", index=n % 5) for n in range(20)]
        opened = await terminal.open(wanted)
        mine = lab.tmux("split-window", "-d", "-t", opened[0].pane, "-P", "-F", "#{pane_id}", "cat")
        lab.tmux("new-window", "-d", "-t", "=Task-t1:9", "cat")
        lab.tmux("link-window", "-d", "-s", opened[-1].pane, "-t", "=Task-t0:9")
        before = terminal.server()
        await terminal.close([o.pane for o in opened if o.pane])
        assert await terminal.panes() == []
        assert terminal.server() == before
        left = lab.tmux("list-panes", "-a", "-F", "#{session_name} #{pane_id}").splitlines()
        assert f"Task-t0 {mine}" in left
        assert [name.split()[0] for name in left if name.startswith("Task")] == ["Task-t0", "Task-t1"]
        await keeper.disconnect()

    lab.run(story, engine=engine)


def test_our_own_server_is_set_up(lab: Lab) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        pane = await lab.one(terminal, "web/dev")
        for scope, name, value in [
            ("-sv", "set-clipboard", "off"), ("-gv", "mouse", "on"), ("-gwv", "allow-rename", "off"),
            ("-gwv", "remain-on-exit", "on"), ("-gwv", "allow-passthrough", "off"), ("-gv", "set-titles", "off"),
            ("-gv", "default-size", "220x50"), ("-gwv", "window-size", "latest"),
        ]:  # fmt: skip
            assert lab.tmux("show-options", scope, name) == value
        assert lab.tmux("display-message", "-p", "-t", pane, "#{window_width}x#{window_height}") == "220x50"

    lab.run(story)


def test_a_fast_death_is_seen_with_its_code(lab: Lab) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        await terminal.open([lab.opening(f"web/a{n}", "sh", "-c", f"exit {n}", index=n) for n in range(20)])

        async def dead() -> bool:
            terminal.poke()
            panes = await terminal.panes()
            return len(panes) == 20 and all(pane.dead and pane.exit_code is not None for pane in panes)

        await lab.eventually(dead)
        assert {pane.agent: pane.exit_code for pane in await terminal.panes()} == {f"web/a{n}": n for n in range(20)}
        (opened,) = await terminal.open([lab.opening("web/a3", generation=2, index=3)])
        assert opened.pane == next(pane.id for pane in await terminal.panes() if pane.agent == "web/a3")

    lab.run(story)


def test_a_death_that_tmux_missed_is_known_from_the_shim(lab: Lab) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        pane = await lab.one(terminal, "web/dev", "sh", "-c", "exit 9")
        await lab.eventually(lambda: launch.exit_code(lab.run_dir, AgentId("web/dev"), 1) == 9)
        await lab.eventually(lambda: lab.tmux("display-message", "-p", "-t", pane, "#{pane_dead}") == "1")
        (shown,) = await terminal.panes()
        assert shown.exit_code == 9

    lab.run(story)


def test_a_pane_that_a_person_joined_or_broke_off_is_put_back(lab: Lab) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        openings = [lab.opening("web/pm"), lab.opening("web/dev", index=1), lab.opening("web/qa", index=2)]
        pm, dev, qa = [o.pane for o in await terminal.open(openings)]
        lab.tmux("split-window", "-d", "-t", pm, "cat")
        lab.tmux("join-pane", "-d", "-s", dev, "-t", pm)
        lab.tmux("break-pane", "-d", "-s", pm)
        lab.tmux("swap-pane", "-d", "-s", qa, "-t", dev)
        assert {pane.id for pane in await terminal.panes()} == {pm, dev, qa}
        assert all(pane.marked for pane in await terminal.panes())
        for _ in range(2):
            for opening, pane in zip(openings, (pm, dev, qa), strict=True):
                await terminal.arrange(pane, opening)
        shown = {pane.id: (pane.session, pane.window) for pane in await terminal.panes()}
        assert shown == {pane: (o.session, o.window) for o, pane in zip(openings, (pm, dev, qa), strict=True)}
        windows = {pane.window_id for pane in await terminal.panes()}
        assert len(windows) == 3, "each agent has a window of its own again"

    lab.run(story)


def test_a_renamed_session_gets_its_name_back(lab: Lab) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        openings = [lab.opening("web/pm"), lab.opening("web/dev", index=1)]
        opened = await terminal.open(openings)
        lab.tmux("rename-session", "-t", "=Task-web", "mine | it's #[x] %end")
        assert {pane.session for pane in await terminal.panes()} == {"mine | it's #[x] %end"}
        again = await terminal.open(openings)
        assert again == opened, "known, not opened a second time"
        for opening, one in zip(openings, opened, strict=True):
            await terminal.arrange(one.pane, opening)
        assert {(pane.session, pane.index) for pane in await terminal.panes()} == {("Task-web", 0), ("Task-web", 1)}
        assert "mine" not in lab.tmux("list-sessions", "-F", "#{session_name}")

    lab.run(story)


def test_the_hub_may_be_killed(lab: Lab) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        pane = await lab.one(terminal, "web/dev")
        changes = terminal.changes()
        lab.tmux("kill-session", "-t", f"=_agentctl-{lab.home}")
        async with asyncio.timeout(20):
            while await anext(changes) != "lost":
                pass
        assert [shown.id for shown in await terminal.panes()] == [pane]

    lab.run(story)


def test_a_deleted_socket_is_made_again(lab: Lab) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        pane = await lab.one(terminal, "web/dev")
        server = terminal.server()
        path = lab.tmux("display-message", "-p", "#{socket_path}")
        os.unlink(path)  # noqa: PTH108
        for client in lab_clients(server.pid):
            os.kill(client, signal.SIGKILL)
        changes = terminal.changes()
        async with asyncio.timeout(20):
            while await anext(changes) != "lost":
                pass
        await terminal.connect()
        assert terminal.server() == server
        assert [shown.id for shown in await terminal.panes()] == [pane]

    def lab_clients(server: int) -> list[int]:
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
                if lab.socket.encode() in words and b"-C" in words and int(entry.name) != server:
                    found.append(int(entry.name))
        return found

    lab.run(story)


def test_a_server_may_be_killed_and_started_at_once(lab: Lab) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        for generation in range(1, 8):
            await lab.one(terminal, "web/dev", generation=generation)
            changes = terminal.changes()
            lab.tmux("kill-server")
            async with asyncio.timeout(20):
                while await anext(changes) != "gone":
                    pass
            await terminal.connect()

    lab.run(story)


def test_nothing_is_heaped_up_on_a_frozen_server(lab: Lab, frozen: Callable[[int], None]) -> None:
    async def story(patient: TmuxTerminal) -> None:
        terminal = lab.terminal(deadline=0.2)
        await terminal.connect()
        pid = lab.server_pid()
        frozen(pid)
        for _ in range(5):
            with pytest.raises(TerminalUnreachable):
                await terminal.open([lab.opening("web/dev")])
        with pytest.raises(TerminalUnreachable):
            await terminal.panes()
        loop = asyncio.get_running_loop()
        started = loop.time()
        await terminal.disconnect()
        assert loop.time() - started < 2, "leaving does not wait for it"
        with pytest.raises(TerminalUnreachable):
            await lab.terminal(deadline=0.2).connect()
        os.kill(pid, signal.SIGCONT)
        await lab.one(patient, "web/dev")
        assert len(await patient.panes()) == 1

    lab.run(story)


def test_the_screen_cannot_speak_for_the_server(lab: Lab) -> None:
    """An agent that prints what looks like the end of a reply confuses nothing."""

    async def story(terminal: TmuxTerminal) -> None:
        script = "for i in 1 2 3 4 5 6; do echo '%end 1795000000 300 1'; echo '%error 1 2 1'; done; echo done; cat"
        pane = await lab.one(terminal, "web/dev", "sh", "-c", script)

        async def shown() -> bool:
            return "done" in await terminal.screen(pane)

        await lab.eventually(shown)
        assert (await terminal.screen(pane)).startswith("%end 1795000000 300 1\n%error 1 2 1\n")
        assert len(await terminal.panes()) == 1

    lab.run(story)


def test_no_tmux_is_said(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(TerminalUnreachable, match="not installed"):
        asyncio.run(lab.terminal().connect())


@pytest.mark.parametrize("socket", ["", "-x", "a/b", "../x", "a b", "#(x)", "x" * 100])
def test_a_socket_is_a_plain_name(lab: Lab, socket: str) -> None:
    lab.socket = socket
    with pytest.raises(ValueError, match="socket"):
        lab.terminal()
    lab.socket = "unused"


def test_a_pane_that_is_not_the_agents_is_not_arranged(lab: Lab) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        pane = await lab.one(terminal, "web/dev")
        with pytest.raises(TerminalError):
            await terminal.arrange(pane, lab.opening("web/pm"))
        with pytest.raises(TerminalError):
            await terminal.arrange("%4711", lab.opening("web/dev"))

    lab.run(story)
