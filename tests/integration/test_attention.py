"""Stories of a person who is told: once, also over a restart; not while they look; by the ways that they want."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agentctl.control.messages import VERBS
from agentctl.domain.agent import AgentState
from agentctl.domain.errors import Unreachable
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.notice import Notice, Notification, Why
from agentctl.domain.ports import Notifier
from agentctl.domain.team import RestartPolicy, TeamSpec
from agentctl.engine.attention import Habits
from agentctl.supervisor.requests.table import HANDLERS
from agentctl.supervisor.world import World
from tests.integration.machine import Machine, request, team

ASK = {"id": "q1", "kind": "question", "title": "Which\x1b[2J one?", "options": ["a", "b"], "since": None}


class Ear(Notifier):
    """Hears, or fails, and keeps what it heard."""

    def __init__(self) -> None:
        self.heard: list[tuple[Notification, str]] = []
        self.fails: list[Exception] = []

    async def tell(self, note: Notification, to: str = "") -> str:
        if self.fails:
            raise self.fails.pop(0)
        self.heard.append((note, to))
        return "heard"

    @property
    def titles(self) -> list[str]:
        return [note.title for note, _ in self.heard]


class Desk(Machine):
    """A machine whose person has two ears."""

    def __init__(self, folder: Path) -> None:
        self.bell, self.slack = Ear(), Ear()
        self.habits = Habits((Notice(tuple(Why), ("bell", "slack", "webhook")),))
        super().__init__(folder)

    def _new_world(self) -> World:
        return replace(super()._new_world(), ways={"bell": self.bell, "slack": self.slack}, habits=self.habits)

    async def deploy(self, *agents: str, spec: Callable[[TeamSpec], TeamSpec] = lambda s: s) -> None:
        made = spec(team("shop", *agents, restart=RestartPolicy("never")))
        await self.ask("deploy", **request(made))
        await self.until(lambda: all(self.is_in(f"shop/{name}", AgentState.RUNNING)() for name in agents))

    def says(self, agent: str, kind: EventType, **facts: object) -> None:
        known = self.agent(agent)
        facts = {"generation": known.generation, "evidence": "said so", "source": "hook", **facts}
        self.world.ledger.append([Draft(agent_stream(agent), kind, facts)])

    def asks(self, agent: str, **more: object) -> None:
        self.says(agent, EventType.AGENT_WAITING, ask=ASK | more)

    async def passes(self, seconds: float) -> None:
        await self.clock.sleep(seconds)

    def told(self) -> list[str]:
        return [event.stream for event in self.log.read() if event.type == EventType.PERSON_NOTIFIED]


Story = Callable[[Desk], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Story], None]:
    def run(story: Story) -> None:
        async def main() -> None:
            desk = Desk(tmp_path)
            await desk.start()
            await story(desk)
            await desk.stop()
            assert not [event.data for event in desk.log.read() if event.type == EventType.UNIT_CRASHED]

        asyncio.run(asyncio.wait_for(main(), 30))

    return run


def test_who_waits_is_told_once_by_each_way_and_in_clean_words(play):
    async def story(desk: Desk) -> None:
        await desk.deploy("dev")
        desk.asks("shop/dev")
        await desk.passes(4.5)
        assert desk.bell.titles == []
        await desk.passes(1)
        assert desk.bell.titles == desk.slack.titles == ["shop/dev asks you something"]
        note, _ = desk.bell.heard[0]
        assert (note.text, note.agents, note.host) == ("Which one?", ("shop/dev",), "here")
        assert note.panes == (desk.agent("shop/dev").pane,)
        await desk.passes(600)
        assert desk.told() == ["agent:shop/dev"]

    play(story)


def test_a_killed_supervisor_tells_nobody_twice(play):
    async def story(desk: Desk) -> None:
        await desk.deploy("dev", "pm")
        desk.asks("shop/dev")
        await desk.passes(10)
        desk.asks("shop/pm")
        await desk.kill()
        await desk.start()
        await desk.passes(200)
        assert desk.bell.titles == ["shop/dev asks you something", "shop/pm asks you something"]
        desk.asks("shop/dev", id="q2", kind="permission")
        await desk.passes(10)
        assert desk.bell.titles[2:] == ["shop/dev needs an approval"]

    play(story)


def test_a_question_that_is_over_in_time_is_never_told(play):
    async def story(desk: Desk) -> None:
        await desk.deploy("dev")
        desk.asks("shop/dev")
        await desk.passes(3)
        desk.says("shop/dev", EventType.AGENT_BUSY, phase="reasoning")
        await desk.passes(600)
        assert desk.bell.heard == []

    play(story)


def test_who_looks_at_the_window_is_not_told(play):
    async def story(desk: Desk) -> None:
        await desk.deploy("dev", "pm")
        pane = desk.agent("shop/dev").pane
        assert pane is not None
        desk.terminal.person_watches(pane, at=1)
        desk.asks("shop/dev")
        desk.asks("shop/pm")
        await desk.passes(200)
        assert desk.bell.titles == ["shop/pm asks you something"]
        desk.terminal.person_watches(pane, at=1, watching=False)
        await desk.passes(100)
        assert desk.bell.titles == ["shop/pm asks you something", "shop/dev asks you something"]

    play(story)


def test_many_at_once_are_one_word_and_each_is_remembered(play):
    async def story(desk: Desk) -> None:
        names = [f"dev-{number}" for number in range(1, 6)]
        await desk.deploy(*names)
        for name in names:
            desk.asks(f"shop/{name}")
        await desk.passes(100)
        assert desk.bell.titles == ["5 agents need you"]
        assert len(desk.told()) == 5

    play(story)


def test_one_that_fails_for_good_is_told_of(play):
    async def story(desk: Desk) -> None:
        await desk.deploy("dev")
        pane = desk.agent("shop/dev").pane
        assert pane is not None
        desk.terminal.agent_ends(pane, 3)
        await desk.passes(30)
        assert desk.bell.titles == ["shop/dev has failed"]

    play(story)


def test_a_team_says_what_is_told_where_and_never_more_ways_than_the_person_has(play):
    notices = (Notice((Why.DONE,), ("slack:#shop", "webhook"), timedelta(seconds=1)),)

    async def story(desk: Desk) -> None:
        await desk.deploy("dev", spec=lambda spec: replace(spec, notify=notices))
        desk.asks("shop/dev")
        await desk.passes(100)
        desk.says("shop/dev", EventType.AGENT_BUSY, phase="reasoning")
        desk.says("shop/dev", EventType.AGENT_TURN_ENDED, answer="")
        await desk.passes(100)
        assert desk.bell.heard == []
        assert [(note.title, to) for note, to in desk.slack.heard] == [("shop/dev is done", "#shop")]
        (event,) = [event for event in desk.log.read() if event.type == EventType.PERSON_NOTIFIED]
        assert event.data["ways"] == ["slack:#shop"]

    play(story)


def test_a_message_to_the_person_is_told_until_it_is_taken(play):
    async def story(desk: Desk) -> None:
        await desk.deploy("dev")
        facts = {
            "message": "a1b2c3d4",
            "text": "May I?",
            "keys": [],
            "sender": "shop/dev",
            "kind": "message",
            "hops": 0,
        }
        desk.world.ledger.append([Draft("person", EventType.MESSAGE_QUEUED, facts)])
        await desk.passes(10)
        assert [(note.title, note.text) for note, _ in desk.bell.heard] == [("shop/dev wrote to you", "May I?")]

    play(story)


def test_a_way_that_fails_holds_up_no_other_and_is_not_tried_again(play):
    async def story(desk: Desk) -> None:
        await desk.deploy("dev")
        desk.bell.fails = [Unreachable("no bell")]
        desk.asks("shop/dev")
        await desk.passes(300)
        assert (desk.bell.titles, desk.slack.titles) == ([], ["shop/dev asks you something"])

    play(story)


def test_status_lines_show_who_waits_the_longest_first(play):
    async def story(desk: Desk) -> None:
        await desk.deploy("dev", "pm")
        desk.asks("shop/pm")
        await desk.passes(1)
        desk.asks("shop/dev")
        await desk.passes(1)
        assert [agent for agent, _ in desk.terminal.waiting] == ["shop/pm", "shop/dev"]
        rows = (await desk.ask("next", selectors=[]))["waiting"]
        assert [row["agent"] for row in rows] == ["shop/pm", "shop/dev"]
        desk.says("shop/pm", EventType.AGENT_BUSY, phase="reasoning")
        await desk.passes(1)
        assert desk.terminal.waiting == (("shop/dev", desk.agent("shop/dev").pane),)
        assert [row["agent"] for row in (await desk.ask("next", selectors=["shop/pm"]))["waiting"]] == []

    play(story)


def test_each_way_can_be_tried(play):
    async def story(desk: Desk) -> None:
        desk.slack.fails = [Unreachable("it answered with 404")]
        found = (await desk.ask("notify", ways=[]))["ways"]
        assert found == [
            {"way": "bell", "told": True, "words": "heard"},
            {"way": "slack", "told": False, "words": "it answered with 404"},
        ]
        (missing,) = (await desk.ask("notify", ways=["webhook"]))["ways"]
        assert not missing["told"]
        assert desk.told() == []

    play(story)


def test_the_verbs_are_a_persons():
    assert not VERBS["next"].agents
    assert not VERBS["notify"].agents
    assert HANDLERS.keys() == VERBS.keys()


def test_no_agent_text_stands_in_what_is_logged_of_it(play, caplog):
    async def story(desk: Desk) -> None:
        await desk.deploy("dev")
        desk.asks("shop/dev", title="my secret plan")
        await desk.passes(10)
        assert desk.bell.heard

    with caplog.at_level("INFO"):
        play(story)
    assert not re.search("secret plan", caplog.text + str([record.__dict__ for record in caplog.records]))
