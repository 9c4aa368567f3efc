"""The executor: carries out what the engine decided and records the outcome; each outcome is the next thing seen."""

from __future__ import annotations

import logging
import signal
from collections.abc import Sequence

from agentctl.domain.agent import Agent, AgentState, Ending, Identity
from agentctl.domain.codec import encode
from agentctl.domain.errors import AgentctlError, Unreachable
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.names import AgentId
from agentctl.domain.ports import Opening, Pane
from agentctl.domain.text import safe_text
from agentctl.drivers.launch import exit_code, own_words
from agentctl.engine.reconcile import HUNG, Adopt, Append, Bury, Command, Find, Repair, Send, Settle, Start, sighting
from agentctl.engine.restart import was_well
from agentctl.runners.endings import limit_ends, why_ended
from agentctl.supervisor.observation import Observer
from agentctl.supervisor.starting import Starter
from agentctl.supervisor.world import World

log = logging.getLogger(__name__)

_LAST_WORDS = 20
"""Lines of an agent's screen that are kept when it ends."""

_PASSES_MOST = 20
"""Looks at a tree that is being stopped; two do as a rule, and one that grows on is killed as far as it is known."""

_LOOKS_MOST, _LOOK_EVERY = 10, 0.02
"""A daemon that an agent leaves behind may hold its terminal open: then this is all the time there is, in seconds."""


class Executor:
    """The supervisor's hands."""

    def __init__(self, world: World, observer: Observer, starter: Starter) -> None:
        self._world = world
        self._observer = observer
        self._starter = starter

    async def carry(self, commands: Sequence[Command]) -> None:
        """Carry out *commands*: decisions are recorded first, all starts go in one batch."""
        self._world.ledger.append([command.draft for command in commands if isinstance(command, Append)])
        self._signal([command for command in commands if isinstance(command, Send)])
        for command in commands:
            try:
                await self._carry_one(command)
            except (AgentctlError, OSError) as error:  # one agent's trouble keeps nobody else waiting
                log.warning("not carried out", extra={"command": type(command).__name__, "error": str(error)})
        starts = [command.agent for command in commands if isinstance(command, Start)]
        if starts:
            await self._starter.start(starts)

    async def _carry_one(self, command: Command) -> None:
        match command:
            case Append(draft):
                self._note(draft)
            case Adopt(agent, pane):
                self._adopt(agent, pane)
            case Find(agent, pane):
                self._starter.find(agent, pane)
            case Bury(agent, reason):
                await self._bury(agent, reason)
            case Settle(agent, survivors):
                await self._settle(agent, [process.pid for process in survivors])
            case Repair(agent, pane, drift):
                await self._repair(agent, pane, drift)
            case Start() | Send():
                pass  # carried out in one batch

    def _note(self, draft: Draft) -> None:
        """Keep ending what is left of an agent whose window was closed."""
        if draft.type == EventType.AGENT_CLOSED:
            self._observer.ends(AgentId(draft.stream.removeprefix("agent:")))

    def _signal(self, commands: Sequence[Send]) -> None:
        """Signal all trees from one fresh look at the processes: what was seen before may have forked since."""
        if not commands:
            return
        trees = self._observer.trees([command.agent for command in commands])
        for command in commands:
            tree = trees[command.agent]
            if command.signal == signal.SIGKILL:
                tree = self._stop_growing(command.agent, tree)
            self._world.processes.signal(tree, command.signal)
            self._observer.sent(command.agent, command.signal)
            facts = {"agent": command.agent, "signal": command.signal, "processes": len(tree)}
            log.info("signalled tree", extra=facts)

    def _stop_growing(self, name: AgentId, tree: Sequence[Identity]) -> list[Identity]:
        """Stop a tree that is to be killed until nobody new turns up in it; return all of it.

        What stands still makes no more. One that forks on would outrun the kill, and once its shim is dead nobody holds
        what is left of it. The shim itself is not stopped: tmux would continue it at once.
        """
        agent = self._world.ledger.fleet.agents.get(name)
        shim = agent.process if agent is not None else None
        known: dict[Identity, None] = {}
        for _ in range(_PASSES_MOST):
            fresh = [one for one in tree if one not in known]
            if not fresh:
                break
            self._world.processes.signal([one for one in fresh if one != shim], signal.SIGSTOP)
            known |= dict.fromkeys(fresh)
            tree = self._observer.trees([name])[name]
        return list(known)

    def _adopt(self, name: AgentId, pane: Pane) -> None:
        self._append(
            name,
            EventType.AGENT_STARTED,
            generation=pane.generation,
            pane=pane.id,
            process=encode(self._world.processes.identify(pane.pid) or Identity("", pane.pid, 0)),
            server=encode(self._world.terminal.server()),
            adopted=True,
        )

    async def _bury(self, name: AgentId, reason: str) -> None:
        agent = self._world.ledger.fleet.agents.get(name)
        if agent is None or agent.state not in (AgentState.STARTING, AgentState.RUNNING):
            return  # asked to end since it was decided
        code, lines = await self._code(agent), await self._last_words(agent)
        if not self._is_still(agent):
            return  # a request came meanwhile; the next look tells what follows from it
        self._observer.ends(name)
        ending = self._ending(agent, code, lines)
        self._append(
            name,
            EventType.AGENT_EXITED,
            generation=agent.generation,
            code=code,
            reason=self._world.ledger.fleet.agents[name].condemned or reason or _ending(code),
            lines=lines,
            well=self._was_well(agent),
            ending=ending,
            until=self._until(agent, lines) if ending is Ending.QUOTA else "",
        )

    def _ending(self, agent: Agent, code: int | None, lines: Sequence[str]) -> Ending:
        """Tell why *agent* ended; what follows depends on it."""
        if agent.server is not None and agent.server != self._world.terminal.server():
            return Ending.SERVER
        runner = self._world.runners.known(agent.runner)
        return why_ended(runner, code, lines, _killed_for(agent))

    def _until(self, agent: Agent, lines: Sequence[str]) -> str:
        """Return when the limit ends that *agent* ran into, where it has said so."""
        if agent.asking is not None and agent.asking.until_at is not None:
            return agent.asking.until_at.isoformat()
        until = limit_ends(self._world.runners.known(agent.runner), lines, self._world.clock.now())
        return until.isoformat() if until is not None else ""

    async def _settle(self, name: AgentId, survivors: list[int]) -> None:
        agent = self._world.ledger.fleet.agents.get(name)
        if agent is None or agent.state is not AgentState.STOPPING:
            return
        code = await self._code(agent)
        if not agent.again:
            await self._close_window(agent)
        if not self._is_still(agent):
            return
        self._observer.settled(name)
        self._append(name, EventType.AGENT_STOPPED, code=code, reason=agent.evidence, survivors=survivors)

    def _is_still(self, agent: Agent) -> bool:
        """Tell whether *agent* stands where it stood before we waited: requests are answered meanwhile."""
        now = self._world.ledger.fleet.agents.get(agent.id)
        return now is not None and (now.state, now.generation) == (agent.state, agent.generation)

    async def _repair(self, name: AgentId, pane: Pane, drift: str) -> None:
        spec = self._world.ledger.fleet.spec(name)
        if spec is None:
            return
        session = self._world.ledger.fleet.teams[spec.team].spec.session
        wanted = Opening(name, pane.generation, session, spec.window, spec.index, (), spec.cwd)
        self._observer.repaired(name, sighting(pane))
        self._append(
            name,
            EventType.AGENT_DRIFTED,
            drift=drift,
            seen=f"{pane.session}:{pane.index} {safe_text(pane.window)}",
            wanted=f"{session}:{spec.index} {spec.window}",
        )
        try:
            await self._world.terminal.arrange(pane.id, wanted, typed=self._world.ledger.fleet.agents[name].typed)
        except AgentctlError as error:
            log.warning("repair failed", extra={"agent": name, "error": error.message})
            return
        self._append(name, EventType.AGENT_REPAIRED, drift=drift)

    async def _close_window(self, agent: Agent) -> None:
        if agent.pane is None or agent.server != self._world.terminal.server():
            return
        try:
            await self._world.terminal.close([agent.pane])
        except AgentctlError as error:
            log.warning("window stays open", extra={"agent": agent.id, "error": error.message})

    async def _code(self, agent: Agent) -> int | None:
        """Return the exit code that the shim left behind, else the one that tmux knows."""
        code = exit_code(self._world.home.run, agent.id, agent.generation)
        if code is not None or agent.pane is None:
            return code
        try:
            panes = await self._world.terminal.panes()
        except Unreachable:
            return None
        return next((pane.exit_code for pane in panes if pane.id == agent.pane and pane.dead), None)

    async def _last_words(self, agent: Agent) -> list[str]:
        if agent.pane is None or agent.server != self._world.terminal.server():
            return []
        try:
            await self._hear_out(agent)
            screen = await self._world.terminal.screen(agent.pane, history=_LAST_WORDS)
        except AgentctlError:
            return []
        shown = [
            line.rstrip()
            for line in self._world.masked(agent.id, own_words(safe_text(screen), agent.generation)).splitlines()
        ]
        return [line for line in shown if line and not line.startswith("Pane is dead (")][-_LAST_WORDS:]

    async def _hear_out(self, agent: Agent) -> None:
        """Give tmux a moment to read all that the agent has said: only then it calls the pane dead."""
        for _ in range(_LOOKS_MOST):
            panes = await self._world.terminal.panes()
            if not any(pane.id == agent.pane and not pane.dead for pane in panes):
                return
            self._world.terminal.poke()
            await self._world.clock.sleep(_LOOK_EVERY)

    def _was_well(self, agent: Agent) -> bool:
        spec = self._world.ledger.fleet.spec(agent.id)
        return spec is not None and was_well(agent, spec.restart, self._world.clock.now())

    def _append(self, agent: AgentId, kind: EventType, **data: object) -> None:
        self._world.ledger.append([Draft(agent_stream(agent), kind, data)])


def _killed_for(agent: Agent) -> Ending | None:
    """Return why we have ended *agent* ourselves, None where we have not."""
    if agent.condemned:
        return Ending.CRASH
    return Ending.HANG if agent.unwell.startswith(HUNG) else None


def _ending(code: int | None) -> str:
    """Return an exit code in words."""
    if code is None:
        return "ended; its exit code is unknown"
    if code > 128:  # noqa: PLR2004  the shell's convention: 128 + signal
        return f"ended by signal {code - 128}"
    return f"exited with code {code}"
