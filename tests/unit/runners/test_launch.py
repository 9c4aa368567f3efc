"""What is started: a conversation begun or gone on with, a policy's words, and files for this launch only."""

from __future__ import annotations

import json
import shlex
import uuid
from pathlib import Path

import pytest

from agentctl.domain.errors import UsageError
from agentctl.domain.team import AgentSpec
from agentctl.runners.manifest import load
from agentctl.runners.runner import HOOK, SHIPPED, Launch, Runner

MANIFEST = """
title = "Mine"
launch = ["{python}", ["--model", "{model}"], ["--", "{prompt}"]]

[env]
MINE = "{folder}/mine.json"
NUMBER = "{generation}"

[files]
"mine.json" = '''{"hooks": {"Stop": "{hook} Stop"}, "cwd": "{cwd}", "prompt": "{prompt}", "plugin": "{runners}/x.js"}'''
"mine.txt" = "cwd={cwd}"

[session]
new = ["--session-id", "{session}"]
resume = ["--resume", "{session}"]

[approve]
ask = []
auto = ["--yes", "--settings", "{folder}/mine.json"]
"""
FOLDER = Path("/run/agents/web/dev")


def made(tmp_path: Path, text: str = MANIFEST) -> Runner:
    (tmp_path / "mine.toml").write_text(text)
    return load(tmp_path / "mine.toml")


def launch(runner: Runner, *, session: str = "", resume: bool = False, **fields: object) -> Launch:
    facts = {"team": "web", "name": "dev", "role": "dev", "window": "W", "index": 0, "cwd": "/work", **fields}
    spec = AgentSpec(runner="mine", **facts)  # type: ignore[arg-type]
    return runner.launch(
        spec, path="", folder=FOLDER, session=session, resume=resume, generation=4, new_session=lambda: "new-id"
    )


def test_a_new_conversation_gets_an_id_of_ours(tmp_path: Path) -> None:
    started = launch(made(tmp_path), prompt="do it", model="big")
    assert started.argv[1:] == ("--model", "big", "--session-id", "new-id", "--", "do it")
    assert (started.session, started.resumed, started.prompted) == ("new-id", False, True)


def test_ids_are_uuids_and_never_the_same(tmp_path: Path) -> None:
    runner = made(tmp_path)
    spec = AgentSpec(runner="mine", team="web", name="dev", role="dev", window="W", index=0, cwd="/work")
    ids = {runner.launch(spec, path="", folder=FOLDER).session for _ in range(3)}
    assert len(ids) == 3
    assert all(uuid.UUID(one).version == 4 for one in ids)


def test_a_conversation_that_goes_on_is_not_told_its_prompt_again(tmp_path: Path) -> None:
    started = launch(made(tmp_path), session="old-id", resume=True, prompt="do it", model="big")
    assert started.argv[1:] == ("--model", "big", "--resume", "old-id")
    assert (started.session, started.resumed, started.prompted) == ("old-id", True, False)


@pytest.mark.parametrize(("session", "resume"), [("", True), ("old-id", False)])
def test_without_an_id_or_the_wish_it_begins_anew(tmp_path: Path, session: str, resume: bool) -> None:
    started = launch(made(tmp_path), session=session, resume=resume, prompt="do it")
    assert (started.session, started.resumed, started.prompted) == ("new-id", False, True)


def test_a_program_that_makes_its_own_ids_is_given_none(tmp_path: Path) -> None:
    text = MANIFEST.replace('new = ["--session-id", "{session}"]\n', "")
    assert launch(made(tmp_path, text), prompt="x").session == ""
    assert launch(made(tmp_path, text), session="told", resume=True).argv[1:] == ("--resume", "told")


def test_a_program_that_cannot_resume_begins_anew(tmp_path: Path) -> None:
    text = MANIFEST.replace('resume = ["--resume", "{session}"]\n', "")
    started = launch(made(tmp_path, text), session="old-id", resume=True, prompt="do it")
    assert (started.session, started.resumed, started.prompted) == ("new-id", False, True)


def test_a_policy_adds_its_words_before_the_prompt(tmp_path: Path) -> None:
    runner = made(tmp_path)
    assert launch(runner, approve="ask").argv == launch(runner).argv
    words = launch(runner, approve="auto", prompt="do it").argv[1:]
    assert words == ("--yes", "--settings", f"{FOLDER}/mine.json", "--session-id", "new-id", "--", "do it")


def test_a_policy_that_the_program_lacks_is_refused_with_those_it_has(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="web/dev: Mine has no approve: plan") as raised:
        launch(made(tmp_path), approve="plan")
    assert raised.value.hint == "it has ask, auto"
    with pytest.raises(UsageError) as raised:
        launch(made(tmp_path, MANIFEST.partition("[approve]")[0]), approve="auto")
    assert raised.value.hint == "it has none"


def test_files_are_filled_and_json_stays_json(tmp_path: Path) -> None:
    started = launch(made(tmp_path), cwd='/a "quoted"\\dir', prompt="one\ntwo {cwd}")
    assert json.loads(started.files["mine.json"]) == {
        "hooks": {"Stop": f"{shlex.quote(str(HOOK))} Stop"},
        "cwd": '/a "quoted"\\dir',
        "prompt": "one\ntwo {cwd}",
        "plugin": f"{SHIPPED}/x.js",
    }
    assert started.files["mine.txt"] == 'cwd=/a "quoted"\\dir'
    assert started.env == {"MINE": f"{FOLDER}/mine.json", "NUMBER": "4"}


@pytest.mark.parametrize("name", sorted(path.stem for path in SHIPPED.glob("*.toml")))
def test_every_shipped_runner_starts_with_each_of_its_policies(tmp_path: Path, name: str) -> None:
    runner = load(SHIPPED / f"{name}.toml", checks_patterns=False)
    for program in runner.programs:
        (tmp_path / program).write_text("")
        (tmp_path / program).chmod(0o755)
    for policy in ("", *runner.approve):
        facts = {"window": "W", "index": 0, "cwd": "/w", "argv": ("x",), "prompt": "p", "approve": policy}
        spec = AgentSpec(runner=name, team="w", name="d", role="d", **facts)  # type: ignore[arg-type]
        started = runner.launch(spec, path=str(tmp_path), folder=tmp_path, generation=1)
        assert not started.prompted, "a first prompt goes as a message, with proof"
        assert "p" not in started.argv
        assert all(isinstance(word, str) and word for word in started.argv)
        assert all(json.loads(text) for file, text in started.files.items() if file.endswith(".json"))
        if runner.session.resume:
            resumed = runner.launch(spec, path=str(tmp_path), folder=tmp_path, session="some-id", resume=True)
            assert any("some-id" in word for word in resumed.argv)
            assert "p" not in resumed.argv
