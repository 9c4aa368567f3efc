"""The composition root: the only place that says which driver stands behind which port."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import logging.handlers
import os
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from agentctl import __version__
from agentctl.control.home import Home, find_home
from agentctl.domain.agent import ALIVE
from agentctl.domain.errors import AgentctlError, Unreachable
from agentctl.domain.events import SUPERVISOR_STREAM, Draft, EventType
from agentctl.domain.resources import Level
from agentctl.drivers.clock import SystemClock
from agentctl.drivers.git.checkpoints import GitCheckpoints
from agentctl.drivers.governor.process import SystemGovernor
from agentctl.drivers.notify.choice import ways
from agentctl.drivers.processes import SystemProcesses
from agentctl.drivers.tmux.terminal import TmuxTerminal
from agentctl.runners.registry import Runners
from agentctl.runners.usage.prices import Prices
from agentctl.store.samples import SqliteSamples
from agentctl.store.sqlite import SqliteLog
from agentctl.supervisor.accounts import Accounts
from agentctl.supervisor.answering import Answering
from agentctl.supervisor.archivist import Archivist
from agentctl.supervisor.attention import Attention
from agentctl.supervisor.bounds import bounds_of
from agentctl.supervisor.delivery import Delivery
from agentctl.supervisor.executor import Executor
from agentctl.supervisor.habits import habits_of
from agentctl.supervisor.hearing import Hearing
from agentctl.supervisor.ledger import Ledger
from agentctl.supervisor.lock import HomeLock
from agentctl.supervisor.loop import Loop
from agentctl.supervisor.observation import Observer
from agentctl.supervisor.pulse import Pulse
from agentctl.supervisor.recorder import Recorder
from agentctl.supervisor.reporter import Reporter
from agentctl.supervisor.requests.request import Desk
from agentctl.supervisor.scheduler import Scheduler
from agentctl.supervisor.senses import Senses
from agentctl.supervisor.server import Server
from agentctl.supervisor.starting import Starter
from agentctl.supervisor.steward import Steward
from agentctl.supervisor.watchers import Watchers
from agentctl.supervisor.world import World

log = logging.getLogger(__name__)

_LOG_BYTES, _LOG_FILES = 10 * 2**20, 3
_HISTORY_LINES = 20_000
_TMUX_AGAIN = 1.0
"""Seconds between two tries to reach a tmux that does not answer."""


def main() -> int:
    """Run the supervisor of this home until it is told to end; the exit code."""
    os.umask(0o077)
    home = find_home()
    _carry_the_mark(home)
    try:
        home.prepare()
        processes = SystemProcesses(home_id=home.id)
        lock = HomeLock(home.lock, home.pid_file, processes.identify)
        own = processes.identify(os.getpid())
        if own is None:
            raise Unreachable("this process cannot be found in the process table")
        lock.take(own)
        world = make_world(home, processes)
    except AgentctlError as error:
        words = f"error: {error.message}" + (f"\nhint: {error.hint}" if error.hint else "")
        print(words, file=sys.stderr)  # noqa: T201  no log is open yet
        return error.exit_code
    _open_text_log(home)
    try:
        asyncio.run(_run(world))
    finally:
        lock.release()
    logging.shutdown()
    os._exit(0)  # the interpreter would wait for threads, and one may wait a minute for a git that hangs


def _carry_the_mark(home: Home) -> None:
    """Start over with our mark in the environment where it is missing: others tell a supervisor by it."""
    marks = {"AGENTCTL_SUPERVISOR": "1", "AGENTCTL_HOME_ID": home.id}
    foreign = [name for name in ("AGENTCTL_AGENT", "TMUX", "TMUX_PANE") if name in os.environ]
    if not foreign and all(os.environ.get(name) == value for name, value in marks.items()):
        return
    environ = {name: value for name, value in os.environ.items() if name not in foreign} | marks
    os.execve(sys.executable, [sys.executable, "-m", "agentctl.supervisor"], environ)  # noqa: S606  no shell is wanted


def _open_text_log(home: Home) -> None:
    handler = logging.handlers.RotatingFileHandler(
        home.logs / "supervisor.log", maxBytes=_LOG_BYTES, backupCount=_LOG_FILES - 1
    )
    handler.setFormatter(_Line("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=os.environ.get("AGENTCTL_LOG_LEVEL", "INFO").upper(), handlers=[handler])
    logging.getLogger("watchfiles").setLevel(logging.WARNING)


class _Line(logging.Formatter):
    """One line a record, with the facts of `extra` as key=value."""

    _PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{k}={v}" for k, v in vars(record).items() if k not in self._PLAIN)
        return f"{super().format(record)} {facts}".rstrip()


async def _run(world: World) -> None:
    wake, finish = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, finish.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, lambda: None)  # the terminal that started us may go
    try:
        await supervise(world, wake, finish)
    finally:
        await world.governor.close()
        await world.terminal.disconnect()
        world.ledger.close()
        # asyncio waits for the threads of the executor that it finds; what they make is found after any end
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))


def make_world(home: Home, processes: SystemProcesses) -> World:
    """Return the world made of real drivers."""
    clock = SystemClock()
    host = socket.gethostname()
    ledger = Ledger(SqliteLog(home.log, host=host, clock=clock.now))
    terminal = TmuxTerminal(
        _choose_socket(home, ledger),
        run_dir=home.run,
        home=home.id,
        identify=processes.identify,
        own=home.tmux_socket == home.own_tmux_socket,
        history_limit=int(os.environ.get("AGENTCTL_TMUX_HISTORY_LIMIT") or _HISTORY_LINES),
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AGENTCTL_")}
    return World(
        home=home,
        host=host,
        clock=clock,
        ledger=ledger,
        terminal=terminal,
        processes=processes,
        governor=SystemGovernor(home.id, home.frozen, _surest_level()),
        runners=Runners.load(_user_folder() / "runners"),
        checkpoints=GitCheckpoints(home.git),
        prices=Prices.load(_user_folder()),
        environ=environ,
        since=clock.now(),
        bounds=bounds_of(os.environ),
        samples=SqliteSamples(home.samples),
        ways=ways(terminal, clock),
        habits=habits_of(os.environ),
    )


def _surest_level() -> Level:
    """Return the surest level that the settings allow."""
    asked = os.environ.get("AGENTCTL_LIMITS_LEVEL", "auto")
    return Level(asked) if asked in set(Level) else Level.QUOTA


def _choose_socket(home: Home, ledger: Ledger) -> str:
    """Take the tmux server that the settings ask for, but none other than the one on which agents run already."""
    asked = os.environ.get("AGENTCTL_TMUX_SOCKET", "own")
    if not any(agent.state in ALIVE for agent in ledger.fleet.agents.values()):
        home.tmux_note.write_text("default" if asked == "default" else home.own_tmux_socket)
    return home.tmux_socket


def _user_folder() -> Path:
    """Return where the user's own runners and prices lie."""
    from platformdirs import user_config_path  # noqa: PLC0415  only here

    return user_config_path("agentctl")


async def supervise(world: World, wake: asyncio.Event, finish: asyncio.Event) -> None:
    """Run every part until *finish* is set; agents run on afterwards."""
    senses, pulse, accounts = Senses(world, wake), Pulse(world), Accounts(world)
    recorder = Recorder(world.samples, world.clock, world.ledger)
    steward = Steward(world, recorder, wake)
    observer = Observer(world, senses.moved, steward.machine.room)
    answering = Answering(world, senses)
    archivist = Archivist(world)
    scheduler = Scheduler(world, archivist)
    attention = Attention(world)
    desk = Desk(
        world, observer, steward, senses, answering, wake, finish, recorder, pulse, archivist, scheduler, attention
    )
    loop = Loop(world, observer, Executor(world, observer, Starter(world)), wake)
    _offer_command(world.home)
    server = Server(desk)
    async with server.listening():
        _record_start(world)
        parts = [
            asyncio.create_task(part, name=name)
            for name, part in (
                ("loop", loop.run()),
                ("watchers", Watchers(world, senses, wake).run()),
                ("delivery", Delivery(world, senses, pulse, accounts).run()),
                ("signals", Hearing(world, senses, pulse, accounts, wake).run()),
                ("pulse", pulse.run()),
                ("accounts", accounts.run()),
                ("screens", senses.watch_screens()),
                ("verdicts", senses.watch_time()),
                ("answers", answering.run()),
                ("attention", attention.run()),
                ("limits", steward.run()),
                ("schedules", scheduler.run()),
                ("reports", Reporter(world).run()),
                ("samples", recorder.run()),
                ("tmux", _listen_to_tmux(world, wake)),
                ("socket", server.lost()),
                ("finish", finish.wait()),
            )
        ]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            archivist.close()
            recorder.close()
    for part in done:
        part.result()
    reason = "it was asked to end" if finish.is_set() else "its control socket is gone"
    log.info("supervisor ends", extra={"reason": reason})
    world.ledger.append([Draft(SUPERVISOR_STREAM, EventType.SUPERVISOR_STOPPED, {"reason": reason})])


def _record_start(world: World) -> None:
    facts = {"pid": os.getpid(), "version": __version__, "tmux": world.home.tmux_socket}
    world.ledger.append([Draft(SUPERVISOR_STREAM, EventType.SUPERVISOR_STARTED, facts)])
    world.home.stay_down.unlink(missing_ok=True)
    log.info("supervisor started", extra=facts)


async def _listen_to_tmux(world: World, wake: asyncio.Event) -> None:
    """Keep connected, and wake the loop at every hint."""
    while True:
        try:
            await world.connect()
            wake.set()
            async for _ in world.terminal.changes():
                wake.set()
        except AgentctlError as error:
            log.warning("tmux is out of reach", extra={"error": error.message})
        wake.set()
        await world.clock.sleep(_TMUX_AGAIN)


def _offer_command(home: Home) -> None:
    """Put `agentctl` where agents find it at the end of their PATH."""
    folder = home.run / "bin"
    folder.mkdir(mode=0o700, exist_ok=True)
    script = folder / "agentctl"
    with contextlib.suppress(FileNotFoundError):
        script.unlink()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m agentctl "$@"\n')
    script.chmod(0o700)
