"""What every terminal does, the fake and tmux by both of its ways alike."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import secrets
import signal
import struct
import subprocess
import termios
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import libtmux
import pytest

from agentctl.domain.agent import Identity
from agentctl.domain.errors import TerminalError, TerminalUnreachable
from agentctl.domain.names import AgentId, PaneId, session_name, window_name
from agentctl.domain.ports import Opening, Pane, Viewer
from agentctl.drivers import launch
from agentctl.drivers.memory import MemoryTerminal
from agentctl.drivers.tmux import people
from agentctl.drivers.tmux.terminal import TmuxTerminal


def identify(pid: int) -> Identity | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *rest = stat.rpartition(")")[2].split()
    return None if state in "ZX" else Identity("boot", pid, int(rest[18]))


class MemoryWorld:
    """The world of the fake."""

    still = 0.05
    """Seconds without a word after which none is on its way."""

    def __init__(self) -> None:
        self.terminal = MemoryTerminal()
        self.second = 1_800_000_000

    def opening(self, agent: str, generation: int = 1, index: int = 0) -> Opening:
        team, _, name = agent.partition("/")
        return Opening(
            AgentId(agent), generation, session_name(team), window_name(team, name), index, ("cat", "-"), "/"
        )

    async def die(self, pane: PaneId, code: int) -> None:
        self.terminal.die(pane, code)

    async def person_closes(self, pane: PaneId) -> None:
        self.terminal.person_closes(pane)

    async def person_renames(self, pane: PaneId, name: str) -> None:
        self.terminal.person_renames(pane, name)

    async def person_moves(self, pane: PaneId, session: str, index: int) -> None:
        self.terminal.person_moves(pane, session, index)

    async def person_scrolls(self, pane: PaneId) -> None:
        self.terminal.person_scrolls(pane)

    async def person_watches(self, pane: PaneId) -> None:
        self.second += 1
        self.terminal.person_watches(pane, at=self.second)
        self.terminal.attached = [Viewer("/dev/tty", "xterm", "")]

    async def rang(self, pane: PaneId) -> None:
        assert self.terminal.rung == [pane]

    async def shown_waiting(self) -> tuple[str, str, str]:
        agents = [agent for agent, _ in self.terminal.waiting]
        return str(len(agents)), people.status(agents), next((pane for _, pane in self.terminal.waiting), "")

    async def person_presses(self, pane: PaneId) -> None:
        self.second += 1
        self.terminal.person_presses(pane, "x", at=self.second)

    async def person_leaves(self, pane: PaneId) -> None:
        self.terminal.person_watches(pane, at=self.second, watching=False)
        self.terminal.attached = []

    async def outputs(self, pane: PaneId, text: str) -> None:
        self.terminal.prints(pane, f"got {text}")

    async def person_opens(self, session: str, index: int) -> None:
        self.terminal.person_opens(session, index)

    async def marks_are_lost(self, pane: PaneId) -> None:
        self.terminal.marks_are_lost(pane)

    async def server_dies(self) -> None:
        self.terminal.server_dies()

    async def freezes(self) -> None:
        self.terminal.freeze()

    async def thaws(self) -> None:
        self.terminal.freeze(frozen=False)

    def end(self) -> None:
        pass


class TmuxWorld:
    """The world of a real tmux on a socket of its own; the person in it works through libtmux."""

    still = 1.6

    def __init__(self, engine: str, run_dir: Path, deadline: float) -> None:
        self.socket = f"agentctl-test-{secrets.token_hex(6)}"
        self.run_dir = run_dir
        self.terminal = TmuxTerminal(
            self.socket, run_dir=run_dir, home="c0ffee", identify=identify, deadline=deadline, engine=engine
        )
        self.person = libtmux.Server(socket_name=self.socket)
        self.frozen = 0
        self.client: subprocess.Popen[bytes] | None = None
        self.keyboard = -1

    def opening(self, agent: str, generation: int = 1, index: int = 0) -> Opening:
        team, _, name = agent.partition("/")
        env = {"PATH": os.environ["PATH"]}
        script = "trap 'exit 7' USR1; while read -r line; do echo \"got $line\"; done"
        argv = launch.prepare(
            self.run_dir, AgentId(agent), generation, argv=["bash", "-c", script], env=env, cwd=str(self.run_dir)
        )
        return Opening(
            AgentId(agent), generation, session_name(team), window_name(team, name), index, argv, str(self.run_dir)
        )

    def _pane(self, pane: PaneId) -> libtmux.Pane:
        return next(found for found in self.person.panes if found.pane_id == pane)

    async def die(self, pane: PaneId, code: int) -> None:
        assert code == 7
        shell = int(self._pane(pane).pane_pid or 0)

        async def started() -> bool:
            return agent_below(shell) is not None

        await eventually(started)
        os.kill(agent_below(shell) or 0, signal.SIGUSR1)
        await eventually(lambda: self._dead(pane))

    async def _dead(self, pane: PaneId) -> bool:
        self.terminal.poke()
        return any(shown.dead for shown in await self.terminal.panes() if shown.id == pane)

    async def person_closes(self, pane: PaneId) -> None:
        self._pane(pane).window.kill()

    async def person_renames(self, pane: PaneId, name: str) -> None:
        self._pane(pane).window.rename_window(name)

    async def person_moves(self, pane: PaneId, session: str, index: int) -> None:
        if not self.person.has_session(session):
            self.person.new_session(session, window_command="sleep 1000", attach=False)
        self._pane(pane).window.move_window(str(index), session)

    async def person_scrolls(self, pane: PaneId) -> None:
        self._pane(pane).cmd("copy-mode")

    async def person_watches(self, pane: PaneId) -> None:
        """Attach with a terminal of 20x5, which nobody reads."""
        self._pane(pane).window.select()
        self.keyboard, screen = pty.openpty()
        fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 5, 20, 0, 0))
        self.client = subprocess.Popen(  # noqa: ASYNC220  it starts at once
            ["setsid", "--ctty", "tmux", "-u", "-L", self.socket, "attach-session", "-t", pane],
            stdin=screen, stdout=screen, stderr=screen, env={**os.environ, "TERM": "xterm-256color", "TMUX": ""},
        )  # fmt: skip
        os.close(screen)
        await eventually(lambda: self._keyed_since(pane, 0))

    async def rang(self, pane: PaneId) -> None:
        """Wait for tmux's own flag on the window."""

        async def flagged() -> bool:
            return self._pane(pane).window.cmd("display-message", "-p", "#{window_bell_flag}").stdout == ["1"]

        await eventually(flagged)

    async def shown_waiting(self) -> tuple[str, str, str]:
        """Return what a status line makes of the options."""
        words = [f"#{{@agentctl_{name}}}" for name in ("waiting", "status", "next")]
        count, text, pane = ("".join(self.person.cmd("display-message", "-p", word).stdout) for word in words)
        return count, text, pane

    async def person_presses(self, pane: PaneId) -> None:
        """Press a key and again, until tmux, which counts in seconds, knows of one later than the last."""
        (before,) = [shown.keyed for shown in await self.terminal.panes() if shown.id == pane]

        async def pressed() -> bool:
            os.write(self.keyboard, b"x")
            return await self._keyed_since(pane, before)

        await eventually(pressed)

    async def _keyed_since(self, pane: PaneId, second: int) -> bool:
        return any(s.watched and s.keyed > second for s in await self.terminal.panes() if s.id == pane)

    async def person_leaves(self, pane: PaneId) -> None:
        assert self.client is not None
        self.client.kill()
        self.client.wait(10)

        async def gone() -> bool:
            return not any(shown.watched for shown in await self.terminal.panes())

        await eventually(gone)

    async def outputs(self, pane: PaneId, text: str) -> None:
        """Have the agent, which answers each line, say something."""
        self._pane(pane).send_keys(text)

    async def person_opens(self, session: str, index: int) -> None:
        if self.person.has_session(session):
            window = self.person.sessions.get(session_name=session).new_window
            window("mine", window_index=str(index), attach=False, window_shell="sleep 1000")
        else:
            self.person.new_session(session, window_command="sleep 1000", attach=False)

    async def marks_are_lost(self, pane: PaneId) -> None:
        for name in ("home", "agent", "generation", "seq"):
            self._pane(pane).cmd("set-option", "-pu", f"@agentctl_{name}")

    async def server_dies(self) -> None:
        server = self.terminal.server()
        assert server is not None
        os.kill(server.pid, signal.SIGKILL)

    async def freezes(self) -> None:
        server = self.terminal.server()
        assert server is not None
        self.frozen = server.pid
        os.kill(self.frozen, signal.SIGSTOP)

    async def thaws(self) -> None:
        os.kill(self.frozen, signal.SIGCONT)

    def end(self) -> None:
        if self.client is not None:
            self.client.kill()
            self.client.wait(10)
            os.close(self.keyboard)
        if self.frozen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.frozen, signal.SIGCONT)
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], capture_output=True, timeout=5, check=False)
        path = Path(os.environ.get("TMUX_TMPDIR", "/tmp")) / f"tmux-{os.getuid()}" / self.socket
        path.unlink(missing_ok=True)


def agent_below(pid: int) -> int | None:
    """Return the agent's process below a shim, None while it has not set its trap."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if words[0].endswith(b"/bash"):
            caught = Path(f"/proc/{pid}/status").read_text().partition("SigCgt:")[2].split()[0]
            return pid if int(caught, 16) >> (signal.SIGUSR1 - 1) & 1 else None
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return next((found for child in children if (found := agent_below(int(child)))), None)


World = MemoryWorld | TmuxWorld


@pytest.fixture(params=["memory", "control", "batch"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    deadline = 1.0 if "frozen" in request.node.name else 20.0
    made = MemoryWorld() if request.param == "memory" else TmuxWorld(request.param, tmp_path, deadline)
    yield made
    made.end()


async def eventually(holds: Callable[[], Awaitable[bool]], within: float = 20.0) -> None:
    async with asyncio.timeout(within):
        while not await holds():  # noqa: ASYNC110  the world has no event to wait for
            await asyncio.sleep(0.01)


def story(tell: Callable[[World], Awaitable[None]]) -> Callable[[World], None]:
    """Make a test of a coroutine that gets a connected world."""

    def test(world: World) -> None:
        async def play() -> None:
            await world.terminal.connect()
            try:
                await tell(world)
            finally:
                await world.terminal.disconnect()

        asyncio.run(play())

    return test


async def only(world: World) -> Pane:
    (pane,) = await world.terminal.panes()
    return pane


async def one(world: World, agent: str = "web/dev", generation: int = 1, index: int = 0) -> PaneId:
    (opened,) = await world.terminal.open([world.opening(agent, generation, index)])
    assert opened.pane is not None, opened.error
    return opened.pane


@story
async def test_a_fresh_server_is_known_and_has_no_panes(world: World) -> None:
    assert world.terminal.server() is not None
    assert await world.terminal.panes() == []


def test_a_server_that_is_not_there_has_no_panes_and_opens_none(world: World) -> None:
    async def play() -> None:
        assert await world.terminal.panes() == []
        with pytest.raises(TerminalError):
            await world.terminal.open([world.opening("web/dev")])
        with pytest.raises(TerminalError):
            await world.terminal.type(PaneId("%1"), AgentId("web/dev"), 1, 1, "hi")
        assert world.terminal.server() is None
        await world.terminal.disconnect()

    asyncio.run(play())


@story
async def test_windows_stand_where_they_were_asked_for(world: World) -> None:
    agents = ["web/pm", "web/dev", "db/pm", "web/server"]
    wanted = [world.opening(agent, 1, index) for agent, index in zip(agents, (0, 1, 3, 2), strict=True)]
    opened = await world.terminal.open(wanted)
    assert [(o.agent, o.generation, o.error) for o in opened] == [(agent, 1, "") for agent in agents]
    panes = {pane.agent: pane for pane in await world.terminal.panes()}
    for opening, outcome in zip(wanted, opened, strict=True):
        pane = panes[opening.agent]
        assert (pane.id, pane.pid) == (outcome.pane, outcome.pid)
        assert (pane.session, pane.window, pane.index) == (opening.session, opening.window, opening.index)
        assert (pane.generation, pane.typed, pane.dead, pane.mode, pane.marked) == (1, 0, False, False, True)


@story
async def test_opening_again_changes_nothing(world: World) -> None:
    wanted = [world.opening("web/pm"), world.opening("web/dev", index=1)]
    first = await world.terminal.open(wanted)
    assert await world.terminal.open(wanted) == first
    assert len(await world.terminal.panes()) == 2


@story
async def test_an_agent_that_is_asked_for_twice_gets_one_window(world: World) -> None:
    opened = await world.terminal.open([world.opening("web/dev"), world.opening("web/dev", index=1)])
    assert [bool(o.error) for o in opened] == [False, True]
    assert (await only(world)).index == 0


@story
async def test_a_running_agent_is_not_replaced(world: World) -> None:
    second = world.opening("web/dev", generation=2)
    pane = await one(world)
    (refused,) = await world.terminal.open([second])
    assert refused.pane is None
    assert "generation 1" in refused.error
    assert ((await only(world)).id, (await only(world)).generation) == (pane, 1)


@story
async def test_a_dead_pane_is_used_again(world: World) -> None:
    pane = await one(world)
    assert await world.terminal.type(pane, AgentId("web/dev"), 1, 1, "hello")
    await world.die(pane, 7)
    shown = await only(world)
    assert (shown.dead, shown.exit_code, shown.id) == (True, 7, pane)
    assert await one(world) == pane, "the generation that has run stays as it is"
    assert (await only(world)).dead
    assert await one(world, generation=2) == pane
    shown = await only(world)
    assert (shown.dead, shown.exit_code, shown.generation, shown.typed) == (False, None, 2, 0)


@story
async def test_a_pane_that_is_used_again_shows_nothing_of_what_was_before(world: World) -> None:
    pane = await one(world)
    await world.outputs(pane, "old")
    await eventually(lambda: _shows(world, pane, "got old"))
    await world.die(pane, 7)
    assert await one(world, generation=2) == pane
    assert "old" not in await world.terminal.screen(pane), "above the screen something of it may stay"


async def _shows(world: World, pane: PaneId, text: str) -> bool:
    return text in await world.terminal.screen(pane)


@story
async def test_an_occupied_place_is_somebody_elses(world: World) -> None:
    await one(world, "web/pm")
    await world.person_opens("Task-web", 1)
    opened = await world.terminal.open([world.opening("web/dev", index=1), world.opening("web/server", index=2)])
    assert [o.error for o in opened] == ["", ""]
    places = {pane.agent: pane.index for pane in await world.terminal.panes()}
    assert places == {"web/pm": 0, "web/dev": 3, "web/server": 2}


@story
async def test_a_session_that_is_not_ours_is_left_alone(world: World) -> None:
    await world.person_opens("Task-web", 0)
    refused, opened = await world.terminal.open([world.opening("web/dev"), world.opening("db/dev")])
    assert refused.pane is None
    assert "not ours" in refused.error
    assert opened.pane is not None
    assert [pane.agent for pane in await world.terminal.panes()] == ["db/dev"]


@story
async def test_closed_windows_are_gone_and_may_be_closed_again(world: World) -> None:
    first, second = await one(world, "web/pm"), await one(world, "web/dev", index=1)
    await world.terminal.close([first, PaneId("%4711")])
    await world.terminal.close([first])
    assert (await only(world)).id == second


@story
async def test_what_a_person_renamed_and_moved_is_put_back(world: World) -> None:
    await one(world, "web/pm")
    opening = world.opening("web/dev", index=1)
    pane = await one(world, "web/dev", index=1)
    assert await world.terminal.type(pane, opening.agent, 1, 1, "hello")
    await world.person_renames(pane, "mine")
    await world.person_moves(pane, "Elsewhere", 5)
    moved = next(shown for shown in await world.terminal.panes() if shown.id == pane)
    assert (moved.session, moved.window, moved.index, moved.agent) == ("Elsewhere", "mine", 5, "web/dev")
    await world.terminal.arrange(pane, opening)
    back = next(shown for shown in await world.terminal.panes() if shown.id == pane)
    assert (back.session, back.window, back.index, back.typed) == ("Task-web", "Web-Dev", 1, 1)


@story
async def test_agents_that_a_person_swapped_change_places_again(world: World) -> None:
    openings = [world.opening("web/pm"), world.opening("web/dev", index=1)]
    pm, dev = [o.pane for o in await world.terminal.open(openings)]
    assert pm is not None
    assert dev is not None
    await world.person_moves(pm, "Task-web", 7)
    await world.person_moves(dev, "Task-web", 0)
    await world.person_moves(pm, "Task-web", 1)
    await world.terminal.arrange(pm, openings[0])
    await world.terminal.arrange(dev, openings[1])
    assert {pane.id: pane.index for pane in await world.terminal.panes()} == {pm: 0, dev: 1}


@story
async def test_a_pane_without_marks_is_known_but_not_typed_into(world: World) -> None:
    opening = world.opening("web/dev")
    pane = await one(world)
    await world.marks_are_lost(pane)
    shown = await only(world)
    assert (shown.agent, shown.generation, shown.marked) == ("web/dev", 1, False)
    assert await one(world) == pane
    assert not await world.terminal.type(pane, opening.agent, 1, 1, "hello")
    await world.terminal.arrange(pane, opening, typed=3)
    assert ((await only(world)).marked, (await only(world)).typed) == (True, 3)
    assert await world.terminal.type(pane, opening.agent, 1, 4, "hello")


@story
async def test_a_text_is_typed_once_and_in_order(world: World) -> None:
    pane, agent = await one(world), AgentId("web/dev")
    assert not await world.terminal.type(pane, agent, 1, 2, "second")
    assert await world.terminal.type(pane, agent, 1, 1, "first")
    assert not await world.terminal.type(pane, agent, 1, 1, "first")
    assert await world.terminal.type(pane, agent, 1, 2, "second", enter_delay=0.01)
    assert (await only(world)).typed == 2

    async def shown() -> bool:
        return (await world.terminal.screen(pane)).count("second") > 0

    await eventually(shown)


@story
async def test_nothing_is_typed_where_it_does_not_belong(world: World) -> None:
    terminal, agent = world.terminal, AgentId("web/dev")
    pane = await one(world)
    for wrong in ((PaneId("%4711"), agent, 1), (pane, AgentId("web/pm"), 1), (pane, agent, 2)):
        assert not await terminal.type(*wrong, 1, "hello")
        assert not await terminal.keys(*wrong, ["Enter"])
    assert await terminal.keys(pane, agent, 1, ["Enter"])
    await world.person_scrolls(pane)
    assert (await only(world)).mode
    assert not await terminal.type(pane, agent, 1, 1, "hello")
    assert not await terminal.keys(pane, agent, 1, ["Enter"])
    assert (await only(world)).typed == 0


@story
async def test_a_dead_pane_is_not_typed_into(world: World) -> None:
    terminal, agent = world.terminal, AgentId("web/dev")
    pane = await one(world)
    await world.die(pane, 7)
    for _ in range(3):
        assert not await terminal.type(pane, agent, 1, 1, "hello")
        assert not await terminal.keys(pane, agent, 1, ["Enter"])
    assert (await only(world)).dead


@story
async def test_a_screen_that_is_not_there_is_no_empty_screen(world: World) -> None:
    with pytest.raises(TerminalError):
        await world.terminal.screen(PaneId("%4711"))


class Words:
    """What `drawn` says, noted as it comes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.drawn = world.terminal.drawn()
        self.heard: asyncio.Queue[frozenset[PaneId]] = asyncio.Queue()

    async def __aenter__(self) -> Words:
        self.task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])

    async def _listen(self) -> None:
        async for panes in self.drawn:
            assert panes, "no word is empty"
            self.heard.put_nowait(panes)

    async def until(self, *panes: PaneId) -> None:
        """Wait until each of *panes* has been told of."""
        missing = set(panes)
        async with asyncio.timeout(20):
            while missing:
                missing -= await self.heard.get()

    async def until_still(self) -> set[PaneId]:
        """Return the panes that are told of until nothing more comes."""
        told: set[PaneId] = set()
        with contextlib.suppress(TimeoutError):
            while True:
                told |= await asyncio.wait_for(self.heard.get(), self.world.still)
        return told


@story
async def test_all_panes_are_told_of_first_and_then_those_that_draw(world: World) -> None:
    still, loud = await one(world, "web/pm"), await one(world, "web/dev", index=1)
    async with Words(world) as words:
        await words.until(still, loud)
        await words.until_still()
        await world.outputs(loud, "hello")
        assert await words.until_still() == {loud}


@story
async def test_a_window_that_comes_is_told_of_and_one_that_goes_is_not(world: World) -> None:
    first = await one(world, "web/pm")
    async with Words(world) as words:
        await words.until(first)
        second = await one(world, "web/dev", index=1)
        await words.until(second)
        await words.until_still()
        await world.terminal.close([first])
        assert first not in await words.until_still()


@story
async def test_who_looks_after_each_word_has_seen_how_it_ended(world: World) -> None:
    pane = await one(world)
    seen: dict[PaneId, str] = {}

    async def look() -> None:
        async for panes in world.terminal.drawn():
            seen.update({one: shown.text for one, shown in (await world.terminal.shown(panes)).items()})

    task = asyncio.create_task(look())
    for number in range(25):
        await world.outputs(pane, f"n{number}")
        await asyncio.sleep(0.02 * (number % 7))

    async def all_seen() -> bool:
        return "got n24" in seen.get(pane, "")

    await eventually(all_seen)
    await world.terminal.disconnect()
    async with asyncio.timeout(5):
        await task


@story
async def test_nobody_is_told_of_anything_after_the_end(world: World) -> None:
    await one(world)
    drawn = world.terminal.drawn()
    await world.terminal.disconnect()
    assert [panes async for panes in drawn] == []


@story
async def test_a_server_that_comes_back_is_told_of_again(world: World) -> None:
    pane = await one(world)
    async with Words(world) as words:
        await words.until(pane)
        await world.server_dies()
        await words.until_still()
        await world.terminal.connect()
        await words.until(await one(world, generation=2))


@story
async def test_screens_are_shown_together_but_for_those_that_are_gone(world: World) -> None:
    openings = [world.opening(f"web/a{index}", index=index) for index in range(3)]
    panes = [opened.pane or PaneId("") for opened in await world.terminal.open(openings)]
    for pane in panes[:2]:
        await world.outputs(pane, f"hello {pane}")

    async def answered() -> bool:
        shown = await world.terminal.shown(panes)
        return all(f"got hello {pane}" in shown[pane].text for pane in panes[:2])

    await eventually(answered)
    await world.die(panes[1], 7)
    await world.terminal.close([panes[2]])
    shown = await world.terminal.shown([*panes, PaneId("%4711"), panes[0]])
    assert shown.keys() == set(panes[:2]), "the last screen of the dead can be read"
    assert (shown[panes[0]].text, shown[panes[0]].alternate) == (await world.terminal.screen(panes[0]), False)
    assert await world.terminal.shown([]) == {}


@story
async def test_nothing_is_typed_beside_a_person_who_types(world: World) -> None:
    terminal, agent = world.terminal, AgentId("web/dev")
    pane = await one(world)
    fresh = await only(world)
    assert (fresh.watched, fresh.keyed) == (False, 0), "nobody has ever been there"
    assert await terminal.type(pane, agent, 1, 1, "alone", keyed=0)
    await world.person_watches(pane)
    came = await only(world)
    assert came.watched
    assert not await terminal.type(pane, agent, 1, 2, "surprise", keyed=0)
    assert await terminal.type(pane, agent, 1, 2, "while nobody types", keyed=came.keyed)
    await world.person_presses(pane)
    typed = await only(world)
    assert typed.keyed > came.keyed
    assert not await terminal.type(pane, agent, 1, 3, "in between", keyed=came.keyed)
    assert not await terminal.keys(pane, agent, 1, ["Enter"], keyed=came.keyed)
    assert await terminal.keys(pane, agent, 1, ["Enter"], keyed=typed.keyed)
    assert await terminal.keys(pane, agent, 1, ["Enter"]), "who does not ask is not refused"
    await world.person_leaves(pane)
    left = await only(world)
    assert (left.watched, left.keyed) == (False, typed.keyed)
    assert await terminal.type(pane, agent, 1, 3, "alone again", keyed=came.keyed)
    assert (await only(world)).typed == 3


@story
async def test_the_keys_after_a_text_are_the_callers(world: World) -> None:
    pane, agent = await one(world), AgentId("web/dev")
    assert await world.terminal.type(pane, agent, 1, 1, "half", enter=())
    assert await world.terminal.type(pane, agent, 1, 2, " a line", enter=("Tab", "Enter"), enter_delay=0.01)
    assert (await only(world)).typed == 2


@story
async def test_a_person_who_closes_a_window_is_noticed(world: World) -> None:
    pane = await one(world)
    changes = world.terminal.changes()
    await world.person_closes(pane)
    async with asyncio.timeout(20):
        await anext(changes)
    assert await world.terminal.panes() == []


@story
async def test_a_server_that_dies_is_noticed_and_comes_back(world: World) -> None:
    await one(world)
    changes = world.terminal.changes()
    before = world.terminal.server()
    await world.server_dies()
    async with asyncio.timeout(1):
        while await anext(changes) != "gone":
            pass
    assert world.terminal.server() is None
    assert await world.terminal.panes() == []
    await world.terminal.connect()
    assert world.terminal.server() not in (None, before)
    assert await world.terminal.panes() == []
    assert await one(world, generation=2)


@story
async def test_a_frozen_server_is_unreachable_and_not_empty(world: World) -> None:
    pane, agent = await one(world), AgentId("web/dev")
    await world.freezes()
    async with asyncio.timeout(4):
        with pytest.raises(TerminalUnreachable):
            await world.terminal.panes()
        with pytest.raises(TerminalUnreachable):
            await world.terminal.type(pane, agent, 1, 1, "hello")
    await world.thaws()
    shown = await only(world)
    if shown.typed == 0:
        assert await world.terminal.type(pane, agent, 1, 1, "hello")
    assert not await world.terminal.type(pane, agent, 1, 1, "hello")
    assert (await only(world)).typed == 1


def test_agents_outlive_the_connection(world: World) -> None:
    async def play() -> None:
        await world.terminal.connect()
        pane = await one(world)
        changes = world.terminal.changes()
        await world.terminal.disconnect()
        async with asyncio.timeout(2):
            assert [word async for word in changes][-1:] in ([], ["window-add"], ["unlinked-window-add"], ["tick"])
        await world.terminal.connect()
        assert (await only(world)).id == pane
        await world.terminal.disconnect()

    asyncio.run(play())


@story
async def test_the_bell_of_a_living_pane_can_be_raised(world: World) -> None:
    pane = await one(world)
    assert await world.terminal.ring(pane)
    await world.rang(pane)
    assert not await world.terminal.ring(PaneId("%999"))
    await world.die(pane, 7)
    assert not await world.terminal.ring(pane)


@story
async def test_people_who_are_attached_are_known_by_their_terminals(world: World) -> None:
    pane = await one(world)
    assert await world.terminal.viewers() == []
    await world.person_watches(pane)
    (viewer,) = await world.terminal.viewers()
    assert viewer.tty.startswith("/dev/")
    assert viewer.term.startswith("xterm")
    await world.person_leaves(pane)

    async def gone() -> bool:
        return await world.terminal.viewers() == []

    await eventually(gone)


@story
async def test_who_waits_is_shown_until_nobody_does(world: World) -> None:
    pane, other = await one(world), await one(world, "web/pm", index=1)
    await world.terminal.show_waiting([(AgentId("web/pm"), other), (AgentId("web/dev"), pane)])
    assert await world.shown_waiting() == ("2", "2 wait: web/pm, web/dev", other)
    await world.terminal.show_waiting([])
    assert await world.shown_waiting() == ("0", "", "")
