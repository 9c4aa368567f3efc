"""The pulse folder: made anew for each launch, changed under hooks that read it, and led nowhere by what lies there."""

from __future__ import annotations

import hashlib
import json
import os
import re
from datetime import timedelta
from pathlib import Path

import pytest

from agentctl.runners.pulse import begin, set_gap
from agentctl.runners.registry import Runners

SECOND = timedelta(seconds=1)
SHIPPED = Runners.load()


def names(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "pulse").iterdir())


@pytest.mark.parametrize(
    ("pulse", "name"),
    [
        (2 * SECOND, "gap.2000"),
        (timedelta(0), "gap.0"),
        (timedelta(microseconds=1), "gap.1"),
        (timedelta(milliseconds=1500, microseconds=1), "gap.1501"),
        (timedelta(days=9), "gap.999999"),
    ],
)
def test_the_pulse_stands_in_a_name(tmp_path: Path, pulse: timedelta, name: str) -> None:
    begin(tmp_path, pulse)
    assert names(tmp_path) == [name]
    assert (tmp_path / "pulse").stat().st_mode & 0o777 == 0o700


def test_a_launch_forgets_the_calls_of_the_one_before(tmp_path: Path) -> None:
    begin(tmp_path, SECOND)
    for name in ("call.100000001", "call.100000001.77", "gap.5", "whatever"):
        (tmp_path / "pulse" / name).touch()
    begin(tmp_path, 2 * SECOND)
    assert names(tmp_path) == ["gap.2000"]


def test_a_new_pulse_takes_the_place_of_the_old_one_and_of_nothing_else(tmp_path: Path) -> None:
    begin(tmp_path, SECOND)
    (tmp_path / "pulse" / "call.100000001").touch()
    for _ in range(2):
        set_gap(tmp_path, 3 * SECOND)
    assert names(tmp_path) == ["call.100000001", "gap.3000"]


def test_it_is_made_again_where_the_agent_took_it_away(tmp_path: Path) -> None:
    set_gap(tmp_path, SECOND)
    assert names(tmp_path) == ["gap.1000"]
    with pytest.raises(FileNotFoundError):
        set_gap(tmp_path / "gone", SECOND)


def test_a_link_in_its_place_is_followed_by_nobody(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "gap.7").touch()
    (tmp_path / "pulse").symlink_to(outside)
    with pytest.raises(OSError, match="pulse"):
        set_gap(tmp_path, SECOND)
    begin(tmp_path, SECOND)
    assert [path.name for path in outside.iterdir()] == ["gap.7"]
    assert names(tmp_path) == ["gap.1000"]


def test_what_an_agent_puts_there_is_neither_opened_nor_written_through(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    begin(tmp_path, SECOND)
    (tmp_path / "pulse" / "gap.2000").symlink_to(outside)
    os.mkfifo(tmp_path / "pulse" / "gap.3000")
    (tmp_path / "pulse" / "gap.4000").mkdir()
    set_gap(tmp_path, 2 * SECOND)
    set_gap(tmp_path, 3 * SECOND)
    assert not outside.exists()
    begin(tmp_path, SECOND)
    assert names(tmp_path) == ["gap.1000", "gap.4000"], "a folder is passed over"


def test_whose_tool_calls_it_holds() -> None:
    held = {name: SHIPPED.get(name).pulse_holds for name in SHIPPED.names()}
    both = {"claude", "codex", "opencode", "pi", "qwen"}
    assert {name for name, what in held.items() if what == ("messages", "tools")} == both
    assert {name for name, what in held.items() if what == ("messages",)} == {"aider", "gemini", "shell", "vibe"}
    assert {name for name, what in held.items() if not what} == {"process"}


def test_codex_is_told_of_each_hook_that_it_is_ours() -> None:
    """It trusts a hook by a hash of these words; one that no longer fits is asked for at every start."""
    words = [word for group in SHIPPED.get("codex").launch_words for word in group if word.startswith("hooks.")]
    state = words.pop()
    for word in words:
        event, command, timeout = re.findall(r"^hooks\.(\w+)=.*command='(.+?)',timeout=(\d+)", word)[0]
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", event).lower()
        seconds = min(int(timeout), 3) if event == "SessionEnd" else int(timeout)  # it gives that one no more
        hook = {"type": "command", "command": command, "timeout": seconds, "async": False}
        whole = json.dumps({"event_name": name, "hooks": [hook]}, sort_keys=True, separators=(",", ":"))
        assert f":{name}:0:0'={{trusted_hash='sha256:{hashlib.sha256(whole.encode()).hexdigest()}'}}" in state, event
    assert len(words) == 7
