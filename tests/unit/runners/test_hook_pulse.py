"""The hook before a tool call: calls go on a pulse apart, however many come at once, and nothing ever hangs by it."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agentctl.runners.manifest import load
from agentctl.runners.pulse import begin, set_gap
from agentctl.runners.runner import HOOK, SHIPPED

SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]
PULSE = 0.4
LATE = 3.0
"""Seconds that a call may come later than it has to, on a machine that has much else to do."""
AT_ONCE = 0.3
"""Seconds within which nobody waits for a pulse."""


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    return [request.param, "sh"] if request.param == "busybox" else [request.param]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / 'a run\'s "folder" $HOME'
    (folder / "signals").mkdir(parents=True)
    begin(folder, timedelta(seconds=PULSE))
    return folder


def environment(run: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "AGENTCTL_RUN": str(run), "AGENTCTL_GENERATION": "3"}


def start(shell: list[str], run: Path, script: Path = HOOK, **env: str) -> subprocess.Popen[bytes]:
    argv = [*shell, str(script), "--pulse", "PreToolUse", '{"tool": "x"}']
    env = environment(run) | env
    return subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)


def call(shell: list[str], run: Path, script: Path = HOOK, **env: str) -> float:
    """Play one call, and return the seconds that it took."""
    started = time.monotonic()
    said, _ = start(shell, run, script, **env).communicate(timeout=40)
    assert said == b""
    return time.monotonic() - started


def signals(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "signals" / "3.jsonl").read_bytes().splitlines()]


def calls_of(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "pulse").iterdir() if path.name.startswith("call."))


def gaps(run: Path) -> list[float]:
    """The seconds between two calls, by the times that they claimed."""
    times = [int(name.rpartition(".")[2]) for name in calls_of(run) if name.count(".") == 2]
    return [(after - before) / 100 for before, after in itertools.pairwise(times)]


def test_one_after_the_other_they_are_a_pulse_apart(shell: list[str], run: Path) -> None:
    started = time.monotonic()
    for number in range(1, 4):
        call(shell, run)
        assert time.monotonic() - started >= PULSE * (number - 1)
    assert time.monotonic() - started < 2 * PULSE + LATE
    first, *others = signals(run)
    assert (first["kind"], first["waited_ms"], first["since_ms"]) == ("PreToolUse", 0, None)
    assert first["payload"] == {"tool": "x"}
    assert all(one["since_ms"] >= 1000 * PULSE for one in others)
    assert all(0 < one["waited_ms"] <= 1000 * (PULSE + LATE) for one in others)


def test_who_comes_late_enough_does_not_wait(shell: list[str], run: Path) -> None:
    call(shell, run)
    time.sleep(PULSE + 0.05)  # a tool that took so long
    call(shell, run)
    second = signals(run)[1]
    assert second["waited_ms"] <= 1000 * AT_ONCE
    assert second["since_ms"] >= 1000 * PULSE


def test_all_that_come_at_once_go_on_a_pulse_apart(shell: list[str], run: Path) -> None:
    def play(_number: int) -> float:
        call(shell, run)
        return time.monotonic()

    started = time.monotonic()
    with ThreadPoolExecutor(6) as pool:
        ended = sorted(pool.map(play, range(6)))
    assert all(end - started >= PULSE * place for place, end in enumerate(ended))
    assert ended[-1] - started < 5 * PULSE + LATE
    assert min(gaps(run)) >= PULSE
    assert sorted(one["since_ms"] is None for one in signals(run)) == [False] * 5 + [True]


def test_of_many_that_claim_at_once_each_claims_its_own_turn(shell: list[str], run: Path) -> None:
    begin(run, timedelta(milliseconds=10))
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: call(shell, run), range(64)))
    assert min(gaps(run)) >= 0.01
    told = signals(run)
    assert len(told) == 64
    assert all(one["since_ms"] is None or one["since_ms"] >= 10 for one in told)
    assert len(calls_of(run)) <= 2 * 30, "what is over is swept away"


def test_a_pulse_that_is_changed_holds_from_the_next_call_on(shell: list[str], run: Path) -> None:
    begin(run, timedelta(seconds=30))
    call(shell, run)
    set_gap(run, timedelta(0))
    assert call(shell, run) < AT_ONCE + LATE
    assert [one["waited_ms"] < 1000 * AT_ONCE for one in signals(run)] == [True, True]


@pytest.mark.parametrize("name", ["gap.", "gap.x", "gap.02000", "gap.-1", "gap.1e9", "gap.99999999", "gap.$(x)", "gap"])
def test_a_pulse_that_is_none_holds_nothing(shell: list[str], run: Path, name: str) -> None:
    (run / "pulse" / "gap.400").rename(run / "pulse" / name)
    for _ in range(2):
        call(shell, run)
    assert [set(one) for one in signals(run)] == [{"kind", "payload"}] * 2
    assert calls_of(run) == []


@pytest.mark.parametrize(
    "name",
    ["call.999999999", "call.999999999.1", "call.9x", "call.100000001.99999999999", "call.1.2.3", "call.é", "call. $H"],
)
def test_what_an_agent_makes_of_its_calls_holds_it_no_longer_than_a_pulse(
    shell: list[str], run: Path, name: str
) -> None:
    (run / "pulse" / name).touch()
    started = time.monotonic()
    for _ in range(3):
        call(shell, run)
    assert time.monotonic() - started < 3 * PULSE + LATE
    assert len(signals(run)) == 3


def test_no_content_is_ever_read_and_no_pipe_waited_at(shell: list[str], run: Path) -> None:
    os.mkfifo(run / "pulse" / "call.100000001")
    os.mkfifo(run / "pulse" / "call.100000001.5")
    (run / "pulse" / "gap.400").unlink()
    os.mkfifo(run / "pulse" / "gap.400")
    assert call(shell, run) < PULSE + LATE
    assert len(signals(run)) == 1


def test_without_its_folder_or_with_another_in_its_place_no_call_waits(
    shell: list[str], run: Path, tmp_path: Path
) -> None:
    elsewhere = (run / "pulse").rename(tmp_path / "elsewhere")
    call(shell, run)
    (run / "pulse").symlink_to(elsewhere)
    call(shell, run)
    (run / "pulse").unlink()
    (run / "pulse").write_text("gap.400")
    call(shell, run)
    assert [set(one) for one in signals(run)] == [{"kind", "payload"}] * 3
    assert [path.name for path in elsewhere.iterdir()] == ["gap.400"]


def test_outside_an_agent_no_call_waits(shell: list[str]) -> None:
    argv = [*shell, str(HOOK), "--pulse", "PreToolUse", "{}"]
    subprocess.run(argv, env={"PATH": os.environ["PATH"]}, check=True, timeout=5)


def test_a_killed_one_leaves_nothing_that_others_wait_for(shell: list[str], run: Path) -> None:
    begin(run, timedelta(seconds=20))
    call(shell, run)
    waiting = [start(shell, run) for _ in range(3)]
    time.sleep(AT_ONCE)
    for process in waiting:
        process.send_signal(signal.SIGKILL)
    for process in waiting:
        assert process.communicate(timeout=5) == (b"", None), "its sleep holds no pipe of the program open"
        os.killpg(process.pid, signal.SIGKILL)
    set_gap(run, timedelta(milliseconds=10))
    assert call(shell, run) < LATE
    assert [one["since_ms"] is None for one in signals(run)] == [True, False]


def test_one_that_was_killed_while_it_claimed_costs_one_pulse(shell: list[str], run: Path) -> None:
    (run / "pulse" / "call.100000001").touch()
    assert PULSE <= call(shell, run) < PULSE + LATE
    assert call(shell, run) >= PULSE - 0.1
    first, second = signals(run)
    assert first["since_ms"] is None, "nobody knows"
    assert second["since_ms"] >= 1000 * PULSE


def test_a_clock_that_was_set_back_holds_nobody(shell: list[str], run: Path) -> None:
    (run / "pulse" / "call.100000001").touch()
    (run / "pulse" / "call.100000001.999999999999").touch()
    call(shell, run)
    call(shell, run)
    assert [one["since_ms"] is None for one in signals(run)] == [True, False]
    assert signals(run)[0]["waited_ms"] <= 1000 * AT_ONCE


def test_a_pulse_is_held_only_as_long_as_programs_wait(shell: list[str], run: Path, tmp_path: Path) -> None:
    script = changed(tmp_path, "most=2500", "most=50")
    begin(run, timedelta(seconds=60))
    call(shell, run, script)
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: call(shell, run, script), range(4)))
    assert all(0.45 <= one < 0.5 + LATE for one in taken)
    assert len(signals(run)) == 5


def test_where_nothing_can_be_made_or_nobody_can_sleep_the_call_goes_on(
    shell: list[str], run: Path, tmp_path: Path
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "tr").symlink_to(shutil.which("tr") or "")
    program = shutil.which(shell[0]) or ""
    begin(run, timedelta(seconds=20))
    call([program, *shell[1:]], run, PATH=str(tools))
    call([program, *shell[1:]], run, PATH=str(tools))
    assert "waited_ms" not in signals(run)[1]


def test_a_call_that_need_not_wait_starts_nothing_more(shell: list[str], run: Path, tmp_path: Path) -> None:
    if shell[0] == "mksh":
        pytest.skip("it prints by another program")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sleep", "date", "zsh", "rm"):
        (tools / name).write_text(f'#!/bin/sh\necho {name} >>"{tmp_path}/started"\n')
        (tools / name).chmod(0o755)
    (tools / "tr").symlink_to(shutil.which("tr") or "")
    begin(run, timedelta(0))
    for _ in range(5):
        call([shutil.which(shell[0]) or "", *shell[1:]], run, PATH=str(tools))
    assert len(signals(run)) == 5
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("fraction", ["1700000000.123456", ""])
def test_without_a_clock_of_the_kernel_another_one_serves(
    shell: list[str], run: Path, tmp_path: Path, fraction: str
) -> None:
    """A bash of our day has a clock; an old one asks zsh, and where there is none whole seconds are what is left."""
    script = changed(tmp_path, "/proc/uptime", "/proc/none")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "zsh").write_text(f"#!/bin/sh\necho {fraction}\n" if not fraction else "#!/bin/sh\ndate +%s.%N\n")
    (tools / "zsh").chmod(0o755)
    path = f"{tools}:{os.environ['PATH']}"
    call(shell, run, script, PATH=path)
    taken = call(shell, run, script, PATH=path)
    assert taken < PULSE + 1 + LATE
    assert signals(run)[1]["since_ms"] >= 1000 * PULSE


def changed(folder: Path, old: str, new: str) -> Path:
    """The hook with one thing changed that cannot be waited for, or taken away, here."""
    text = HOOK.read_text()
    assert old in text
    script = folder / "hook.sh"
    script.write_text(text.replace(old, new))
    return script


@pytest.mark.parametrize("name", ["claude", "codex", "gemini", "qwen"])
def test_a_program_waits_for_the_hook_longer_than_that_holds_a_call(name: str) -> None:
    runner = load(SHIPPED / f"{name}.toml", checks_patterns=False)
    words = [word for group in runner.launch_words for word in group] + list(runner.files.values())
    (line,) = [line for word in words for line in word.splitlines() if "--pulse" in line]
    (timeout,) = re.findall(r"timeout\"?[=:] ?(\d+)", line)
    seconds = int(timeout) / (1000 if int(timeout) >= 1000 else 1)
    (most,) = re.findall(r"^most=(\d+) ", HOOK.read_text(), re.MULTILINE)
    assert seconds >= int(most) / 100 + 5
