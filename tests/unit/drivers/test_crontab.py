"""The crontab by a program that fails, lies and is slow: what is unknown is not absent, and nothing is lost.

The program here keeps its text in a file and can be told to fail; the real one plays in tests/acceptance.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from agentctl.domain.errors import Refused, Unreachable
from agentctl.drivers import crontab

PROGRAM = """\
#!/bin/sh
cd "$(dirname "$0")" || exit 9
[ "$LC_ALL" = C ] || exit 8
echo "$1" >> asked
[ -x "./on$1" ] && . "./on$1"
case "$1" in
-l) [ -f table ] || { echo "no crontab for somebody" >&2; exit 1; }; cat table ;;
-r) rm table ;;
-) cat > table ;;
esac
"""


class Program:
    """The program, the text it keeps, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.table = folder, folder / "table"
        self._write("crontab", PROGRAM)

    def on(self, word: str, script: str) -> None:
        """Have it run *script* first where it is asked *word*."""
        self._write(f"on{word}", script)

    def asked(self) -> list[str]:
        return (self.folder / "asked").read_text().split()

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return Program(tmp_path)


def test_none_is_told_from_an_empty_one(program: Program) -> None:
    assert crontab.read() is None
    program.table.write_bytes(b"")
    assert crontab.read() == b""


def test_every_byte_comes_and_goes(program: Program) -> None:
    text = bytes(range(1, 256)) + b"\r\n\n"
    crontab.replace(None, text)
    assert program.table.read_bytes() == crontab.read() == text


def test_an_empty_one_is_removed(program: Program) -> None:
    program.table.write_bytes(b"a\n")
    crontab.replace(b"a\n", b"")
    assert not program.table.exists()


@pytest.mark.parametrize("fault", ["echo 'You are not allowed' >&2; exit 1", "exit 1", "echo a; exit 3"])
def test_what_cannot_be_read_is_unknown_and_nothing_is_written(program: Program, fault: str) -> None:
    program.table.write_bytes(b"a\n")
    program.on("-l", fault)
    with pytest.raises(Unreachable, match="cannot be read"):
        crontab.read()
    with pytest.raises(Unreachable, match="cannot be read"):
        crontab.replace(None, b"b\n")
    assert set(program.asked()) == {"-l"}
    assert program.table.read_bytes() == b"a\n"


def test_one_that_somebody_changed_meanwhile_is_left_alone(program: Program) -> None:
    program.table.write_bytes(b"a\n")
    before = crontab.read()
    program.table.write_bytes(b"a\nmine\n")
    with pytest.raises(Refused, match="meanwhile"):
        crontab.replace(before, b"a\nb\n")
    assert program.table.read_bytes() == b"a\nmine\n"


def test_one_that_is_not_shown_as_it_is_is_left_alone(program: Program) -> None:
    program.table.write_bytes(b"# as Debian shows a CR:\n* * * * * true\\r\n")
    with pytest.raises(Refused, match="line 2 "):
        crontab.replace(crontab.read(), b"a\n")
    assert b"true" in program.table.read_bytes()
    program.table.write_bytes(b"* * * * * tr -d '\\r' <a >b\n# \xe9\r\n")
    crontab.replace(crontab.read(), b"a\n")
    assert program.table.read_bytes() == b"a\n"


def test_a_write_that_is_refused_says_why(program: Program) -> None:
    program.on("-", "echo '\"-\":1: command too long' >&2; exit 1")
    with pytest.raises(Unreachable, match="command too long") as told:
        crontab.replace(None, b"a\n")
    assert "shorter PATH" in told.value.hint
    assert not program.table.exists()


def test_what_is_kept_otherwise_than_written_is_told(program: Program) -> None:
    program.on("-", "echo something else > table; exit 0")
    with pytest.raises(Unreachable, match="not what was written"):
        crontab.replace(None, b"a\n")


def test_without_the_program_the_next_step_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unreachable, match="no crontab program") as told:
        crontab.read()
    assert "install cron" in told.value.hint


def _processes(folder: Path, **names: str) -> Path:
    for pid, name in names.items():
        (folder / pid.strip("_")).mkdir(parents=True)
        (folder / pid.strip("_") / "comm").write_text(f"{name}\n")
    return folder


def test_a_daemon_is_seen_not_seen_or_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place, names, expected in (
        ("runs", {"_1": "init", "_70": "cron"}, crontab.Daemon.RUNS),
        ("none", {"_1": "init", "_70": "crontab"}, crontab.Daemon.NONE),
        ("hidden", {"_70": "sh"}, crontab.Daemon.UNKNOWN),
    ):
        monkeypatch.setattr(crontab, "_PROC", _processes(tmp_path / place, **names))
        assert crontab.sight().daemon is expected
