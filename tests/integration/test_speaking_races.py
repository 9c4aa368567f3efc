"""Messages that something happens to at the very moment at which they are typed: each still arrives once, or not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agentctl.domain.agent import AgentState, Ask, AskKind
from agentctl.domain.codec import encode
from agentctl.domain.errors import Refused
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.evidence import Meaning, Sign
from agentctl.domain.message import MessageState
from agentctl.domain.names import AgentId, PaneId
from agentctl.domain.ports import Pane, Shown
from agentctl.domain.team import TeamSpec
from agentctl.runners.registry import Runners
from agentctl.supervisor.caller import Caller
from agentctl.supervisor.proof import seen_by_sign
from agentctl.supervisor.requests.request import Request
from agentctl.supervisor.requests.speak import send
from agentctl.supervisor.world import World
from tests.acceptance.stage import PROGRAMS
from tests.integration.machine import LinkedTerminal, Machine, request, team

AGENT = AgentId("t/a")
RULE = "─" * 40


class Gate:
    """Where a call stands still until the test lets it go on."""

    def __init__(self) -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()

    async def passed(self) -> None:
        self.reached.set()
        await self.opened.wait()


class Window(LinkedTerminal):
    """A terminal in which a program with a composer runs, and whose calls can be held up when they are done."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine.processes)
        self.program = self.takes
        self.composer, self.prompts = "", list[str]()
        self.loses = 0
        self.frozen: list[tuple[Pane, str, Sequence[str]]] | None = None
        self.after_type: Gate | None = None
        self.after_look: Gate | None = None

    async def type(self, *args: Any, **facts: Any) -> bool:
        done = await super().type(*args, **facts)
        if self.after_type is not None:
            await self.after_type.passed()
        return done

    async def shown(self, panes: Collection[PaneId]) -> dict[PaneId, Shown]:
        seen = await super().shown(panes)
        if self.after_look is not None:
            await self.after_look.passed()
        return seen

    def takes(self, pane: Pane, text: str, keys: Sequence[str]) -> None:
        if self.frozen is not None:
            self.frozen.append((pane, text, keys))
            return
        if text and self.loses:
            self.loses -= 1
        else:
            self.composer += text
        if "Enter" in keys and self.composer:
            self.prompts.append(self.composer)
            self.composer = ""
        self.stands(pane.id)

    def thaws(self) -> None:
        came, self.frozen = self.frozen or [], None
        for one in came:
            self.takes(*one)

    def stands(self, pane: PaneId) -> None:
        self.draws(pane, "\n".join([*self.prompts, RULE, f"\u276f\u00a0{self.composer}", RULE, "  ? for shortcuts"]))


class Talk(Machine):
    """A machine with one agent that takes messages by typing."""

    def __init__(self, folder: Path) -> None:
        self.runners = folder / "runners"
        self.runners.mkdir()
        (self.runners / "mute.toml").write_text(_mute((PROGRAMS / "fake.toml").read_text()))
        program = folder / "fake-agent"
        program.touch(mode=0o755)
        self.path = str(folder)
        super().__init__(folder)
        self.terminal = self.window = Window(self)
        self.world = self._new_world()

    def _new_world(self) -> World:
        return replace(super()._new_world(), runners=Runners.load(self.runners))

    async def deploy(self) -> None:
        spec = team("t", "a")
        await self.ask("deploy", **request(_of_mute(spec), environment={"PATH": self.path}, wait=False))
        await self.until(lambda: AGENT in self.world.ledger.fleet.agents and self.agent(AGENT).process is not None)
        self.window.stands(self.pane)
        await self.until(lambda: self.agent(AGENT).state is AgentState.RUNNING)
        await self.until(lambda: self.agent(AGENT).activity.value == "idle")

    @property
    def pane(self) -> PaneId:
        pane = self.agent(AGENT).pane
        assert pane is not None
        return pane

    def queue(self, name: str, text: str) -> None:
        facts = {"message": name, "text": text, "sender": "person"}
        self.world.ledger.append([Draft(agent_stream(AGENT), EventType.MESSAGE_QUEUED, facts)])

    def state(self, name: str) -> MessageState:
        return self.world.ledger.fleet.messages[name].state

    def bodies(self) -> list[str]:
        return [prompt.partition("] ")[2].rpartition(" [/")[0] for prompt in self.window.prompts]

    def sends_and_waits(self) -> asyncio.Task[dict[str, Any]]:
        """Send a message whose turn shows nothing that a rule knows, and wait for its answer, in the loop itself."""

        def accept(pane: Pane, text: str, _keys: Sequence[str]) -> None:
            self.window.prompts += [text] if text else []
            self.window.draws(pane.id, "what no rule knows")

        async def emit(_: object) -> None: ...

        self.window.program = accept
        facts = {"agent": AGENT, "text": "x", "keys": [], "wait": 60.0, "when": "", "raw": False}
        desk: Any = SimpleNamespace(world=self.world, wake=asyncio.Event())
        return asyncio.create_task(send(Request(desk, Caller(1), facts, emit)))

    def asks(self, title: str, source: str) -> None:
        """Record that the agent asks something, as a signal or its screen tells."""
        ask = encode(Ask(title, AskKind.OTHER, title))
        facts = {"generation": 1, "evidence": title, "source": source, "ask": ask}
        self.world.ledger.append([Draft(agent_stream(AGENT), EventType.AGENT_WAITING, facts)])

    def note_prompt(self, name: str) -> None:
        """Record what the program's own signal says of a message."""
        text = f"[agentctl 0000 {name} from person] x [/{name}]"
        sign = Sign(Meaning.PROMPT, self.clock.now(), "UserPromptSubmit", text)
        self.world.ledger.append(seen_by_sign(self.world.ledger.fleet, self.agent(AGENT), sign))


def _of_mute(spec: TeamSpec) -> TeamSpec:
    return replace(spec, agents=tuple(replace(one, argv=(), runner="mute") for one in spec.agents))


def _mute(manifest: str) -> str:
    head, _, rest = manifest.partition("[signals]")
    return f"{head}[ends]{rest.partition('[ends]')[2]}".replace('seen = "signal"', 'seen = "screen"')


Story = Callable[[Talk], Awaitable[None]]


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Callable[[Story], None]]:
    def run(story: Story) -> None:
        async def main() -> None:
            machine = Talk(tmp_path)
            await machine.start()
            await machine.deploy()
            await story(machine)
            await machine.stop()
            assert not [event.data for event in machine.log.read() if event.type == EventType.UNIT_CRASHED]

        asyncio.run(asyncio.wait_for(main(), 30))

    return run


def test_what_is_being_typed_can_neither_be_given_up_nor_taken_from_the_inbox(talk: Callable[[Story], None]) -> None:
    async def story(machine: Talk) -> None:
        machine.window.after_type = gate = Gate()
        machine.queue("aaaaaaaa", "first")
        await gate.reached.wait()
        with pytest.raises(Refused, match="being typed"):
            await machine.ask("drop", ids=["aaaaaaaa"])
        gate.opened.set()
        machine.queue("bbbbbbbb", "second")
        await machine.until(lambda: machine.bodies() == ["first", "second"])

    talk(story)


def test_what_is_given_up_while_its_reader_is_looked_at_is_not_typed(talk: Callable[[Story], None]) -> None:
    async def story(machine: Talk) -> None:
        machine.window.after_look = gate = Gate()
        machine.queue("aaaaaaaa", "first")
        await gate.reached.wait()
        await machine.ask("drop", ids=["aaaaaaaa"])
        machine.window.after_look = None
        gate.opened.set()
        machine.queue("bbbbbbbb", "second")
        await machine.until(lambda: machine.bodies() == ["second"])
        assert machine.state("aaaaaaaa") is MessageState.DEAD

    talk(story)


def test_what_was_seen_before_it_was_noted_is_not_taken_for_the_next(talk: Callable[[Story], None]) -> None:
    async def story(machine: Talk) -> None:
        machine.window.after_type = gate = Gate()
        machine.queue("aaaaaaaa", "first")
        await gate.reached.wait()
        await machine.kill()
        await machine.terminal.keys(machine.pane, AGENT, 1, ("Enter",))
        machine.note_prompt("aaaaaaaa")
        machine.window.after_type = None
        await machine.start()
        machine.queue("bbbbbbbb", "second")
        machine.queue("cccccccc", "third")
        await machine.until(lambda: machine.bodies() == ["first", "second", "third"])

    talk(story)


def test_a_supervisor_killed_after_its_second_paste_of_one_message_loses_no_other(
    talk: Callable[[Story], None],
) -> None:
    async def story(machine: Talk) -> None:
        machine.window.loses = 1
        machine.queue("aaaaaaaa", "first")
        await machine.until(lambda: len(machine.window.texts_in(machine.pane)) == 1)
        machine.window.after_type = gate = Gate()
        await gate.reached.wait()
        await machine.kill()
        machine.window.after_type = None
        await machine.start()
        machine.queue("bbbbbbbb", "second")
        await machine.until(lambda: machine.bodies() == ["first", "second"])

    talk(story)


def test_a_message_that_is_seen_late_when_it_was_queued_again_keeps_nothing_from_being_typed(
    talk: Callable[[Story], None],
) -> None:
    async def story(machine: Talk) -> None:
        machine.window.after_type = gate = Gate()
        machine.queue("aaaaaaaa", "first")
        await gate.reached.wait()
        machine.window.after_type = None
        gate.opened.set()
        await machine.until(lambda: machine.bodies() == ["first"])
        unseen = {"message": "aaaaaaaa", "reason": "nothing shows it"}
        retried = {"message": "aaaaaaaa", "text": "first", "reason": "a person tries it again"}
        stream = agent_stream(AGENT)
        if machine.state("aaaaaaaa") is MessageState.TYPED:
            machine.world.ledger.append(
                [Draft(stream, EventType.MESSAGE_UNSEEN, unseen), Draft(stream, EventType.MESSAGE_RETRIED, retried)]
            )
            machine.note_prompt("aaaaaaaa")
        machine.queue("bbbbbbbb", "second")
        await machine.until(lambda: machine.bodies() == ["first", "second"])

    talk(story)


def test_a_program_that_stands_still_for_seconds_is_not_given_the_same_text_twice(
    talk: Callable[[Story], None],
) -> None:
    async def story(machine: Talk) -> None:
        machine.window.frozen = []
        machine.queue("aaaaaaaa", "first")
        await machine.until(lambda: machine.state("aaaaaaaa") is MessageState.UNSEEN)
        machine.window.thaws()
        await machine.clock.sleep(30)
        assert machine.window.prompts == [], "what stands there twice is not submitted"

    talk(story)


def test_what_waits_for_an_agent_that_leaves_its_team_is_a_dead_letter(talk: Callable[[Story], None]) -> None:
    async def story(machine: Talk) -> None:
        machine.terminal.person_scrolls(machine.pane)
        machine.queue("aaaaaaaa", "first")
        await machine.until(lambda: machine.state("aaaaaaaa") is MessageState.HELD)
        spec = _of_mute(team("t", "b"))
        await machine.ask("deploy", **request(spec, environment={"PATH": machine.path}, wait=False))
        await machine.until(lambda: AGENT not in machine.world.ledger.fleet.agents)
        (row,) = (await machine.ask("messages", selectors=[]))["messages"]
        assert (row["id"], row["state"], row["reason"]) == ("aaaaaaaa", "dead", "no longer part of its team")

    talk(story)


@pytest.mark.parametrize("turns", range(12))
def test_a_question_that_is_seen_while_its_signal_is_taken_in_ends_the_wait(
    talk: Callable[[Story], None], turns: int
) -> None:
    """However many of the event loop's turns lie between the two, a sender who waits hears of the second."""

    async def story(machine: Talk) -> None:
        sent = machine.sends_and_waits()
        await machine.until(lambda: bool(machine.window.prompts))
        begun = machine.clock.monotonic()
        machine.asks("Bash", "hook")
        for _ in range(turns):
            await asyncio.sleep(0)
        machine.asks("Do you want to proceed?", "screen")
        assert (await sent)["asking"]["title"] == "Do you want to proceed?"
        assert machine.clock.monotonic() - begun < 2  # which it waits for one that no screen shows

    talk(story)


def test_a_question_that_no_screen_shows_ends_the_wait_all_the_same(talk: Callable[[Story], None]) -> None:
    async def story(machine: Talk) -> None:
        sent = machine.sends_and_waits()
        await machine.until(lambda: bool(machine.window.prompts))
        begun = machine.clock.monotonic()
        machine.asks("Bash", "hook")
        assert (await sent)["asking"]["title"] == "Bash"
        assert machine.clock.monotonic() - begun == pytest.approx(2)

    talk(story)
