"""init, config, doctor, audit, runner, daemon: what they write, and that they harm nothing."""

from __future__ import annotations

import json
import plistlib
import shutil
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agentctl.cli.units import unit_for
from agentctl.control.home import Home
from agentctl.domain.events import Draft, EventType
from agentctl.store.sqlite import SqliteLog


@pytest.fixture
def work(home, tmp_path) -> Path:
    return tmp_path / "work"


class TestInit:
    @pytest.mark.parametrize("template", ["minimal", "web", "fullstack"])
    def test_what_it_writes_is_valid(self, work, agentctl, template) -> None:
        done = agentctl("init", "--template", template, "--name", "shop")
        assert done.code == 0
        lines = (work / "teams" / "shop.yaml").read_text().splitlines()
        assert lines[0] == "# yaml-language-server: $schema=../.agentctl/team.schema.json"
        assert "name: shop" in lines
        assert json.loads((work / ".agentctl" / "team.schema.json").read_text())["$schema"].endswith("draft-07/schema#")
        assert agentctl("validate").code == 0

    def test_it_never_writes_over_anything(self, work, agentctl) -> None:
        (work / "teams").mkdir()
        (work / "teams" / "shop.yaml").symlink_to(work / "elsewhere")
        (work / ".agentctl").mkdir()
        (work / ".agentctl" / "team.schema.json").write_text("mine")
        assert agentctl("init", "--name", "shop").code == 9
        assert not (work / "elsewhere").exists()
        assert agentctl("init", "--name", "other").code == 0
        assert (work / ".agentctl" / "team.schema.json").read_text() == "mine"

    @pytest.mark.parametrize("name", ["Shop", "../x", "a b", "#(touch x)"])
    def test_names_are_checked(self, work, agentctl, name) -> None:
        assert agentctl("init", "--name", name).code == 2
        assert list(work.iterdir()) == []


class TestConfig:
    def test_who_wins(self, work, agentctl, monkeypatch, tmp_path) -> None:
        user = tmp_path / "config" / "agentctl" / "config.yaml"
        user.parent.mkdir(parents=True)
        user.write_text("color: never\ntmux: { history_limit: 9 }\ndeploy: { timeout: 1m }\n")
        (work / "agentctl.yaml").write_text("# ours\ntmux: { history_limit: 8 }\ndeploy:\n  timeout: 3m\n")
        monkeypatch.setenv("AGENTCTL_DEPLOY_TIMEOUT", "5m")
        rows = {line.split("\t")[0]: line.split("\t")[1:] for line in agentctl("config", "show", "--origin").lines}
        assert rows["color"] == ["never", f"{user}:1"]
        assert rows["tmux.history_limit"] == ["8", f"{work / 'agentctl.yaml'}:2"]
        assert rows["deploy.timeout"] == ["5m", "$AGENTCTL_DEPLOY_TIMEOUT"]
        assert rows["tmux.socket"] == ["own", "default"]
        assert agentctl("config", "get", "color").out == "never\n"

    @pytest.mark.parametrize(
        ("key", "value", "shown"),
        [
            ("cpu", "60%", "60%"), ("cpu", "12.5 %", "12.5 %"), ("memory_reserve", "auto", "auto"),
            ("memory_reserve", "0%", "0%"), ("memory_reserve", "1GiB", "1GiB"), ("agents", "8", "8"),
            ("agents", "none", "none"), ("starting", "auto", "auto"), ("starting", "2", "2"),
        ],
    )  # fmt: skip
    def test_what_agents_may_take_of_the_machine(self, work, agentctl, key, value, shown) -> None:
        (work / "agentctl.yaml").write_text(f"machine: {{ {key}: {value} }}\n")
        assert agentctl("config", "get", f"machine.{key}").out == f"{shown}\n"

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("cpu", "60"), ("cpu", "0%"), ("cpu", "101%"), ("cpu", "none"), ("memory_reserve", "100%"),
            ("memory_reserve", "1000"), ("memory_reserve", "much"), ("agents", "0"), ("agents", "auto"),
            ("starting", "none"), ("starting", "1.5"),
        ],
    )  # fmt: skip
    def test_what_nobody_can_take_of_the_machine(self, work, agentctl, key, value) -> None:
        (work / "agentctl.yaml").write_text(f"machine: {{ {key}: {value} }}\n")
        done = agentctl("config", "show")
        assert done.code == 3
        assert f"machine.{key}: " in done.err

    def test_every_problem_with_its_place(self, work, agentctl) -> None:
        (work / "agentctl.yaml").write_text("colr: auto\ndeploy: { timeout: 5 }\ncolor: [x]\n")
        done = agentctl("config", "show")
        assert done.code == 3
        assert all(f"agentctl.yaml:{line}:1" in done.err for line in (1, 2, 3))
        assert "did you mean 'color'?" in done.err

    def test_a_bad_variable_is_named(self, work, agentctl, monkeypatch) -> None:
        monkeypatch.setenv("AGENTCTL_DEPLOY_TIMEOUT", "soon")
        done = agentctl("config", "show")
        assert done.code == 3
        assert "AGENTCTL_DEPLOY_TIMEOUT=soon" in done.err

    def test_no_file_changes_what_a_pipe_gets(self, work, supervisor, agentctl) -> None:
        (work / "agentctl.yaml").write_text("output: json\ncolor: always\n")
        supervisor.on("ps", {"agents": [], "teams": []})
        assert agentctl("ps").out.startswith("AGENT\tSTATE")

    def test_edit_opens_the_file(self, work, agentctl, monkeypatch) -> None:
        monkeypatch.setenv("EDITOR", "sh -c 'echo color: never > $0'")
        monkeypatch.delenv("VISUAL", raising=False)
        assert agentctl("config", "edit").code == 0
        assert agentctl("config", "get", "color").out == "never\n"
        monkeypatch.delenv("EDITOR")
        assert agentctl("config", "edit").code == 2

    def test_the_file_that_comes_along_changes_nothing(self, work, agentctl) -> None:
        shipped = (Path(__file__).parents[3] / "agentctl.yaml").read_text()
        before = agentctl("config", "show").out
        (work / "agentctl.yaml").write_text(shipped)
        assert agentctl("config", "show").out == before
        uncommented = "\n".join(line.removeprefix("# ") for line in shipped.splitlines()[3:])
        (work / "agentctl.yaml").write_text(uncommented)
        assert agentctl("config", "show").out == before


class TestDoctor:
    def test_every_line_that_is_not_fine_has_a_hint(self, home, agentctl) -> None:
        done = agentctl("doctor", "--json")
        checks = json.loads(done.out)["items"]
        assert {"tmux", "git", "python", "state folder", "disk", "supervisor", "limits"} <= {c["name"] for c in checks}
        assert all(c["hint"] for c in checks if c["state"] != "ok")
        held = {c["name"]: c["text"] for c in checks if c["name"].startswith("limits")}
        assert held["limits"].startswith("CPU ")
        assert "works too" in held["limits: CPU signals"] or held["limits"].startswith("CPU signals")
        assert not home.path.exists()

    def test_it_works_when_all_else_is_broken(self, home, process, tmp_path) -> None:
        home.path.mkdir()
        home.path.chmod(0o777)
        (tmp_path / "work" / "agentctl.yaml").write_text("[[[")
        env = {"AGENTCTL_HOME": str(home.path), "PATH": "", "LC_ALL": "C"}
        done = process("doctor", env=env)
        assert done.returncode == 1
        broken = {line.split("  ")[0] for line in done.stdout.splitlines() if line.startswith("✗")}
        assert broken == {"✗ tmux", "✗ home", "✗ settings"} | {line for line in broken if line == "✗ supervisor"}
        assert "chmod 700" in done.stdout

    def test_a_stale_socket_is_seen(self, supervisor, home, agentctl) -> None:
        supervisor.close()
        done = agentctl("doctor")
        assert "its socket is left" in done.out


class TestAudit:
    @pytest.fixture
    def log(self, home) -> Path:
        home.prepare()
        log = SqliteLog(home.log, host="h", clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
        log.append([Draft("agent:a/b", EventType.AGENT_WANTED, {"reason": "deployed"})])
        log.append([Draft("agent:a/b", EventType.AGENT_STARTING, {"generation": 1})])
        log.close()
        return home.log

    def test_a_sound_log(self, log, agentctl) -> None:
        done = agentctl("audit", "verify")
        assert done.code == 0
        assert "2 events, every one as it was written" in done.err

    def test_a_changed_log(self, log, agentctl) -> None:
        with sqlite3.connect(log) as connection:
            connection.execute("PRAGMA writable_schema = 1")
            for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {trigger}")
            connection.execute("UPDATE events SET data = replace(data, 'deployed', 'forged')")
        connection.close()
        done = agentctl("audit", "verify")
        assert done.code == 1
        assert any(line.startswith("1\t") for line in done.lines)
        assert "damaged" in done.err

    def test_no_log(self, home, agentctl) -> None:
        assert agentctl("audit", "verify").code == 4
        assert not home.path.exists()

    def test_events_and_ps_are_read_from_it_when_nobody_answers(self, log, agentctl) -> None:
        assert "AgentStarting" in agentctl("events").out
        done = agentctl("ps", "a")
        assert done.lines[1].startswith("a/b\tstarting")
        assert "supervisor is not running; last known, " in done.err
        assert done.code == 0


class TestRunner:
    def test_ls_and_show(self, home, agentctl) -> None:
        names = [line.split("\t")[0] for line in agentctl("runner", "ls").lines]
        assert {"shell", "process", "claude"} <= set(names)
        assert json.loads(agentctl("runner", "show", "shell", "--json").out)["items"][0]["installed"] is True
        assert agentctl("runner", "show", "nope").code == 4


class TestDaemon:
    def test_status(self, supervisor, agentctl) -> None:
        assert agentctl("daemon", "status").lines[1].startswith("4711\t")
        supervisor.close()
        assert agentctl("daemon", "status").code == 5

    def test_stop_where_none_runs_is_fine(self, home, agentctl) -> None:
        done = agentctl("daemon", "stop")
        assert (done.code, done.err) == (0, "no supervisor is running\n")

    def test_logs(self, home, agentctl) -> None:
        assert agentctl("daemon", "logs").code == 4
        home.prepare()
        (home.logs / "supervisor.log").write_text("one\ntwo \x1b[31mred\nthree\n")
        assert agentctl("daemon", "logs", "-n", "2").out == "two red\nthree\n"

    def test_install_asks_and_writes_only_then(self, home, agentctl, tmp_path) -> None:
        path = tmp_path / "config" / "systemd" / "user" / "agentctl.service"
        assert "KillMode=process" in agentctl("daemon", "install", "--print").out
        assert agentctl("daemon", "install").code == 8
        assert not path.exists()
        if sys.platform != "darwin":
            assert agentctl("daemon", "install", "--yes").code == 0
            assert "Restart=on-failure" in path.read_text()

    @pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
    def test_systemd_takes_the_unit(self, tmp_path) -> None:
        folder = tmp_path / 'a "b" %h $HOME'
        folder.mkdir()
        unit = unit_for(Home(folder, chosen=True), "linux", {"PATH": '/bin:/x y"%i'})
        path = tmp_path / "agentctl.service"
        path.write_text(unit.text)
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(path)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert str(path) not in done.stderr
        assert done.returncode == 0
        assert f'Environment="AGENTCTL_HOME={tmp_path}/a \\"b\\" %%h $HOME"' in unit.text

    def test_launchd_can_read_the_list(self, tmp_path) -> None:
        unit = unit_for(Home(tmp_path / "<&>", chosen=True), "darwin", {"PATH": "/bin"})
        data = plistlib.loads(unit.text.encode())
        assert data["ProgramArguments"] == [sys.executable, "-P", "-m", "agentctl.supervisor"]
        assert data["EnvironmentVariables"]["AGENTCTL_HOME"] == str(tmp_path / "<&>")
        assert data["AbandonProcessGroup"] is True
