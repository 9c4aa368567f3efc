"""Arrival: what was typed is followed until something proves that it was taken, or a person has to look."""

from __future__ import annotations

from datetime import datetime, timedelta

from agentctl.domain.agent import Activity, Agent, AgentState
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.message import Message, MessageState
from agentctl.domain.names import AgentId
from agentctl.domain.units import format_duration
from agentctl.runners.runner import Runner
from agentctl.supervisor.proof import seen_by_screen, seen_in_history
from agentctl.supervisor.senses import Senses
from agentctl.supervisor.typist import Typist
from agentctl.supervisor.world import World

_LOOK_AGAIN = timedelta(milliseconds=500)
"""Between two looks at whether the screen shows that a message was taken."""

_NUDGE_AFTER = timedelta(seconds=3)
"""A text that stands in the composer for so long after Enter was pressed was not submitted; sooner, some still draw."""

_ALIVE = frozenset({AgentState.STARTING, AgentState.RUNNING})


class Arrival:
    """Sees to it that typed messages arrive, or says that they did not."""

    def __init__(self, world: World, senses: Senses, typist: Typist) -> None:
        self._world = world
        self._senses = senses
        self._typist = typist
        self._stood: dict[AgentId, datetime] = {}
        """When an agent was seen last that is made to stand still: it could show nothing until then."""

    async def see_to(self, agent: Agent, message: Message) -> timedelta | None:
        """See to a typed message that nobody has said to have read; None where it moved on."""
        runner = self._world.runners.known(agent.runner)
        if runner.submit.channel != "typing" or not can_prove(runner):
            return timedelta(0)
        if agent.generation != message.generation or agent.state not in _ALIVE:
            self._requeue(agent, message)
            return None
        proof = seen_in_history(message, self._world.agent_folder(agent.id), runner) or seen_by_screen(
            message, agent, runner, self._senses.of(agent)
        )
        if proof:
            self._append(agent, EventType.MESSAGE_SEEN, message=message.id, evidence=proof)
            self._senses.weigh(self._world.ledger.fleet.agents.get(agent.id, agent))
            return None
        if agent.stands_still:
            self._stood[agent.id] = self._world.clock.now()
            return _LOOK_AGAIN
        age = self._age(message)
        if age < _NUDGE_AFTER:
            return min(_LOOK_AGAIN, _NUDGE_AFTER - age)
        if await self._remedy(agent, message, runner):
            return None
        return self._give_up(agent, message, runner, age)

    def _age(self, message: Message) -> timedelta:
        """Return for how long the agent could have shown that it has *message*."""
        now = self._world.clock.now()
        since = message.since or now
        return now - max(since, self._stood.get(message.agent, since))

    def _requeue(self, agent: Agent, message: Message) -> None:
        """Queue a message again that its generation ended on before it took it: its successor gets it."""
        facts = {"text": message.text, "reason": "it ended before it had taken it"}
        self._append(agent, EventType.MESSAGE_RETRIED, message=message.id, **facts, in_place=True)

    def _give_up(self, agent: Agent, message: Message, runner: Runner, age: timedelta) -> timedelta | None:
        """Say that nothing shows that the message arrived; it is not typed again."""
        if runner.submit.busy == "queue":  # the program keeps it until its turn has ended
            if agent.activity is Activity.WORKING:
                return _NUDGE_AFTER
            age = min(age, self._world.clock.now() - (agent.active_since or agent.since or self._world.clock.now()))
        if age < runner.submit.within:
            return min(_LOOK_AGAIN, runner.submit.within - age)
        if self._is_typed(message):
            why = f"nothing has shown within {format_duration(runner.submit.within)} that it took it"
            self._append(agent, EventType.MESSAGE_UNSEEN, message=message.id, reason=why)
        return None

    async def _remedy(self, agent: Agent, message: Message, runner: Runner) -> bool:
        """Press the runner's keys once more, once a message.

        Recorded after the act: a supervisor that dies between the two presses again, and only where our text stands.
        """
        if message.nudged or not runner.submit.remedy:
            return False
        panes = await self._world.terminal.panes()
        pane = next((p for p in panes if p.id == agent.pane and p.generation == agent.generation), None)
        if pane is None or not self._is_typed(message) or not await self._typist.press_again(agent, message, pane):
            return False
        if self._is_typed(message):
            facts = {"generation": agent.generation, "evidence": "its text stood in the composer"}
            self._append(agent, EventType.MESSAGE_NUDGED, message=message.id, **facts)
        return True

    def _is_typed(self, message: Message) -> bool:
        current = self._world.ledger.fleet.messages.get(message.id)
        return current is not None and current.state is MessageState.TYPED

    def _append(self, agent: Agent, kind: EventType, **facts: object) -> None:
        self._world.ledger.append([Draft(agent_stream(agent.id), kind, facts)])


def can_prove(runner: Runner) -> bool:
    """Tell whether there can ever be a sign that the program took a message."""
    return bool(runner.reports) if runner.submit.seen == "signal" else runner.composer is not None
