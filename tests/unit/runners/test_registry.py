"""Which runner an agent gets, and the command line that is made of it: PATH look-ups only, nothing is run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agentctl.domain.errors import NotFound
from agentctl.domain.team import AgentSpec
from agentctl.runners.registry import Runners
from agentctl.runners.runner import WORKER, Runner

RUNNERS = Runners.load()


def spec(runner: str, **fields: object) -> AgentSpec:
    made = {"team": "web", "name": "dev", "role": "dev", "window": "Web-Dev", "index": 0, "cwd": "/work", **fields}
    return AgentSpec(runner=runner, **made)  # type: ignore[arg-type]


def install(folder: Path, *programs: str, mode: int = 0o755) -> str:
    folder.mkdir(exist_ok=True)
    for program in programs:
        (folder / program).write_text("#!/bin/sh\ntouch /tmp/must-not-run\n")
        (folder / program).chmod(mode)
    return str(folder)


def test_auto_takes_the_first_coding_agent_in_the_given_order(tmp_path: Path) -> None:
    path = install(tmp_path / "bin", "aider", "qwen", "codex")
    choice = RUNNERS.choose("auto", path)
    assert (choice.runner.name, choice.program) == ("codex", f"{path}/codex")
    assert choice.reason == "Codex is the first coding agent installed"


@pytest.mark.parametrize("name", ["claude", "codex", "gemini", "opencode", "qwen", "aider"])
def test_auto_takes_the_only_one_there_is(tmp_path: Path, name: str) -> None:
    assert RUNNERS.choose("auto", install(tmp_path / "bin", name)).runner.name == name


def test_auto_falls_back_to_the_shell_worker_and_says_so(tmp_path: Path) -> None:
    choice = RUNNERS.choose("auto", str(tmp_path))
    assert choice.runner.name == "shell"
    assert choice.reason == "no coding agent is installed"


def test_a_user_can_put_a_runner_of_their_own_first(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'title = "Mine"\ncoding = true\norder = 1\nprograms = ["other-name", "mine"]\nlaunch = ["{program}"]\n'
    )
    runners = Runners.load(tmp_path)
    assert runners.choose("auto", install(tmp_path / "bin", "mine", "claude")).program == str(tmp_path / "bin" / "mine")


def test_a_name_is_taken_at_its_word(tmp_path: Path) -> None:
    path = install(tmp_path / "bin", "claude", "aider")
    assert RUNNERS.choose("aider", path).runner.name == "aider"
    assert RUNNERS.choose("shell", path).runner.name == "shell"
    with pytest.raises(NotFound, match="Codex is not installed: no codex on PATH"):
        RUNNERS.choose("codex", path)
    with pytest.raises(NotFound, match="there is no runner 'clade'") as raised:
        RUNNERS.choose("clade", path)
    assert "claude" in raised.value.hint


def test_only_an_executable_file_in_an_absolute_place_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    install(tmp_path, "claude")
    install(tmp_path / "plain", "claude", mode=0o644)
    (tmp_path / "folder" / "claude").mkdir(parents=True)
    relative = f".::plain:{tmp_path}/plain:{tmp_path}/folder:/no/such/place"
    assert not RUNNERS.find("claude", relative).ok
    assert RUNNERS.find("claude", f"{relative}:{tmp_path}").program == str(tmp_path / "claude")


def test_looking_runs_nothing(tmp_path: Path) -> None:
    script = """
import sys
started = []
sys.addaudithook(lambda event, _: started.append(event) if event.split(".")[0] in ("subprocess", "pty") or event in (
    "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn") else None)
from agentctl.runners.registry import Runners
print(Runners.load().choose("auto", sys.argv[1]).runner.name, started)
"""
    path = install(tmp_path / "bin", "claude")
    found = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True, timeout=20)
    assert found.stdout == "claude []\n"


def test_a_process_is_started_as_the_team_file_says(tmp_path: Path) -> None:
    argv = ("npm", "run", "dev -- {prompt}", "")
    assert RUNNERS.get("process").launch(spec("process", argv=argv), path="", folder=tmp_path).argv == argv
    with pytest.raises(NotFound, match="web/dev has no command to run"):
        RUNNERS.get("process").launch(spec("process"), path="", folder=tmp_path)


def test_the_shell_worker_is_started_with_this_python(tmp_path: Path) -> None:
    launch = RUNNERS.get("shell").launch(spec("shell", prompt="do it"), path="", folder=tmp_path)
    assert launch.argv == (sys.executable, "-I", "-S", "-X", "utf8", str(WORKER))
    assert not launch.prompted
    assert WORKER.is_file()


def written(folder: Path, launch: str) -> Runner:
    (folder / "mine.toml").write_text(f'title = "Mine"\nprograms = ["mine"]\nlaunch = {launch}\n')
    return Runners.load(folder).get("mine")


def test_model_and_prompt_are_arguments_only_where_they_are_given(tmp_path: Path) -> None:
    path = install(tmp_path / "bin", "mine")
    mine = written(tmp_path, '["{program}", ["--model", "{model}"], ["--", "{prompt}"]]')
    bare = mine.launch(spec("mine"), path=path, folder=tmp_path)
    assert (bare.argv, bare.prompted) == ((f"{path}/mine",), False)
    full = mine.launch(spec("mine", model="big", prompt="--help {model}\nme"), path=path, folder=tmp_path)
    assert full.argv == (f"{path}/mine", "--model", "big", "--", "--help {model}\nme")
    assert full.prompted
    joined = written(tmp_path, '["{program}", ["--prompt-interactive={prompt}"]]')
    assert joined.launch(spec("mine", prompt="-p x"), path=path, folder=tmp_path).argv[1:] == (
        "--prompt-interactive=-p x",
    )
    typed = written(tmp_path, '["{program}"]').launch(spec("mine", prompt="hello"), path=path, folder=tmp_path)
    assert (typed.argv[1:], typed.prompted) == ((), False)


@pytest.mark.parametrize("prompt", ["x" * 200_000, "é" * 60_000, "a\0b"])
def test_a_prompt_that_no_argument_can_hold_is_left_to_be_sent(tmp_path: Path, prompt: str) -> None:
    path = install(tmp_path / "bin", "mine")
    mine = written(tmp_path, '["{program}", ["--", "{prompt}"]]')
    launch = mine.launch(spec("mine", prompt=prompt), path=path, folder=tmp_path)
    assert (launch.argv, launch.prompted) == ((f"{path}/mine",), False)


def test_variables_of_a_manifest_are_filled(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'title = "Mine"\nlaunch = ["{python}"]\nunset = ["DEBUG"]\n[env]\nMY_HOOKS = "{signals}/{agent}"\nA = "b"\n'
    )
    launch = Runners.load(tmp_path).get("mine").launch(spec("mine"), path="", folder=tmp_path / "run")
    assert launch.env == {"MY_HOOKS": f"{tmp_path}/run/signals/web/dev", "A": "b"}
    assert launch.unset == ("DEBUG",)
    assert launch.argv == (sys.executable,)


def test_what_is_gone_since_it_was_chosen_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="Claude Code is not installed"):
        RUNNERS.get("claude").launch(spec("claude"), path=str(tmp_path), folder=tmp_path)


def test_less_memory_than_a_program_idles_with_is_refused_with_the_reason() -> None:
    assert RUNNERS.check_memory("shell", 2**20).startswith("Shell worker needs at least 32MiB of memory: it idles at ")
    assert RUNNERS.check_memory("shell", 2**25) == ""
    assert RUNNERS.check_memory("process", 1) == ""
    assert RUNNERS.check_memory("auto", 1) == ""
    with pytest.raises(NotFound):
        RUNNERS.check_memory("clade", 1)


def test_of_a_runner_whose_file_has_gone_nothing_is_known_and_nothing_is_typed_to_it() -> None:
    gone = Runners.load().known("gone-since")
    assert (gone.name, gone.submit.channel, gone.rules, gone.reports) == ("gone-since", "none", (), {})
    assert Runners.load().known("claude").coding
