"""`monitor`: what it shows, in what width, in which form; and nothing an agent says that a terminal would obey."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from agentctl.cli.monitor_columns import COLUMNS, doing
from agentctl.cli.monitor_head import head, lines
from agentctl.cli.monitor_live import drawn
from agentctl.cli.monitor_plain import changes
from agentctl.cli.nearness import cells_of, color_of, spark
from agentctl.cli.tables import fitting, least_widths
from agentctl.domain.errors import NotFound
from tests.unit.cli.conftest import ask, row

HOSTILE = "\x1b]52;c;ZXZpbA==\x07[bold]x[/x]\x9b31m\u202e\x1b[2Jend\nline"
MACHINE = {
    "at": "2026-11-20T12:00:00.000+00:00", "cores": 2, "cpu_percent": 124.4, "memory_bytes": 8 * 2**30,
    "available_bytes": 3 * 2**30, "agents_cpu_percent": 93.4, "agents_memory_bytes": 2**30, "band_percent": 120.0,
    "reserve_bytes": 2**30,
}  # fmt: skip
NARROW = [column for column in COLUMNS if not column.wide]


def busy(agent: str = "frontend/ui", **more: Any) -> dict[str, Any]:
    """Return the row of an agent at work, as the verb `monitor` gives it."""
    facts = {
        "activity": "working", "cpu_percent": 48.0, "memory_bytes": 311 * 2**20, "memory_kind": "pss",
        "throttled_percent": 34.0, "level": "signals", "task": "Build the login form", "paused": None, "brake": None,
        "memory_step": "ok", "pulse": {"seconds": 2.0, "violations": 0},
        "recent": {"cpu_percent": [10.0] * 30 + [50.0] * 30, "memory_bytes": [2**28] * 60},
    }  # fmt: skip
    return row(agent, **(facts | more))


def picture(*rows: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"at": "2026-11-20T12:00:00.000+00:00", "machine": MACHINE, "agents": list(rows), "note": ""} | more


def answer(*rows: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"at": MACHINE["at"], "machine": MACHINE, "agents": list(rows), "teams": [], "silence": ""} | more


def shown(given_picture: Mapping[str, Any], width: int = 130, height: int = 40, **more: Any) -> list[str]:
    """Return the lines of a picture on a terminal of that size."""
    screen = Console(width=width, height=height, force_terminal=True, color_system=None, _environ={})
    with screen.capture() as capture:
        screen.print(drawn(given_picture, more.pop("columns", NARROW), screen, **more))
    return capture.get().splitlines()


class TestPicture:
    def test_use_stands_beside_its_limit_with_the_last_minute(self) -> None:
        lines_shown = shown(picture(busy()))
        titles, agent = lines_shown[2].split(), lines_shown[3]
        assert titles == ["AGENT", "STATE", "FOR", "CPU", "LAST", "MINUTE", "MEM", "THROTTLED", "PULSE", "TASK"]
        for words in ("frontend/ui", "● working", "48/50%", "311/512MiB", "34%", "2s", "Build the login form"):
            assert words in agent
        assert "▂▂▂▂▂▂▂████████" in agent

    def test_what_is_not_known_is_empty_and_no_nought(self) -> None:
        unknown = dict.fromkeys(("cpu_percent", "memory_bytes", "throttled_percent", "level", "pulse", "recent"))
        agent = shown(picture(row("a/b", "fatal", evidence="failed 5 times", since=None, **unknown)))[3]
        assert agent.split() == ["a/b", "✗", "fatal", *agent.split()[3:-3], "failed", "5", "times"]
        assert "0" not in agent
        assert "%" not in agent

    @pytest.mark.parametrize(
        ("facts", "words"),
        [
            ({"asking": ask()}, "permission: Do you want to run npm i?"),
            ({"paused": {"cause": "pressure", "reason": "memory is short"}}, "pressure: memory is short"),
            ({"brake": "processes"}, "stopped at once: too many processes"),
            ({"brake": "memory"}, "stopped at once: too much memory"),
            ({"task": ""}, ""),
            ({"state": "backoff", "evidence": "exited with code 1"}, "exited with code 1"),
        ],
    )
    def test_task_says_what_an_agent_has_in_hand_or_why_it_does_not_work(self, facts, words) -> None:
        assert doing(busy(**facts)) == words

    def test_without_limits_there_is_nothing_to_be_near_to(self) -> None:
        free = busy(limits={"cpu_percent": None, "memory_bytes": None, "pulse_seconds": 2.0}, cpu_percent=148.0)
        assert " 148% " in shown(picture(free))[3]
        assert " 311MiB " in shown(picture(free))[3]

    def test_units_differ_where_they_have_to(self) -> None:
        assert "1.5GiB/512MiB" in shown(picture(busy(memory_bytes=3 * 2**29)))[3]

    def test_a_pulse_that_was_not_kept_is_counted(self) -> None:
        assert "2s !3" in shown(picture(busy(pulse={"seconds": 2.0, "violations": 3})))[3]
        assert "2s" not in shown(picture(busy(pulse={"seconds": None, "violations": 0})))[3]

    def test_columns_go_in_a_fixed_order_as_it_gets_narrow(self) -> None:
        rows = [busy()]
        order = []
        least = least_widths(COLUMNS, rows)
        left = [column.title for column in fitting(COLUMNS, least, 500)]
        for width in range(200, 10, -1):
            titles = [column.title for column in fitting(COLUMNS, least, width)]
            order += [title for title in left if title not in titles]
            left = titles
        assert order == [
            "MEM IS", "LEVEL", "PROCESSES", "PULSE", "THROTTLED", "FOR", "LAST MINUTE", "TASK", "MEM",
        ]  # fmt: skip
        assert left == ["AGENT", "STATE", "CPU"]

    @pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
    def test_no_line_is_wider_than_the_terminal(self, width) -> None:
        rows = [busy(f"frontend/agent-{n}", task=HOSTILE * 5, asking=ask(title=HOSTILE)) for n in range(3)]
        texts = shown(picture(*rows, note="supervisor is not running; last known, 4m ago"), width, hint="q ends this")
        assert max(len(text) for text in texts) <= width
        assert sum(text.startswith("frontend/agent-") for text in texts) == 3

    def test_80_columns_have_the_last_minute_and_60_have_the_task(self) -> None:
        assert "LAST MINUTE" in "\n".join(shown(picture(busy()), 80))
        assert "TASK" in "\n".join(shown(picture(busy()), 60))

    @pytest.mark.parametrize("height", [5, 8, 12, 24])
    def test_agents_that_find_no_room_are_counted(self, height) -> None:
        rows = [busy(f"many/a{n}") for n in range(50)]
        texts = shown(picture(*rows), height=height, hint="q ends this")
        assert len(texts) <= max(height, 6)
        listed = sum(text.startswith("many/a") for text in texts)
        assert f"and {50 - listed} more; name a team to see it alone" in texts

    def test_nothing_hostile_is_drawn(self) -> None:
        text = "\n".join(shown(picture(busy(task=HOSTILE), busy("a/b", asking=ask(HOSTILE, title=HOSTILE)))))
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
        assert "[bold]x[/x]end line" in text

    def test_a_picture_that_nobody_vouches_for_says_so_at_the_top(self) -> None:
        assert shown(picture(busy(), note="supervisor is not running; last known"))[1].startswith("supervisor is not")

    def test_no_agents(self) -> None:
        assert shown(picture())[0].startswith("no agents")


class TestHead:
    def test_it_begins_with_who_waits_and_tells_band_and_reserve(self) -> None:
        words = [part for part, _ in head(picture(busy(), busy("a/b", asking=ask()), busy("a/c", asking=ask())))]
        assert words == [
            "2 agents wait for you", "3 agents", "CPU: agents 93 of 120%, machine 124 of 200%",
            "memory: 3.0GiB free, 1.0GiB to stay free",
        ]  # fmt: skip
        assert head(picture(busy(asking=ask())))[0] == ("1 agent waits for you", "yellow")

    def test_what_is_short_is_coloured(self) -> None:
        short = picture(machine=MACHINE | {"available_bytes": 2**29, "agents_cpu_percent": 119.0})
        assert [color for _, color in head(short)] == ["", "red", "red"]

    def test_a_machine_that_nobody_looked_at_is_not_told_of(self) -> None:
        assert [words for words, _ in head(picture(busy(), machine=None))] == ["1 agent"]

    @given(st.lists(st.text("ab ", min_size=1, max_size=30), max_size=6), st.integers(30, 90))
    def test_parts_stay_whole_and_fit(self, parts, width) -> None:
        made = lines([(part, "") for part in parts], width)
        assert [part for line in made for part, _ in line[::2]] == parts
        assert all(sum(len(words) for words, _ in line) <= width for line in made)


class TestNearness:
    def test_colours(self) -> None:
        assert [color_of(value, 50) for value in (0, 37, 38, 47, 48, 500)] == [
            "green", "green", "yellow", "yellow", "red", "red",
        ]  # fmt: skip
        assert color_of(None, 50) == color_of(5, None) == color_of(5, 0) == ""

    def test_cells_keep_peaks_and_gaps(self) -> None:
        assert cells_of([1, 2, 3, 4, 5, 6, 7], 3, 3) == [1, 4, 7]
        assert cells_of([None, None, 3, None], 4, 2) == [None, None, None, 3]
        assert cells_of([], 2, 3) == [None, None]
        assert cells_of(list(range(100)), 2, 3) == [96, 99]

    def test_letters(self) -> None:
        assert spark([0, 24, 25, 49.9, 50, 500, None], 50) == "▁▄▅█████·"[:2] + "▅██" + "█·"

    @given(st.lists(st.one_of(st.none(), st.floats(-5, 1e6)), max_size=70), st.floats(0, 1000))
    def test_a_sparkline_is_always_as_long_as_its_cells(self, values, full) -> None:
        assert len(spark(cells_of(values, 15, 4), full)) == 15


class TestForms:
    def test_once_in_a_pipe_is_lines_of_tabs(self, supervisor, agentctl) -> None:
        supervisor.on("monitor", answer(busy(), busy("a/b", state="fatal", evidence=HOSTILE)))
        done = agentctl("monitor", "--once", "frontend", "a")
        assert done.lines[0].split("\t")[:2] == ["AGENT", "STATE"]
        assert len({len(line.split("\t")) for line in done.lines}) == 1
        assert "CPU: agents 93 of 120%" in done.err
        assert supervisor.args("monitor") == {"selectors": ["frontend", "a"]}

    def test_once_as_json_is_an_envelope_with_the_machine(self, supervisor, agentctl) -> None:
        supervisor.on("monitor", answer(busy()))
        document = json.loads(agentctl("monitor", "--once", "--json").out)
        assert (document["apiVersion"], document["kind"]) == ("agentctl/v1", "MonitorList")
        assert document["machine"] == MACHINE
        assert len(document["items"][0]["recent"]["cpu_percent"]) == 60
        assert yaml.safe_load(agentctl("monitor", "--once", "-o", "yaml").out)["at"] == MACHINE["at"]
        assert agentctl("monitor", "--once", "-q").lines == ["frontend/ui"]

    def test_once_without_a_supervisor_is_what_was_last_known(self, agentctl) -> None:
        done = agentctl("monitor", "--once")
        assert done.code == 0
        assert "no agents" in done.err
        assert "supervisor is not running; last known: nothing" in done.err
        assert agentctl("monitor", "frontend").code == 4

    @pytest.mark.parametrize("words", [("1",), ("1ms",), ("0s",), ("soon",)])
    def test_an_interval_that_is_none(self, agentctl, words) -> None:
        done = agentctl("monitor", "--interval", *words)
        assert done.code == 2
        assert done.err.startswith("error: --interval")

    def test_an_error_is_a_line_and_its_code(self, supervisor, agentctl) -> None:
        supervisor.on("monitor", NotFound("no team or agent fits 'x'"))
        assert agentctl("monitor", "x").code == 4

    def test_in_a_pipe_it_is_an_object_a_look(self, supervisor) -> None:
        supervisor.on("monitor", answer(busy()))
        with piped("monitor", "--interval", "200ms") as running:
            ticks = [json.loads(running.stdout.readline()) for _ in range(3)]
            words = interrupted(running)
        assert [set(tick) for tick in ticks] == [{"at", "machine", "agents", "note"}] * 3
        assert "recent" not in ticks[0]["agents"][0]
        assert supervisor.args("monitor") == {"selectors": [], "recent": 0}
        assert (running.returncode, words) == (130, "interrupted: agents run on\n")

    def test_plain_is_a_line_a_change(self, supervisor) -> None:
        answers = iter([answer(busy()), answer(busy()), answer(busy(asking=ask()))])
        supervisor.when("monitor", lambda *_: next(answers, answer(busy("a/c"))))
        with piped("monitor", "--plain", "--interval", "200ms") as running:
            said = [running.stdout.readline().split(" ", 1)[1] for _ in range(4)]
            interrupted(running)
        assert said == [
            "frontend/ui: working; Build the login form\n",
            "frontend/ui: waiting; permission: Do you want to run npm i?\n",
            "a/c: working; Build the login form\n",
            "frontend/ui: is gone\n",
        ]
        assert running.returncode == 130


class TestChanges:
    def test_figures_alone_are_no_change(self) -> None:
        said: dict[str, str] = {}
        assert list(changes(picture(busy()), said)) == [("frontend/ui", "working; Build the login form")]
        assert list(changes(picture(busy(cpu_percent=3.0, memory_bytes=5, throttled_percent=0.0)), said)) == []
        assert list(changes(picture(busy(memory_step="throttled")), said)) == [
            ("frontend/ui", "working; Build the login form; memory: throttled")
        ]

    def test_a_supervisor_that_goes_and_comes_is_two_lines_whatever_the_time_says(self) -> None:
        said: dict[str, str] = {}
        list(changes(picture(busy()), said))
        gone = "supervisor is not running; last known, {} ago"
        assert list(changes(picture(busy(), note=gone.format("2s")), said)) == [
            ("agentctl", "supervisor is not running")
        ]
        assert list(changes(picture(busy(), note=gone.format("3s")), said)) == []
        assert list(changes(picture(busy()), said)) == [("agentctl", "everything answers again")]


@contextmanager
def piped(*words: str) -> Iterator[Any]:
    argv = [sys.executable, "-m", "agentctl", *words]
    with subprocess.Popen(argv, stdout=-1, stderr=-1, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def interrupted(running: Any) -> str:
    running.send_signal(signal.SIGINT)
    return str(running.communicate(timeout=20)[1])


TAKES_THE_TERMINAL = """
import os, sys
os.close(os.open(os.ttyname(0), os.O_RDWR))
os.execv(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """A terminal of 130 by 12, with the command in it; keeps what was written there."""

    def __init__(self, *words: str, **variables: str) -> None:
        self.master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (12, 130))
        plain = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        environ = {**plain, "TERM": "xterm-256color", **variables}
        argv = [sys.executable, "-c", TAKES_THE_TERMINAL, sys.executable, "-m", "agentctl", *words]
        self.modes = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, env=environ, start_new_session=True
        )
        self.slave = slave
        self.text = ""

    def until(self, words: str, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while words not in self.text:
            assert time.monotonic() < deadline, f"{words!r} is not in {self.text[-3000:]!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                self.text += os.read(self.master, 65536).decode(errors="replace")

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def close(self) -> int:
        """Wait for the end and return the exit code; all that was written is in the text then."""
        code = self.process.wait(timeout=20)
        while select.select([self.master], [], [], 0.2)[0]:
            self.text += os.read(self.master, 65536).decode(errors="replace")
        return code


@pytest.fixture
def terminal(supervisor) -> Iterator[Any]:
    supervisor.on("monitor", answer(busy()))
    made: list[Terminal] = []

    def start(*words: str, **variables: str) -> Terminal:
        made.append(Terminal("monitor", *words, **variables))
        return made[-1]

    yield start
    for one in made:
        one.process.kill()
        one.process.wait()
        os.close(one.master)
        os.close(one.slave)


class TestTerminal:
    ON, OFF = "\x1b[?1049h", "\x1b[?1049l"

    @pytest.mark.parametrize(("key", "code"), [("q", 0), ("\x03", 130)])
    def test_it_takes_the_screen_and_gives_it_back_with_the_last_picture(self, terminal, key, code) -> None:
        shell = terminal()
        shell.until("Build the login form")
        assert not termios.tcgetattr(shell.slave)[3] & termios.ECHO
        shell.press(key)
        assert shell.close() == code
        before, _, after = shell.text.partition(self.OFF)
        assert self.ON in before
        assert "Build the login form" in after
        assert "\x1b[?25h" in shell.text
        assert "q or Ctrl-C" not in after
        assert termios.tcgetattr(shell.slave) == shell.modes

    def test_a_term_gives_the_screen_back_too(self, terminal) -> None:
        shell = terminal()
        shell.until("Build the login form")
        shell.process.send_signal(signal.SIGTERM)
        assert shell.close() == 143
        assert self.OFF in shell.text
        assert termios.tcgetattr(shell.slave) == shell.modes

    def test_no_color_leaves_only_what_moves(self, terminal) -> None:
        shell = terminal(NO_COLOR="1")
        shell.until("Build the login form")
        shell.press("q")
        shell.close()
        assert not re.search("\x1b\\[[0-9;]*3[0-9]m", shell.text)

    def test_a_terminal_that_can_do_nothing_gets_lines(self, terminal) -> None:
        shell = terminal(TERM="dumb")
        shell.until("frontend/ui: working; Build the login form")
        shell.process.send_signal(signal.SIGINT)
        assert shell.close() == 130
        assert "\x1b" not in shell.text
