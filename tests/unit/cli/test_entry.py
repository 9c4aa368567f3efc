"""Every way a run can end: errors, our own mistakes, Ctrl-C, a reader that left."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time

import pytest

from agentctl.cli import crash, entry, ps
from agentctl.domain.errors import IllegalMove
from tests.unit.cli.conftest import row


@pytest.mark.parametrize(
    "words", [["--help"], ["-h"], [], ["deploy", "--help"], ["daemon", "-h"], ["send", "-h"], ["--version"]]
)
def test_help_touches_nothing(home, agentctl, tmp_path, words) -> None:
    before = sorted(tmp_path.rglob("*"))
    done = agentctl(*words)
    assert done.code == 0
    assert done.out
    assert sorted(tmp_path.rglob("*")) == before


def test_a_mistyped_command_is_guessed(agentctl) -> None:
    done = agentctl("deplyo")
    assert (done.code, done.out) == (2, "")
    assert "did you mean 'agentctl deploy'?" in done.err
    assert "did you mean 'agentctl daemon status'?" in agentctl("daemon", "statsu").err


@pytest.mark.parametrize(
    "words", [["ps", "--nope"], ["send"], ["peek"], ["peek", "a", "-n", "x"], ["--color", "blue", "ps"]]
)
def test_usage_errors_end_with_2_and_name_the_help(home, agentctl, words) -> None:
    done = agentctl(*words)
    assert done.code == 2
    assert done.err.startswith("error: ")


class TestOwnMistakes:
    @pytest.fixture
    def broken(self, supervisor, monkeypatch):
        def fail(*_: object) -> int:
            secret = os.environ["MY_TOKEN"]
            raise ValueError(f"with {secret}")

        monkeypatch.setenv("MY_TOKEN", "hush-hush-hush")
        monkeypatch.setattr(ps, "run", fail)

    def test_a_crash_file_and_one_line(self, broken, home, agentctl) -> None:
        done = agentctl("ps", "frontend", "--output=x")
        assert done.code == 70
        (path,) = home.logs.glob("crash-*.txt")
        assert str(path) in done.err
        assert "Traceback" not in done.err
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        text = path.read_text()
        assert "ValueError: with $MY_TOKEN" in text
        assert "command: ps --output" in text
        assert "frontend" not in text.partition("Traceback")[0]

    def test_debug_shows_the_traceback(self, broken, agentctl) -> None:
        assert "Traceback" in agentctl("--debug", "ps").err

    def test_ten_are_kept(self, home) -> None:
        home.prepare()
        for number in range(15):
            (home.logs / f"crash-2020010{number:02}.txt").touch()
        crash.write_crash_file(IllegalMove("x"), ["ps"])
        assert len(list(home.logs.glob("crash-*.txt"))) == 10

    def test_a_home_that_cannot_be_written_is_no_second_crash(self, broken, home, agentctl) -> None:
        home.prepare()
        home.path.chmod(0o777)
        done = agentctl("ps")
        assert done.code == 70
        assert "could not be written" in done.err

    def test_an_illegal_move_is_our_mistake(self, supervisor, home, agentctl) -> None:
        supervisor.on("ps", IllegalMove("a/b cannot go from stopped to running"))
        assert agentctl("ps").code == 70


def test_a_reader_that_leaves_ends_it_quietly(supervisor) -> None:
    supervisor.on("ps", {"agents": [row(f"team/agent-{n}") for n in range(5000)], "teams": []})
    argv = f"{sys.executable} -m agentctl ps; echo $? >&2"
    done = subprocess.run(f"({argv}) | head -1", shell=True, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.startswith("AGENT\t")
    assert done.stderr == "0\n"


def test_ctrl_c_during_a_deploy_says_what_goes_on(supervisor, tmp_path) -> None:
    teams = tmp_path / "work" / "teams"
    teams.mkdir()
    (teams / "a.yaml").write_text("version: 1\nname: a\nagents:\n  b: { runner: shell }\n")
    supervisor.on("plan", {"team": "a", "source": "", "changes": [], "counts": {}, "notes": []})
    supervisor.when("deploy", lambda *_: time.sleep(30))
    with subprocess.Popen([sys.executable, "-m", "agentctl", "deploy"], stdout=-1, stderr=-1, text=True) as deploy:
        deadline = time.monotonic() + 20
        while "deploy" not in [verb for verb, _ in supervisor.asked] and time.monotonic() < deadline:
            time.sleep(0.02)
        deploy.send_signal(signal.SIGINT)
        _, words = deploy.communicate(timeout=20)
    assert deploy.returncode == 130
    assert "interrupted: the deploy goes on; watch it with: agentctl ps -w" in words
    assert "Traceback" not in words


SWALLOWS = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path, target=None):
        if name == MODULE:
            try:
                os.kill(os.getpid(), signal.SIGINT)
                for _ in range(1000): pass
            except BaseException:
                pass
MODULE = sys.argv.pop()
sys.meta_path.insert(0, Finder())
from agentctl.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize("words", [["ps", "agentctl.cli.ps"], ["deploy", "agentctl.cli.deploy"]], ids=lambda w: w[0])
def test_ctrl_c_that_an_import_swallows_ends_it_all_the_same(home, words) -> None:
    done = subprocess.run([sys.executable, "-c", SWALLOWS, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


@pytest.mark.parametrize(
    "name", ["a\nb/c", "#(touch x)", "../x", "-x", "\u202eevil/pm", "x" * 10_000, "@0", "$1", "=", ""]
)
def test_hostile_names_are_words_and_nothing_else(supervisor, agentctl, tmp_path, name) -> None:
    supervisor.on("ps", {"agents": [], "teams": []})
    done = agentctl("ps", "--", name)
    assert done.code == 0
    assert supervisor.args("ps") == {"selectors": [name]}
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize("variables", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {"TERM": "dumb"}, {"HOME": ""}])
def test_bare_environments(supervisor, process, variables) -> None:
    supervisor.on("ps", {"agents": [row("a/b", evidence="ünï●")], "teams": []})
    done = process("ps", env={**os.environ, **variables})
    assert (done.returncode, done.stderr) == (0, "")


def test_a_folder_that_is_gone(supervisor, process, tmp_path) -> None:
    gone = tmp_path / "gone"
    script = f"mkdir {gone}; cd {gone}; rmdir {gone}; {sys.executable} -P -m agentctl plan"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 4
    assert "the current folder does not exist any more" in done.stderr


def test_a_reader_that_leaves_in_the_middle_of_a_followed_log(supervisor) -> None:
    supervisor.on("logs", {}, [{"agent": "a/b", "line": f"line {n}"} for n in range(20_000)])
    argv = f"{sys.executable} -m agentctl logs -f; echo $? >&2"
    done = subprocess.run(f"({argv}) | head -1", shell=True, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("a/b\tline 0\n", "0\n")


@pytest.mark.parametrize(
    ("redirection", "code"), [(">&-", 0), ("2>&-", 0), ("<&-", 0), ("> /dev/full", 1), (">&- 2>&- <&-", 0)]
)
def test_streams_that_are_closed_or_full(supervisor, redirection, code) -> None:
    supervisor.on("ps", {"agents": [row("a/b")], "teams": []})
    script = f"{sys.executable} -m agentctl ps {redirection}"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    if code:
        assert "No space left on device" in done.stderr


def test_few_descriptors_are_said_and_no_mistake_of_ours(supervisor) -> None:
    supervisor.on("ps", {"agents": [row("a/b")], "teams": []})
    script = f"ulimit -n 5; {sys.executable} -m agentctl ps"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert "made a mistake" not in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_that_a_library_wraps_is_still_ctrl_c(monkeypatch, capsys) -> None:
    def wrapped(*_: object) -> int:
        raise ValueError('Error building "model" validator:\n  SchemaError: Field "agents":\n  KeyboardInterrupt: ')

    monkeypatch.setattr(entry, "_dispatch", wrapped)
    assert entry.run(["validate"]) == entry.INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"
