"""The hook: one whole line a call from any shell, and nothing that its program could notice."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agentctl.drivers.signals.lines import LONGEST_LINE_BYTES, MALFORMED, read_line
from agentctl.runners.runner import HOOK

SHELLS = [shell for shell in ("dash", "bash", "busybox", "mksh") if shutil.which(shell)]


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    return [request.param, "sh"] if request.param == "busybox" else [request.param]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / 'a run\'s "folder" $HOME'
    (folder / "signals").mkdir(parents=True)
    return folder


def environment(run: Path, generation: str = "3") -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "AGENTCTL_RUN": str(run), "AGENTCTL_GENERATION": generation, "LANG": "C.UTF-8"}


def hook(shell: list[str], run: Path, *words: str, payload: bytes = b"", **env: str) -> None:
    call([*shell, str(HOOK), *words], payload, {**environment(run), **env})


def call(argv: list[str], payload: bytes, env: dict[str, str]) -> None:
    done = subprocess.run(argv, input=payload, env=env, capture_output=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def signals(run: Path) -> list[dict[str, Any]]:
    path = run / "signals" / "3.jsonl"
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def test_it_can_be_started_by_its_name() -> None:
    assert os.access(HOOK, os.X_OK)
    assert HOOK.read_bytes().startswith(b"#!/bin/sh\n")


def test_a_payload_comes_as_the_program_gave_it(shell: list[str], run: Path) -> None:
    payload = {"prompt": "a\nb \"q\" 'é' \\n %s $HOME `x`", "n": [1, {"x": None}]}
    hook(shell, run, "Stop", payload=json.dumps(payload, indent=2).encode())
    hook(shell, run, "turn.end:x-y", json.dumps(payload, ensure_ascii=False))
    assert signals(run) == [{"kind": "Stop", "payload": payload}, {"kind": "turn.end:x-y", "payload": payload}]
    assert (run / "signals" / "3.jsonl").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "payload",
    [b"", b"null", b"no json", b'{"cut": "of', b'"text"', b"[1]", b"\0\0", b'{"a": "' + b"x" * 70_000 + b'"}'],
)
def test_a_payload_that_is_none_or_too_long_is_left_out(shell: list[str], run: Path, payload: bytes) -> None:
    hook(shell, run, "Stop", payload=payload)
    assert signals(run) == [{"kind": "Stop", "payload": None}]


@pytest.mark.parametrize("size", [3900, 3990, 4000, 4100, 64_900])
def test_a_long_payload_fits_a_line_of_the_reader(shell: list[str], run: Path, size: int) -> None:
    hook(shell, run, "Stop", payload=json.dumps({"text": "é" * 100 + "x" * (size - 611)}).encode())
    (line,) = (run / "signals" / "3.jsonl").read_bytes().splitlines()
    assert len(line) <= LONGEST_LINE_BYTES
    kind, data = read_line(line)
    assert (kind, data["payload"]["text"][:2]) == ("Stop", "éé")


def test_control_characters_cannot_make_a_second_line(shell: list[str], run: Path) -> None:
    hook(shell, run, "Stop", payload=b'{"a":1}\n{"kind":"Forged",\r"payload":{}}')
    lines = (run / "signals" / "3.jsonl").read_bytes().splitlines()
    assert len(lines) == 1
    assert read_line(lines[0])[0] == MALFORMED


@pytest.mark.parametrize("event", ["", "a b", "$(touch x)", "../x", 'x"y', "1x", "x" * 65, "x\ny", "é"])
def test_a_name_that_is_none_says_nothing(shell: list[str], run: Path, event: str) -> None:
    hook(shell, run, event, payload=b"{}")
    assert not list((run / "signals").iterdir())


@pytest.mark.parametrize("generation", ["", "0", "03", "x", "-1", "3/../4", "../3"])
def test_a_generation_that_is_none_says_nothing(shell: list[str], run: Path, generation: str) -> None:
    hook(shell, run, "Stop", payload=b"{}", AGENTCTL_GENERATION=generation)
    assert not list((run / "signals").iterdir())


def test_outside_an_agent_it_does_nothing(shell: list[str], tmp_path: Path) -> None:
    call([*shell, str(HOOK), "Stop"], b"{}", {"PATH": os.environ["PATH"]})
    hook(shell, tmp_path / "gone", "Stop", payload=b"{}")
    assert not (tmp_path / "gone").exists()


def test_it_leaves_its_folder_by_no_link_and_waits_at_no_pipe(shell: list[str], run: Path, tmp_path: Path) -> None:
    outside, file = tmp_path / "outside", run / "signals" / "3.jsonl"
    outside.touch()
    file.symlink_to(outside)
    hook(shell, run, "Stop", payload=b"{}")
    file.unlink()
    os.mkfifo(file)
    hook(shell, run, "Stop", payload=b"{}")
    file.unlink()
    (run / "signals").rmdir()
    (tmp_path / "elsewhere").mkdir()
    (run / "signals").symlink_to(tmp_path / "elsewhere")
    hook(shell, run, "Stop", payload=b"{}")
    assert outside.read_bytes() == b""
    assert not list((tmp_path / "elsewhere").iterdir())


def test_all_of_a_huge_payload_is_read(shell: list[str], run: Path) -> None:
    """A program whose pipe is closed before it has written all takes the hook for broken."""
    process = subprocess.Popen([*shell, str(HOOK), "Stop"], stdin=subprocess.PIPE, env=environment(run))
    assert process.stdin is not None
    process.stdin.write(b'{"a": "' + b"x" * 5_000_000 + b'"}')
    process.stdin.close()
    assert process.wait(20) == 0
    assert signals(run) == [{"kind": "Stop", "payload": None}]


def test_two_small_tools_are_all_it_needs(shell: list[str], run: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("tr", "dd"):
        (tools / tool).symlink_to(shutil.which(tool) or "")
    argv = [shutil.which(shell[0]) or "", *shell[1:], str(HOOK), "Stop"]
    for text in ("x", "x" * 50_000):
        call(argv, json.dumps({"text": text}).encode(), {**environment(run), "PATH": str(tools)})
    assert [len(line["payload"]["text"]) for line in signals(run)] == [1, 50_000]


def test_two_hundred_calls_at_once_leave_two_hundred_whole_lines(run: Path, tmp_path: Path) -> None:
    payload = tmp_path / "payload"
    payload.write_text(json.dumps({"text": "x" * 50_000}))
    calls = []
    for number in range(200):
        with payload.open("rb") as stdin:
            calls.append(subprocess.Popen([str(HOOK), f"E{number}"], stdin=stdin, env=environment(run)))
    assert {call.wait(60) for call in calls} == {0}
    found = signals(run)
    assert sorted(line["kind"] for line in found) == sorted(f"E{number}" for number in range(200))
    assert {len(line["payload"]["text"]) for line in found} == {50_000}
