"""The system's cron: `tick` brings back what is to run and nothing else, and no slot is done twice; the real crontab
and the real daemon, in a part of the machine that has crontabs of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agentctl.domain.names import agent_id
from agentctl.domain.schedule import Every, Schedule, ScheduleKind
from agentctl.engine.schedule import Standing, anchor_of, next_look
from tests.acceptance.stage import Done, Stage, _environment, until

FULL = os.environ.get("AGENTCTL_CAMPAIGN") == "full"
SPOOL = "/var/spool/cron/crontabs"
PRIVATE = f"mount -t tmpfs none {SPOOL} && mount -t tmpfs none /run && mount -t tmpfs none /etc/cron.d && " \
    "mount --bind /dev/null /etc/crontab && echo up && exec cat"  # fmt: skip
"""Neither a crontab of this machine nor its daemon is seen or touched; it ends with the pipe that it reads."""
OTHERS = b'# mine, caf\xe9 \x01\nMAILTO=""\n\n5 4 * * * echo %in\\%\n'


def next_save(agent: str) -> datetime:
    """Return when the schedule `save`, each minute, is next for an agent of the team `web`."""
    save = Schedule("save", ScheduleKind.COMMIT, Every(timedelta(minutes=1)), (agent,))
    now = datetime.now(UTC)
    moment = next_look([Standing(save, "web", agent, anchor_of(save, agent_id("web", agent)), now)], now)
    assert moment is not None
    return moment


def silent(done: Done) -> bool:
    return not done.said


class TestTick:
    def test_where_nothing_was_ever_deployed_it_makes_nothing(self, stage: Stage) -> None:
        assert silent(stage.run("tick"))
        assert not stage.home.path.exists()

    def test_a_supervisor_that_was_killed_is_started_and_no_agent_notices(self, stage: Stage) -> None:
        stage.deploy(stage.team(agents={"a": stage.stays(), "b": stage.stays()}))
        before, first = stage.starts(), stage.supervisor()
        stage.kill_supervisor()
        assert silent(stage.run("tick"))
        assert stage.supervisor() != first
        until(lambda: stage.all_in("running"), "both are found again")
        assert stage.starts() == before
        assert silent(stage.run("tick"))
        assert "nothing was due" in stage.run("tick", "--verbose").err

    def test_ticks_at_once_start_one_supervisor(self, stage: Stage) -> None:
        stage.deploy(stage.team(agents={"a": stage.stays()}))
        stage.kill_supervisor()
        ticks = [stage.spawn("tick") for _ in range(6)]
        for done in map(stage.finish, ticks):
            assert done.code == 0, done
            assert silent(done)
        assert stage.supervisor()
        assert len(stage.events("SupervisorStarted")) == 2

    def test_after_a_person_has_ended_it_none_is_started_until_a_person_does(self, stage: Stage) -> None:
        stage.deploy(stage.team(agents={"a": stage.stays()}))
        stage.run("daemon", "stop")
        assert silent(stage.run("tick"))
        stage.run("daemon", "status", code=5)
        stage.run("daemon", "start")
        stage.kill_supervisor()
        stage.run("daemon", "stop")
        assert silent(stage.run("tick"))
        stage.run("daemon", "status", code=5)
        assert len(stage.events("SupervisorStarted")) == 2
        stage.run("daemon", "start")
        stage.kill_supervisor()
        assert silent(stage.run("tick"))
        assert stage.supervisor()

    def test_what_was_ended_in_an_emergency_stays_ended(self, stage: Stage) -> None:
        stage.deploy(stage.team(agents={"a": stage.stays()}))
        stage.run("emergency-cleanup", "-y", "--grace", "500ms")
        assert silent(stage.run("tick"))
        assert not stage.marked()

    def test_where_all_agents_are_at_rest_none_is_started(self, stage: Stage) -> None:
        stage.deploy(stage.team(agents={"a": stage.stays()}))
        stage.run("stop-all", "-y")
        stage.kill_supervisor()
        assert silent(stage.run("tick"))
        assert not stage.supervisors()

    def test_ticks_beside_the_supervisor_and_kills_of_it_do_no_slot_twice(self, stage: Stage) -> None:
        subprocess.run(["git", "init", "-q", str(stage.work)], check=True)
        end = datetime.now(UTC) + timedelta(seconds=14)
        names = [name for name in map("a{}".format, range(60)) if end - timedelta(seconds=8) < next_save(name) < end]
        agents = dict.fromkeys(names, stage.stays())
        stage.deploy(stage.team(agents=agents, schedules={"save": {"every": "1m", "commit": True}}))
        while datetime.now(UTC) < end:
            ticks = [stage.spawn("tick") for _ in range(3)]
            stage.kill_supervisor()
            for done in map(stage.finish, ticks):
                assert done.code in (0, 5), done
        assert silent(stage.run("tick"))
        saves = [event for event in stage.events() if event["data"].get("schedule") == "save"]
        taken = Counter((event["stream"], event["data"]["at"]) for event in saves)
        assert len({stream for stream, _ in taken}) >= len(names) / 2
        assert set(taken.values()) == {1}


class Apart:
    """A part of this machine that has crontabs of its own, and a place for a cron daemon."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.env = stage.env(XDG_CONFIG_HOME=str(stage.folder / "con'fig \\% 5%"))
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", PRIVATE],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"up\n":
            _, why = self._holder.communicate()
            pytest.skip(f"no part of this machine can be set apart: {why.decode().strip()}")
        self.daemon: subprocess.Popen[bytes] | None = None

    def argv(self, words: Sequence[str]) -> list[str]:
        enter = ["nsenter", "--target", str(self._holder.pid), "--mount", f"--wd={self.stage.work}", "--"]
        return [*enter, *words]

    def call(self, *words: str, given: bytes = b"", code: int = 0) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(self.argv(words), input=given, capture_output=True, env=self.env, timeout=60, check=False)
        assert done.returncode == code, done
        return done

    def agentctl(self, *words: str, code: int = 0) -> str:
        done = self.call(*self.stage.argv(*words), code=code)
        return (done.stdout + done.stderr).decode()

    def table(self) -> bytes:
        return self.call("crontab", "-l").stdout

    def start_daemon(self) -> None:
        self.daemon = subprocess.Popen(self.argv(["cron", "-f"]), env=self.env, start_new_session=True)

    def close(self) -> None:
        if self.daemon is not None:
            self.daemon.kill()
            self.daemon.wait()
        self._holder.communicate()


@pytest.fixture
def apart(stage: Stage) -> Iterator[Apart]:
    missing = [name for name in ("crontab", "cron", "unshare", "nsenter") if shutil.which(name) is None]
    if missing or not Path(SPOOL).is_dir():
        pytest.skip(f"Debian's cron is not here: no {', '.join(missing) or SPOOL}")
    if os.geteuid() != 0:
        pytest.skip("only root can set a part of the machine apart")
    apart = Apart(stage)
    try:
        yield apart
    finally:
        apart.close()


def cron_runs(apart: Apart, command: bytes) -> subprocess.CompletedProcess[bytes]:
    """Run *command* as cron would: by sh, with hardly any environment, from the home folder."""
    env = {"HOME": str(apart.stage.folder), "LOGNAME": "root", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [b"/bin/sh", b"-c", command.replace(b"\\%", b"%")],
        env=env, cwd=apart.stage.folder, capture_output=True, timeout=60, check=False,
    )  # fmt: skip


class TestCrontab:
    def test_nothing_is_written_unasked_and_all_comes_out_as_it_was(self, apart: Apart) -> None:
        for others in (None, b"", OTHERS):
            if others is not None:
                apart.call("crontab", "-", given=others)
            apart.agentctl("cron", "install", code=8)
            before = b"" if others is None else apart.table()
            assert before == (others or b"")
            shown = apart.agentctl("cron", "install", "-y")
            assert "+* * * * * /usr/bin/env PATH=" in shown
            table = apart.table()
            assert table.startswith(before)
            assert "already" in apart.agentctl("cron", "install", "-y")
            assert apart.table() == table
            apart.agentctl("cron", "install", "--every", "5m", "-y")
            assert apart.table() == table.replace(b"\n* * * * * /usr/bin/env", b"\n*/5 * * * * /usr/bin/env")
            apart.agentctl("cron", "remove", code=8)
            apart.agentctl("cron", "remove", "-y")
            if before:
                assert apart.table() == before
            else:
                assert b"no crontab for" in apart.call("crontab", "-l", code=1).stderr
            assert "nothing of this state folder" in apart.agentctl("cron", "remove", "-y")

    def test_a_last_line_without_an_end_gets_one_as_cron_demands(self, apart: Apart) -> None:
        apart.call("sh", "-c", f"printf '* * * * * true' > {SPOOL}/root")
        apart.agentctl("cron", "install", "-y")
        apart.agentctl("cron", "remove", "-y")
        assert apart.table() == b"* * * * * true\n"

    def test_line_ends_that_crontab_does_not_show_as_they_are_are_not_lost(self, apart: Apart) -> None:
        apart.call("crontab", "-", given=b"# of DOS\r\n")
        kept = apart.call("cat", f"{SPOOL}/root").stdout
        assert "carriage return" in apart.agentctl("cron", "install", "-y", code=9)
        assert apart.call("cat", f"{SPOOL}/root").stdout == kept

    def test_a_path_that_is_too_long_for_cron_changes_nothing(self, apart: Apart) -> None:
        apart.call("crontab", "-", given=OTHERS)
        apart.env["PATH"] += f":/{'x' * 1000}"
        assert "shorter PATH" in apart.agentctl("cron", "install", "-y", code=5)
        assert apart.table() == OTHERS

    def test_the_line_works_as_cron_runs_it(self, apart: Apart, stage: Stage) -> None:
        stage.deploy(stage.team(agents={"a": stage.stays()}))
        apart.agentctl("cron", "install", "-y")
        line = next(line for line in apart.table().splitlines() if line.startswith(b"* "))
        stage.kill_supervisor()
        done = cron_runs(apart, line.removeprefix(b"* * * * * "))
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert _environment(stage.supervisor())[b"XDG_CONFIG_HOME"] == os.fsencode(apart.env["XDG_CONFIG_HOME"])

    @pytest.mark.slow
    @pytest.mark.timeout(300)
    @pytest.mark.skipif(not FULL, reason="cron looks once a minute: AGENTCTL_CAMPAIGN=full")
    def test_debians_cron_brings_the_supervisor_back(self, apart: Apart, stage: Stage) -> None:
        stage.deploy(stage.team(agents={"a": stage.stays()}))
        before = stage.starts()
        apart.agentctl("cron", "install", "-y")
        apart.start_daemon()
        stage.kill_supervisor()
        until(stage.supervisors, "cron started a supervisor", 130)
        assert _environment(stage.supervisor())[b"XDG_CONFIG_HOME"] == os.fsencode(apart.env["XDG_CONFIG_HOME"])
        until(lambda: stage.all_in("running"), "the agent is found again")
        assert stage.starts() == before
        until(lambda: "runs: cron, pid" in (said := apart.agentctl("cron", "show")) and "ago" in said, "it ticked")
        apart.agentctl("cron", "remove", "-y")
        stage.run("daemon", "stop")
