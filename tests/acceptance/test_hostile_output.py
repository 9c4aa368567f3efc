"""What an agent prints is hostile: none of it reaches a person's terminal but as plain text."""

from __future__ import annotations

import os
import pty
import re
import select
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.stage import PATIENCE, Done, Stage, controls, until

_OWN_ESCAPES = re.compile("\x1b\\[[0-9;]*[mKJHABCDhl]|\x1b\\[\\?(?:25|1049|2004)[hl]|\r")
"""Colours, erasing, moving, hiding the cursor: what the program itself says to a terminal."""


@pytest.fixture
def noisy(stage: Stage) -> Iterator[tuple[Stage, Path]]:
    """Deploy an agent that stays and one that ended, both having said the worst, and a marker that nothing may make."""
    marker = stage.folder / "marker"
    loud = stage.program("hostile.py", marker, ready={"log": "^up", "timeout": "20s", "every": "200ms"})
    dead = stage.program("hostile.py", marker, 3, restart="never", ready={"command": ["false"], "timeout": "20s"})
    done = stage.deploy(stage.team(agents={"loud": loud, "dead": dead}), code=7)
    clean(done)
    assert "last words" in done.err
    yield stage, marker
    assert not marker.exists()


def clean(done: Done) -> Done:
    assert controls(done.said) == [], done.words
    return done


def test_no_control_character_reaches_stdout_or_stderr(noisy: tuple[Stage, Path]) -> None:
    stage, _ = noisy
    commands = [
        ["peek", "web/loud", "-n", "30"], ["peek", "web/loud", "--json"], ["peek", "web/dead"],
        ["peek", "web/loud", "--ansi"], ["logs"], ["logs", "web/loud", "-n", "20000"], ["logs", "--json"],
        ["ps"], ["ps", "-o", "wide"], ["ps", "--json"], ["ps", "-o", "csv"], ["ps", "-o", "yaml"],
        ["events"], ["events", "--json"], ["plan", str(stage.work / "web.yaml")], ["emergency-cleanup", "--dry-run"],
        ["doctor"], ["daemon", "logs"], ["attach", "web/loud", "--print"], ["restart", "web/dead"],
        ["stop", "web/dead"],
    ]  # fmt: skip
    for words in commands:
        done = clean(stage.run(*words, code=None))
        assert done.code in (0, 1, 2, 4, 7), done
    assert "markup" in stage.run("peek", "web/loud", "-n", "30").out
    assert "[/x] [bold red]" in stage.run("logs", "web/loud").out
    assert "last words" in stage.run("events", "--json", "--type", "AgentExited").out
    names = stage.tmux("list-windows", "-a", "-F", "#{window_name}")
    assert "title" not in names, "an agent renames no window"


@pytest.mark.parametrize(
    "words",
    [["ps"], ["ps", "-w"], ["peek", "web/loud"], ["peek", "web/loud", "--ansi"], ["logs", "web/loud"], ["events"]],
    ids=" ".join,
)  # fmt: skip
def test_a_real_terminal_gets_only_the_programs_own_colours(noisy: tuple[Stage, Path], words: list[str]) -> None:
    stage, _ = noisy
    said = on_a_terminal(stage, words).decode(errors="replace")
    assert "web" in said or "markup" in said
    assert controls(_OWN_ESCAPES.sub("", said)) == []


def on_a_terminal(stage: Stage, words: list[str]) -> bytes:
    """Return what *words* say to a terminal until they end; who follows is left when it has had time to draw again."""
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(stage.work)
        os.execve(stage.argv()[0], stage.argv(*words), stage.env())
    said, deadline = b"", time.monotonic() + PATIENCE
    try:
        while time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.1)[0]:
                said += os.read(terminal, 65536)
                if "-w" in words and b"web" in said:
                    deadline = min(deadline, time.monotonic() + 1.5)
    except OSError:  # the other end is closed
        pass
    finally:
        if time.monotonic() >= deadline:
            os.kill(pid, 2)
        until(lambda: os.waitpid(pid, os.WNOHANG)[0], "it ends")
        os.close(terminal)
    assert b"Traceback" not in said
    return said
