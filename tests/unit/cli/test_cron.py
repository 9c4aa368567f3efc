"""`tick` and `cron` as cron and a person meet them; the real programs play in tests/acceptance."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest

from agentctl.domain.errors import UsageError


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A crontab program that keeps its text in a file."""
    folder, table = tmp_path / "bin", tmp_path / "table"
    folder.mkdir()
    script = (
        'case "$1" in -l) cat {0} 2>&- || {{ echo no crontab for me >&2; exit 1; }};; -r) rm {0};; -) cat >{0};; esac'
    )
    (folder / "crontab").write_text(f"#!/bin/sh\n{script.format(table)}\n")
    (folder / "crontab").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin:/usr/bin")
    return table


class TestTick:
    def test_it_says_nothing_unless_asked(self, supervisor, agentctl) -> None:
        supervisor.on("tick", {"taken": ["t/a:save@2026-11-29T12:00:00Z"], "finished": False})
        done = agentctl("tick")
        assert (done.code, done.out, done.err) == (0, "", "")
        assert agentctl("tick", "-v").err == "done: t/a:save@2026-11-29T12:00:00Z; checkpoints are under way\n"

    def test_one_at_a_time(self, supervisor, home, agentctl) -> None:
        with home.ticked.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = agentctl("tick", "-v")
        assert (done.code, done.err, supervisor.asked) == (0, "another tick is at it\n", [])

    def test_a_fault_is_told_and_is_no_tick(self, supervisor, home, agentctl, table) -> None:
        supervisor.on("tick", UsageError("this supervisor knows no 'tick'", hint="is it of another version?"))
        home.ticked.touch()
        os.utime(home.ticked, (0, 0))
        done = agentctl("tick")
        assert done.code == 2
        assert "knows no 'tick'" in done.err
        assert home.ticked.stat().st_mtime == 0


class TestCron:
    def test_install_show_remove(self, supervisor, home, agentctl, table) -> None:
        supervisor.on("tick", {"taken": [], "finished": True})
        assert agentctl("cron", "install").code == 8
        assert not table.exists()
        assert agentctl("cron", "install", "-y", "--every", "20m").code == 0
        line = table.read_text().splitlines()[1]
        assert line.startswith("*/20 * * * * /usr/bin/env PATH=")
        assert line.count("/usr/bin:/bin") == 1
        assert f"AGENTCTL_HOME={home.path} " in line
        (row,) = json.loads(agentctl("cron", "show", "--json").out)["items"]
        assert (row["installed"], row["line"], row["ticked"]) == (True, line, None)
        agentctl("tick")
        (row,) = json.loads(agentctl("cron", "show", "--json").out)["items"]
        assert row["ticked"]
        assert agentctl("cron", "remove", "-y").code == 0
        assert not table.exists()
        (row,) = json.loads(agentctl("cron", "show", "--json").out)["items"]
        assert (row["installed"], row["line"]) == (False, "")

    @pytest.mark.parametrize("every", ["7m", "90s", "soon"])
    def test_what_cron_cannot_do_is_refused_before_anything_is_written(self, home, agentctl, table, every) -> None:
        done = agentctl("cron", "install", "-y", "--every", every)
        assert done.code == 2
        assert "--every" in done.err
        assert not table.exists()

    def test_a_path_with_a_line_break_is_refused(self, home, agentctl, table, monkeypatch) -> None:
        monkeypatch.setenv("TMUX_TMPDIR", "/a\nb")
        done = agentctl("cron", "install", "-y")
        assert done.code == 5
        assert "line break" in done.err
        assert not table.exists()
