"""What tests may do with the terminal in memory beyond the port: programs that draw, and a person at the keys."""

from __future__ import annotations

import asyncio

from agentctl.domain.names import AgentId, PaneId
from agentctl.domain.ports import Opening, Pane
from agentctl.drivers.memory import MemoryTerminal

DEV = AgentId("web/dev")


async def opened(terminal: MemoryTerminal) -> PaneId:
    await terminal.connect()
    (one,) = await terminal.open([Opening(DEV, 1, "Task-web", "Web-Dev", 0, ("cat", "-"), "/")])
    assert one.pane is not None
    return one.pane


def test_a_program_draws_what_it_likes_of_what_it_is_given() -> None:
    terminal = MemoryTerminal()

    def composer(pane: Pane, text: str, keys: tuple[str, ...]) -> None:
        terminal.draws(pane.id, f"> {text}|{' '.join(keys)}", title="a title", alternate=True, cursor=(2, 0))

    async def play() -> None:
        pane = await opened(terminal)
        terminal.program = composer
        assert await terminal.type(pane, DEV, 1, 1, "two\nlines\x1b[201~", enter=("Tab", "Enter"))
        shown = (await terminal.shown([pane]))[pane]
        assert (shown.text, shown.title, shown.alternate, shown.cursor) == (
            "> two\nlines[201~|Tab Enter", "a title", True, (2, 0),
        )  # fmt: skip
        assert await terminal.keys(pane, DEV, 1, ["Escape"])
        assert await terminal.screen(pane) == "> |Escape"
        assert terminal.texts_in(pane) == ["two\nlines[201~"]
        assert terminal.pressed_in(pane) == ["Tab", "Enter", "Escape"]

    asyncio.run(play())


def test_a_persons_keys_reach_the_program_and_are_not_ours() -> None:
    terminal = MemoryTerminal()
    got: list[tuple[str, ...]] = []

    async def play() -> None:
        pane = await opened(terminal)
        terminal.program = lambda _pane, _text, keys: got.append(keys)
        terminal.person_presses(pane, "h", "i", at=1_800_000_000)
        (shown,) = await terminal.panes()
        assert (shown.watched, shown.keyed) == (True, 1_800_000_000)
        assert got == [("h", "i")]
        assert terminal.pressed_in(pane) == []
        assert not await terminal.keys(pane, DEV, 1, ["Enter"], keyed=1_799_999_999)

    asyncio.run(play())


def test_a_new_process_begins_with_an_empty_screen() -> None:
    terminal = MemoryTerminal()

    async def play() -> None:
        pane = await opened(terminal)
        terminal.draws(pane, "last words", title="old")
        terminal.die(pane, 1)
        assert (await terminal.shown([pane]))[pane].text == "last words"
        await terminal.open([Opening(DEV, 2, "Task-web", "Web-Dev", 0, ("cat", "-"), "/")])
        shown = (await terminal.shown([pane]))[pane]
        assert (shown.text, shown.title) == ("", "")

    asyncio.run(play())
