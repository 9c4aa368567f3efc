"""Starting: from what is wanted to windows with agents in them; the intent is durable before tmux hears of it."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from agentctl.domain.agent import Agent, AgentState, Identity
from agentctl.domain.codec import encode
from agentctl.domain.errors import AgentctlError, NotFound, Refused, TerminalError, Unreachable
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.message import MessageState
from agentctl.domain.names import AgentId, team_of
from agentctl.domain.ports import Opened, Opening, Pane
from agentctl.domain.team import TAG, AgentSpec
from agentctl.drivers import launch
from agentctl.drivers.secrets import Redactor, reveal
from agentctl.drivers.signals import prepare_folder
from agentctl.runners import pulse
from agentctl.runners.runner import Launch, Runner
from agentctl.supervisor.why_again import was_unasked, why_again
from agentctl.supervisor.world import World

log = logging.getLogger(__name__)

_WAVE = 12
"""Agents a wave: tmux takes some 80 ms for their windows, longer than writing as many launches."""

_STARTABLE = frozenset({AgentState.PENDING, AgentState.BACKOFF})


class Starter:
    """Makes launches out of specs and opens their windows in one batch."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def start(self, agents: Sequence[AgentId]) -> None:
        """Start the next generation of each of *agents*; one that cannot be started fails with the reason.

        Goes in waves of whole teams: while tmux makes one wave's windows, the next one's launches are written.
        """
        fleet = self._world.ledger.fleet
        names = [name for name in agents if name in fleet.agents and fleet.agents[name].state in _STARTABLE]
        under_way = []
        try:
            for wave in _waves(names):
                openings = await self._intend(wave)
                if openings:
                    under_way.append(asyncio.create_task(self._open_and_record(openings)))
        finally:
            await asyncio.gather(*under_way)

    async def _intend(self, names: Sequence[AgentId]) -> list[Opening]:
        """Write launches and record the intents; return the windows that are now to be opened."""
        before = [self._wish(name) for name in names]
        prepared = await asyncio.gather(*(self._try_prepare(name) for name in names))
        drafts: list[Draft] = []
        openings: list[Opening] = []
        for name, wish, (intent, opening) in zip(names, before, prepared, strict=True):
            if self._wish(name) != wish:  # a request came meanwhile; the next look tells what follows from it
                if opening is not None:
                    launch.withdraw(self._world.home.run, name, opening.generation)
                continue
            drafts += intent
            openings += [opening] if opening is not None else []
        self._world.ledger.append(drafts)
        return openings

    async def _open_and_record(self, openings: Sequence[Opening]) -> None:
        self._record(await self._open(openings))

    def find(self, name: AgentId, pane: Pane) -> None:
        """Record that *name* runs in *pane* already, as if it had been started now."""
        fleet = self._world.ledger.fleet
        agent, spec = fleet.agents.get(name), fleet.spec(name)
        if agent is None or spec is None or agent.state is not AgentState.PENDING:
            return
        path = fleet.teams[spec.team].environment.get("PATH", self._world.environ.get("PATH", ""))
        runner = self._world.runners.choose(spec.runner, path).runner
        facts = {
            "generation": pane.generation,
            "digest": spec.digest(),
            "runner": runner.name,
            "reason": "it was found running",
            "mute": runner.mute,
        }
        self._world.ledger.append([Draft(agent_stream(name), EventType.AGENT_STARTING, facts)])

    def _wish(self, name: AgentId) -> tuple[Agent | None, AgentSpec | None]:
        fleet = self._world.ledger.fleet
        return fleet.agents.get(name), fleet.spec(name)

    async def _try_prepare(self, name: AgentId) -> tuple[list[Draft], Opening | None]:
        """Prepare *name*, or say in an event why it cannot be started."""
        try:
            return await self._prepare(name)
        except AgentctlError as error:
            reason = f"{error.message}; {error.hint}" if error.hint else error.message
        except OSError as error:
            reason = f"its launch cannot be written: {error.strerror or error}"
        return [Draft(agent_stream(name), EventType.AGENT_FAILED, {"reason": reason})], None

    async def _prepare(self, name: AgentId) -> tuple[list[Draft], Opening]:
        """Write the launch of *name*; return the intent, with what the agent is told first, and its window."""
        fleet = self._world.ledger.fleet
        agent, spec = self._wish(name)
        if agent is None or spec is None:
            raise NotFound(f"{name} is not part of its team any more")
        team = fleet.teams[spec.team]
        _check_folder(spec)
        generation = max(agent.generation, launch.newest(self._world.home.run, name)) + 1
        path = team.environment.get("PATH", self._world.environ.get("PATH", ""))
        choice = self._world.runners.choose(spec.runner, path)
        folder = self._world.agent_folder(name)
        resume = spec.resume and agent.runner == choice.runner.name and bool(agent.session)
        told = replace(spec, prompt=spec.prompt.replace(TAG, team.tag))
        started = choice.runner.launch(
            told,
            path=path,
            folder=folder,
            session=agent.session if resume else "",
            resume=resume,
            generation=generation,
        )
        await asyncio.to_thread(prepare_folder, self._world.home.run, name)
        if choice.runner.holds_tools:
            await asyncio.to_thread(pulse.begin, folder, fleet.limits(name).pulse)
        await asyncio.to_thread(_write_files, folder, started.files)
        env = await self._environment(spec, generation, started, folder)
        argv = await asyncio.to_thread(
            launch.prepare, self._world.home.run, name, generation, argv=started.argv, env=env, cwd=spec.cwd
        )
        changed = agent.digest != spec.digest()
        words = _first_words(told.prompt, agent, choice.runner, started, changed=changed)
        draft = Draft(
            agent_stream(name),
            EventType.AGENT_STARTING,
            {
                "generation": generation,
                "digest": spec.digest(),
                "runner": choice.runner.name,
                "reason": f"started again: {agent.evidence}" if was_unasked(agent) else choice.reason,
                "session": started.session,
                "resumed": started.resumed,
                "mute": choice.runner.mute,
            },
        )
        typed = choice.runner.submit.channel == "typing"  # an inbox keeps what was taken from it, and reports later
        lost = self._lost(name) if typed and not started.resumed else []
        intent = [draft, *self._old_words(name), *lost, *_queued(name, words)]
        return intent, Opening(name, generation, team.spec.session, spec.window, spec.index, argv, spec.cwd)

    async def _environment(self, spec: AgentSpec, generation: int, started: Launch, folder: Path) -> dict[str, str]:
        """Return all that the agent sees; our own names in it are ours to set, whoever else gives them."""
        team = self._world.ledger.fleet.teams[spec.team]
        base = {**team.environment, "PATH": self._path(team.environment)}
        kept = {name: value for name, value in base.items() if name not in started.unset}
        theirs = {**kept, **started.env, **spec.env, **self._passed(spec), **await self._revealed(spec)}
        marks = {
            "AGENTCTL_HOME": str(self._world.home.path),
            "AGENTCTL_HOME_ID": self._world.home.id,
            "AGENTCTL_TEAM": spec.team,
            "AGENTCTL_AGENT": spec.id,
            "AGENTCTL_GENERATION": str(generation),
            "AGENTCTL_RUN": str(folder),
        }
        return {name: value for name, value in theirs.items() if not name.startswith("AGENTCTL_")} | marks

    def _passed(self, spec: AgentSpec) -> dict[str, str]:
        known = {**self._world.environ, **self._world.given.get(spec.team, {})}
        lost = [name for name in spec.env_pass if name not in known and name in self._known_once(spec.team)]
        if lost:
            raise Refused(f"{', '.join(lost)}: the value is not known any more", hint=f"agentctl deploy {spec.team}")
        return {name: known[name] for name in spec.env_pass if name in known}

    def _known_once(self, team: str) -> tuple[str, ...]:
        return self._world.ledger.fleet.teams[team].passed

    async def _revealed(self, spec: AgentSpec) -> dict[str, str]:
        """Look up the agent's secrets; on a thread, because a command that tells one takes its time."""
        known = {**self._world.environ, **self._world.given.get(spec.team, {})}
        values = {s.variable: await asyncio.to_thread(reveal, s, known) for s in spec.secrets}
        self._world.redactors[spec.id] = Redactor(list(values.values()))
        return values

    def _path(self, environment: dict[str, str]) -> str:
        """Return the caller's PATH with our own command at its end, so that agents find it."""
        path = environment.get("PATH", self._world.environ.get("PATH", "/usr/bin:/bin"))
        return f"{path}:{self._world.home.run / 'bin'}"

    async def _open(self, openings: Sequence[Opening]) -> list[Opened]:
        try:
            await self._world.connect()
            return await self._world.terminal.open(openings)
        except Unreachable as error:
            log.warning("opening is unanswered", extra={"error": error.message})
            return []  # unknown, not failed: the next look tells which windows were made
        except TerminalError as error:
            return [Opened(opening.agent, opening.generation, None, error=error.message) for opening in openings]

    def _record(self, outcomes: Sequence[Opened]) -> None:
        drafts = [self._outcome(outcome) for outcome in outcomes if self._is_awaited(outcome)]
        self._world.ledger.append(drafts)

    def _is_awaited(self, outcome: Opened) -> bool:
        """Tell whether the start still counts: one that failed is no news of an agent that was stopped meanwhile."""
        agent = self._world.ledger.fleet.agents.get(outcome.agent)
        if agent is None or agent.generation != outcome.generation:
            return False
        return outcome.pane is not None or agent.state is AgentState.STARTING

    def _old_words(self, name: AgentId) -> list[Draft]:
        """Withdraw what was meant for earlier generations, which ended too soon to get it: each is told its own."""
        return [
            Draft(agent_stream(name), EventType.MESSAGE_DEAD, {"message": message.id, "reason": "it was started anew"})
            for message in self._world.ledger.fleet.queued(name)
            if message.kind in ("brief", "restart", "limit")
        ]

    def _lost(self, name: AgentId) -> list[Draft]:
        """Say of messages whose turn never ended that nobody will answer them: the new conversation knows none."""
        why = "it ended in the middle of the turn, and its conversation does not go on"
        return [
            Draft(agent_stream(name), EventType.MESSAGE_DEAD, {"message": message.id, "reason": why})
            for message in self._world.ledger.fleet.of(name)
            if message.state is MessageState.SEEN
        ]

    def _outcome(self, outcome: Opened) -> Draft:
        stream = agent_stream(outcome.agent)
        if outcome.pane is None:
            facts: dict[str, object] = {
                "generation": outcome.generation,
                "code": None,
                "reason": outcome.error,
                "lines": [],
            }
            return Draft(stream, EventType.AGENT_EXITED, facts)
        process = self._world.processes.identify(outcome.pid) or Identity("", outcome.pid, 0)
        return Draft(
            stream,
            EventType.AGENT_STARTED,
            {
                "generation": outcome.generation,
                "pane": outcome.pane,
                "process": encode(process),
                "server": encode(self._world.terminal.server()),
            },
        )


def _waves(names: Sequence[AgentId]) -> Iterator[list[AgentId]]:
    """Yield *names* in waves; a team is never in two, because its windows make one session."""
    wave: list[AgentId] = []
    for _, team in itertools.groupby(sorted(names, key=team_of), key=team_of):
        wave += team
        if len(wave) >= _WAVE:
            yield wave
            wave = []
    if wave:
        yield wave


def _check_folder(spec: AgentSpec) -> None:
    if not Path(spec.cwd).is_dir():
        raise NotFound(f"the folder {spec.cwd} is not there", hint="make it, then run: agentctl deploy")


def _write_files(folder: Path, files: dict[str, str]) -> None:
    """Write what the program is given for this launch, for its user alone; a link in its place is not followed."""
    if files:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in files.items():
        new = folder / f".{name}.new"
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        new.replace(folder / name)


def _queued(name: AgentId, words: Sequence[tuple[str, str]]) -> list[Draft]:
    """Return the events that queue *words*, kind and text each, as the first that *name* is told."""
    senders = {"brief": "team file"}
    return [
        Draft(
            agent_stream(name),
            EventType.MESSAGE_QUEUED,
            {"message": secrets.token_hex(4), "text": text, "sender": senders.get(kind, "agentctl"), "kind": kind},
        )
        for kind, text in words
    ]


def _first_words(brief: str, agent: Agent, runner: Runner, started: Launch, *, changed: bool) -> list[tuple[str, str]]:
    """Return what is told to the agent first: its brief where it does not know it, why it was started again.

    Nothing of it where it went in as an argument or cannot go in.
    """
    if runner.submit.channel == "none":
        return []
    again = agent.generation > 0 and runner.coding
    words = []
    if brief and not started.prompted and (not started.resumed or changed):
        words.append(("brief", brief))
    if again and (started.resumed or was_unasked(agent)):
        words.append(("restart", why_again(agent, resumed=started.resumed)))
    return words
