"""The reporter: answers to check-ins become reports, each once.

What is to be done follows from the log alone: a check-in that is answered and has no report. So one that was answered
before a crash is found after it.
"""

from __future__ import annotations

import asyncio
import logging

from agentctl.domain.codec import encode
from agentctl.domain.errors import AgentctlError
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.message import Message, MessageState
from agentctl.domain.report import CHECK_IN
from agentctl.engine.report import read_report
from agentctl.supervisor import crash
from agentctl.supervisor.loop import first
from agentctl.supervisor.world import World

log = logging.getLogger(__name__)

_AGAIN = 60.0
"""Seconds, before what the log did not take is tried again."""


class Reporter:
    """Keeps what agents answer to check-ins."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._failed: set[str] = set()
        """Answers over which we stumbled: another try would stumble, too."""

    async def run(self) -> None:
        """Keep reports as answers come, until cancelled."""
        while True:
            changed = asyncio.ensure_future(self._world.ledger.changed())
            left = [message for message in self._answered() if not self._keep(message)]
            await first(changed, *([self._world.clock.sleep(_AGAIN)] if left else []))

    def _answered(self) -> list[Message]:
        """Return the check-ins that are answered and have no report, oldest first."""
        fleet = self._world.ledger.fleet
        open_ = (
            m for m in fleet.messages.values() if m.kind == CHECK_IN and not m.reported and m.id not in self._failed
        )
        answered = (m for m in open_ if m.state is MessageState.ANSWERED and m.agent in fleet.agents)
        return sorted(answered, key=lambda m: m.seq)

    def _keep(self, message: Message) -> bool:
        """Keep the report that *message* was answered with; return whether that is done."""
        try:
            facts = {"message": message.id, **encode(read_report(message.answer))}
            self._world.ledger.append([Draft(agent_stream(message.agent), EventType.AGENT_REPORTED, facts)])
        except AgentctlError as error:
            log.warning("a report was not kept", extra={"agent": message.agent, "error": error.message})
            return False
        except Exception as error:  # noqa: BLE001  one agent's words must not end the supervision
            self._failed.add(message.id)
            crash.record(self._world.ledger, f"report of {message.agent}", error)
        return True
