"""runner check and explain: what is here and works, and why a screen is read as it is."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

MANIFEST = r"""
title = "Box"
coding = true
order = 1
programs = ["box"]
version = ["--version"]
launch = ["{program}"]
[login]
env = ["BOX_KEY"]
files = ["~/.box/login.json"]
[session]
resume = ["--resume", "{session}"]
[approve]
ask = []
auto = ["--yes"]
[composer]
prompt = '^> '
[[screens]]
name = "permission"
state = "waiting"
kind = "permission"
priority = 9
region = "bottom 6"
all = ['^Run it\?']
title = '^(Run it\?)'
options = '^ (\d)\. (.+)$'
answer = "{choice}"
deny = ["Escape"]
[[screens]]
name = "idle"
state = "idle"
region = "composer"
all = ['^>']
"""


@pytest.fixture
def box(home, tmp_path, monkeypatch):
    """A program of our own on PATH, and the manifest of its runner."""
    folder = tmp_path / "config" / "agentctl" / "runners"
    folder.mkdir(parents=True)
    (folder / "box.toml").write_text(MANIFEST)
    program = tmp_path / "bin" / "box"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")

    def write(script: str) -> None:
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    write("echo box 1.2.3; echo more")
    return write


def checked(agentctl, *words):
    done = agentctl("runner", "check", "box", "--json", *words)
    return done, json.loads(done.out)["items"][0]


def test_what_is_here_and_works_is_said(agentctl, box) -> None:
    done, row = checked(agentctl)
    assert done.code == 0
    assert (row["version"], row["login"], row["state_from"]) == ("box 1.2.3", "probably not", ["screen"])
    assert (row["resumes"], row["approve"]) == (True, ["ask", "auto"])


def test_a_login_is_a_guess_with_its_reason(agentctl, box, tmp_path, monkeypatch) -> None:
    (tmp_path / ".box").mkdir()
    (tmp_path / ".box" / "login.json").touch()
    assert checked(agentctl)[1]["login"] == "probably: ~/.box/login.json is there"
    monkeypatch.setenv("BOX_KEY", "secret-value")
    done, row = checked(agentctl)
    assert row["login"] == "probably: BOX_KEY is set"
    assert "secret-value" not in done.out


def test_a_program_that_is_not_here_is_told_by_the_code(agentctl, box, tmp_path) -> None:
    (tmp_path / "bin" / "box").unlink()
    done, row = checked(agentctl)
    assert (done.code, row["installed"], row["version"]) == (1, False, "")
    assert "no box on PATH" in done.err or "no box on PATH" in row["why"]
    assert agentctl("runner", "check").code == 0


def test_a_version_that_fails_or_is_hostile_is_shown_safely(agentctl, box) -> None:
    box("echo oh >&2; exit 3")
    assert checked(agentctl)[1]["version"] == "exit code 3: oh"
    box(r"printf '\033]0;title\007one\033[31m two\n'")
    assert checked(agentctl)[1]["version"] == "one two"


def test_a_program_that_never_answers_is_ended_with_all_it_started(agentctl, box, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("agentctl.cli.runner_check._VERSION_SECONDS", 0.3)
    box(f"sh -c 'echo $$ > {tmp_path}/child; exec sleep 1000' & sleep 1000")
    assert checked(agentctl)[1]["version"].startswith("no answer within")
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 5
    while _runs(child):
        assert time.monotonic() < deadline, "its child runs on"
        os.sched_yield()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_screen_is_explained_rule_by_rule(agentctl, box, tmp_path) -> None:
    screen = tmp_path / "screen.ansi"
    screen.write_text("text\nRun it?\n 1. Yes\n 2. \x1b[1mNo\x1b[0m\n")
    lines = agentctl("runner", "explain", str(screen), "--runner", "box").lines
    assert lines[1].split("\t") == ["yes", "9", "permission", "waiting permission", "bottom 6", "Run it?"]
    assert lines[2].startswith("no\t0\tidle\tidle\tcomposer\tno composer stands")
    assert "asks      permission: Run it?" in lines
    assert "          No  [2]" in lines
    assert lines[-1] == "verdict   waiting, by rule permission: Run it?"


def test_a_draft_and_the_want_of_a_rule_are_told(agentctl, box, tmp_path) -> None:
    screen = tmp_path / "screen.ansi"
    screen.write_text("> half a \x1b]0;x\x07prompt\n")
    lines = agentctl("runner", "explain", str(screen), "-r", "box").lines
    assert "draft     'half a prompt'" in lines
    screen.write_text("$ \n")
    lines = agentctl("runner", "explain", str(screen), "-r", "box").lines
    assert lines[-2:] == ["composer  none that takes text", "verdict   nothing: no rule fits, so it says nothing"]


def test_a_screen_comes_from_stdin_too_and_as_json(process, box) -> None:
    screen = "Run it?\n 1. Yes\n"
    done = process("runner", "explain", "-", "--runner", "box", "--json", stdin=None, input=screen)
    (item,) = json.loads(done.stdout)["items"]
    assert (item["sight"]["activity"], item["sight"]["ask"]["options"]) == ("waiting", ["Yes"])
    assert [rule["fits"] for rule in item["rules"]] == [True, False]


def test_a_rule_that_asks_for_the_cursor_is_told_where_it_stands(agentctl, tmp_path) -> None:
    rows = ["    Sessions                         esc    ", "  ┃", "  ┃  said", "  ┃", "  ┃  Build", f"  ╹{'▀' * 20}"]
    screen = tmp_path / "screen.ansi"
    screen.write_text("\n".join([*rows, "     ctrl+p commands"]))
    asked = ("runner", "explain", str(screen), "-r", "opencode", "--cursor")
    assert agentctl(*asked, "5,2").lines[-1].startswith("verdict   idle, by rule idle")
    assert agentctl(*asked, "5,0").lines[-1].startswith("verdict   nothing, by rule dialog")
    assert agentctl(*asked, "5").code == 2


def test_what_cannot_be_read_or_is_not_known_is_said(agentctl, box, tmp_path) -> None:
    assert agentctl("runner", "explain", str(tmp_path / "gone"), "--runner", "box").code == 4
    assert agentctl("runner", "explain", str(tmp_path), "--runner", "box").code == 4
    (tmp_path / "screen").touch()
    assert agentctl("runner", "explain", str(tmp_path / "screen"), "--runner", "nope").code == 4
    assert agentctl("runner", "explain", str(tmp_path / "screen")).code == 2


def test_the_list_shows_a_version_that_is_known_without_running_anything(agentctl, box, tmp_path) -> None:
    box(f"touch {tmp_path}/was-run")
    (tmp_path / "bin" / "package.json").write_text('{"version": "4.5.6"}')
    row = next(line for line in agentctl("runner", "ls").lines if line.startswith("box\t"))
    assert row.split("\t")[4] == "4.5.6"
    assert not (tmp_path / "was-run").exists()
