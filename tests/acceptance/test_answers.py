"""Questions of agents: answered by a person, or where the team file allows it, and by nobody else."""

from __future__ import annotations

import json
import time

import pytest

from agentctl.domain.errors import AgentctlError
from tests.acceptance.fake import FakeStage


def chosen(fakes: FakeStage, agent: str = "web/dev") -> list[int | None]:
    return [entry["choice"] for entry in fakes.record(agent, "chosen")]


def test_a_dialog_at_start_waits_for_a_person_where_the_team_file_says_nothing(fakes: FakeStage) -> None:
    fakes.settings("web/dev", dialogs=["trust"])
    fakes.up("dev", wait=False)
    ask = fakes.asks("web/dev", "trust")
    assert ask["options"] == ["Yes, I trust this folder", "No, exit"]
    id_ = fakes.post("web/dev", "hello")
    time.sleep(2.5)
    assert chosen(fakes) == []
    fakes.run("answer", "web/dev", "1")
    fakes.message_is(id_, "answered")
    assert chosen(fakes) == [0]
    assert fakes.astray("web/dev") == []


def test_dialogs_at_start_are_answered_as_the_team_file_says(fakes: FakeStage) -> None:
    fakes.settings("web/dev", dialogs=["theme", "trust", "update"])
    fakes.up(dev=fakes.fake(dialogs={"trust": "accept", "theme": "accept", "update": "decline"}))
    assert [(e["name"], e["choice"]) for e in fakes.record("web/dev", "dialog")] == [
        ("theme", 0), ("trust", 0), ("update", 1)
    ]  # fmt: skip
    answered = [event["data"] for event in fakes.events("AgentAnswered")]
    assert [facts["choice"] for facts in answered] == ["Dark mode", "Yes, I trust this folder", "Skip"]
    assert all(facts["policy"] for facts in answered)


def test_a_login_is_never_answered_by_itself(fakes: FakeStage) -> None:
    fakes.settings("web/dev", dialogs=["login"])
    fakes.up(wait=False, dev=fakes.fake(approve="auto", dialogs={"trust": "accept", "theme": "accept"}))
    fakes.asks("web/dev", "login")
    time.sleep(2.5)
    assert chosen(fakes) == []
    done = fakes.run("approve", "web/dev", code=None)
    assert done.code == 9, done
    assert "attach" in done.said
    assert chosen(fakes) == []


def test_a_permission_is_given_or_not_as_the_person_says(fakes: FakeStage) -> None:
    fakes.up("dev")
    said = {"approve web/dev": 0, "answer web/dev 1": 0, "answer web/dev 2": 1, "answer web/dev yes,": 1,
            "answer web/dev yes": 0, "deny web/dev": None}  # fmt: skip
    for words, choice in said.items():
        id_ = fakes.post("web/dev", f"!permit {words}\n!say made")
        fakes.asks("web/dev", "permission")
        fakes.run(*words.split())
        fakes.heard("web/dev", "chosen", len(fakes.events("AgentAnswered")))
        assert chosen(fakes)[-1] == choice, words
        if choice is not None:
            assert fakes.message_is(id_, "answered")["answer"] == "made"
        row = fakes.becomes("web/dev", "idle")
        assert row["asking"] is None
    answered = fakes.events("AgentAnswered")
    assert [(e["actor"], e["data"].get("policy", "")) for e in answered] == [("person", "")] * len(said)


def test_an_option_of_a_question_is_chosen_by_its_words(fakes: FakeStage) -> None:
    fakes.up("dev")
    id_ = fakes.post("web/dev", "!ask Which colour?|Red|Dark blue|Green")
    assert fakes.asks("web/dev", "question")["title"] == "Which colour?"
    shown = fakes.run("answer", "web/dev", code=None)
    assert shown.code in (0, 8), shown
    for words in ("Which colour?", "Red", "Dark blue", "Green"):
        assert words in shown.said
    fakes.run("answer", "web/dev", "dark blue")
    assert fakes.message_is(id_, "answered")["answer"] == "chosen: Dark blue"


def test_an_answer_that_is_none_presses_nothing(fakes: FakeStage) -> None:
    fakes.up("dev")
    fakes.post("web/dev", "!permit make")
    fakes.asks("web/dev", "permission")
    for choice in ("7", "maybe", "y\n", "-1", "Enter"):
        done = fakes.run("answer", "web/dev", "--", choice, code=None)
        assert done.code in (2, 4, 9), done
    time.sleep(0.3)
    assert chosen(fakes) == []
    assert fakes.astray("web/dev") == []


def test_who_asks_nothing_gets_no_answer(fakes: FakeStage) -> None:
    fakes.up("dev")
    for words in (["answer", "web/dev", "1"], ["approve", "web/dev"], ["deny", "web/dev"]):
        done = fakes.run(*words, code=None)
        assert done.code in (4, 9), done
    assert "1" not in fakes.screen("web/dev").partition("\u276f")[2].splitlines()[0]
    assert fakes.prompts("web/dev") == []


def test_an_answer_to_a_question_that_has_changed_is_refused(fakes: FakeStage) -> None:
    fakes.up("dev")
    fakes.post("web/dev", "!ask First?|Red|Blue\n!ask Second?|Stay|Delete it all")
    first = fakes.asks("web/dev", "question")
    fakes.tmux("send-keys", "-t", fakes.pane("web/dev").id, "1")  # a person was faster
    fakes.until(lambda: len(fakes.record("web/dev", "asks")) == 2, "the second is asked")
    fakes.until(lambda: "Second?" in fakes.screen("web/dev"), "it stands there")
    with pytest.raises(AgentctlError, match="else"):
        fakes.ask("answer", agent="web/dev", choice="2", ask=first["id"])
    assert chosen(fakes) == [0]


def test_with_approve_auto_permissions_are_given_and_questions_are_not(fakes: FakeStage) -> None:
    fakes.up(dev=fakes.fake(approve="auto"))
    assert "auto" in fakes.record("web/dev", "start")[0]["argv"]
    id_ = fakes.post("web/dev", "!permit make\n!ask Which?|Red|Blue")
    fakes.asks("web/dev", "question")
    assert chosen(fakes) == [0]
    time.sleep(2.5)
    assert chosen(fakes) == [0]
    fakes.run("answer", "web/dev", "Blue")
    assert fakes.message_is(id_, "answered")["answer"] == "chosen: Blue"


def test_a_reason_follows_a_no(fakes: FakeStage) -> None:
    fakes.up("dev")
    fakes.post("web/dev", "!permit rm -rf /")
    fakes.asks("web/dev", "permission")
    fakes.run("deny", "web/dev", "--reason", "clean only build/")
    fakes.heard("web/dev", "answer")
    assert chosen(fakes) == [None]
    assert fakes.bodies("web/dev")[-1] == "clean only build/"


def test_an_agent_answers_nobody(fakes: FakeStage) -> None:
    fakes.up("dev", "pm")
    fakes.post("web/dev", "!permit make")
    fakes.asks("web/dev", "permission")
    for words in (["approve", "web/dev"], ["answer", "web/dev", "1"], ["deny", "web/dev"],
                  ["send", "web/dev", "--keys", "1"]):  # fmt: skip
        assert fakes.run_inside("web/pm", *words)["code"] not in (0, 70), words
    assert chosen(fakes) == []


def test_what_a_person_answers_in_the_window_is_noticed(fakes: FakeStage) -> None:
    fakes.up("dev")
    fakes.post("web/dev", "!permit make\n!slow 3s")
    fakes.asks("web/dev", "permission")
    fakes.tmux("send-keys", "-t", fakes.pane("web/dev").id, "Enter")
    fakes.becomes("web/dev", "working")
    assert fakes.row("web/dev")["asking"] is None
    fakes.becomes("web/dev", "idle")


def test_keys_that_a_runner_does_not_have_are_no_policy(fakes: FakeStage) -> None:
    text = fakes.manifest.read_text()
    fakes.manifest.write_text(text.replace('plan = ["--policy", "plan"]\n', ""))
    done = fakes.run("validate", str(fakes.team(agents={"dev": fakes.fake(approve="plan")})), code=3)
    assert "plan" in done.said
    assert "auto-edit" in done.said


def test_a_question_of_hostile_words_is_shown_as_plain_text(fakes: FakeStage) -> None:
    fakes.up("dev")
    fakes.tell("web/dev", "step", "!ask [bold]Really?[/] #(touch x) \u202eevil|[red]Yes|No\u200b")
    fakes.asks("web/dev", "question")
    for words in (["ps"], ["why", "web/dev"], ["answer", "web/dev"], ["inbox"]):
        done = fakes.run(*words, code=None)
        assert "\u202e" not in done.said
        assert "\x1b" not in done.said
    assert "[bold]Really?" in fakes.run("why", "web/dev").out
    json.loads(fakes.run("why", "web/dev", "--json").out)
