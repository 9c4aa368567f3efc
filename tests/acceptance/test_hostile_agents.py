"""Agents that lie, flood and lay traps in their own folders: they fool nobody else, and stop nothing."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agentctl.domain.errors import AgentctlError
from tests.acceptance.fake import FakeStage

RESPONDS_WITHIN = 5.0
"""Seconds, on a machine that is busy with other tests as well; a supervisor that is held up takes many more."""


def folder_of(fakes: FakeStage, agent: str) -> Path:
    return fakes.home.run / "agents" / agent


def lie(fakes: FakeStage, agent: str, *signals: tuple[str, dict[str, Any]], generation: int = 1) -> None:
    """Write signals as the agent's hooks would, but of our own making."""
    lines = [json.dumps({"kind": kind, "payload": payload}) + "\n" for kind, payload in signals]
    with (folder_of(fakes, agent) / "signals" / f"{generation}.jsonl").open("a") as file:
        file.write("".join(lines))


def test_a_pipe_in_the_place_of_a_long_message_holds_up_nobody(fakes: FakeStage) -> None:
    fakes.up("dev", "pm")
    fakes.tell("web/dev", "step", "!ask Wait?|Yes|No")
    ask = fakes.asks("web/dev", "question")
    id_ = fakes.post("web/dev", "line\n" * 10_000)
    folder = folder_of(fakes, "web/dev") / "messages"
    folder.mkdir(exist_ok=True)
    os.mkfifo(folder / f"{id_}.txt")
    fakes.ask("answer", agent="web/dev", choice="1", ask=ask["id"])
    fakes.heard("web/dev", "prompt")
    assert (folder / f"{id_}.txt").read_text() == "line\n" * 10_000
    fakes.message_is(fakes.post("web/pm", "are you there"), "answered")


def test_a_conversation_that_would_be_an_option_or_a_path_is_refused(fakes: FakeStage) -> None:
    fakes.up("dev")
    before = fakes.ask("why", agent="web/dev")["session"]
    for session in ("--dangerously-skip-permissions", "../../etc/x", "a b", "-p", "x\ny", "x" * 300):
        lie(fakes, "web/dev", ("SessionStart", {"session_id": session}))
    lie(fakes, "web/dev", ("Stop", {"session_id": before, "last_assistant_message": "done"}))
    fakes.message_is(fakes.post("web/dev", "go on"), "answered")
    assert fakes.ask("why", agent="web/dev")["session"] == before


@pytest.mark.timeout(240)
def test_a_flood_of_signals_holds_up_nobody_and_does_not_fill_the_log(fakes: FakeStage) -> None:
    fakes.up("dev", "pm")
    session, before = fakes.ask("why", agent="web/dev")["session"], fakes.ask("hello")["seq"]
    turns = [
        turn
        for number in range(4_000)
        for turn in (
            ("UserPromptSubmit", {"session_id": session, "prompt": "x", "prompt_id": str(number)}),
            ("Stop", {"session_id": session, "last_assistant_message": "y" * 1_000}),
        )
    ]
    lie(fakes, "web/dev", *turns)
    slowest, end = 0.0, time.monotonic() + 4
    while time.monotonic() < end:
        began = time.monotonic()
        fakes.ask("hello")
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.02)
    assert slowest < RESPONDS_WITHIN
    fakes.message_is(fakes.post("web/pm", "are you there"), "answered")
    assert fakes.ask("hello")["seq"] - before < 400
    fakes.message_is(fakes.post("web/dev", "and you"), "answered", seconds=90)  # behind all that it has said


def test_one_answer_at_a_time_reaches_a_question(fakes: FakeStage) -> None:
    fakes.up("dev")
    fakes.tell("web/dev", "step", "!ask Now?|Yes|No")
    ask = fakes.asks("web/dev", "question")
    said: list[str] = []

    def answer() -> None:
        try:
            said.append(fakes.ask("answer", agent="web/dev", choice="1", ask=ask["id"])["state"])
        except AgentctlError as error:
            said.append(type(error).__name__)

    persons = [threading.Thread(target=answer) for _ in range(3)]
    for person in persons:
        person.start()
    for person in persons:
        person.join()
    assert Counter(said)["taken"] == 1, said
    assert not fakes.ask("why", agent="web/dev")["screen"]["draft"], (
        "the other answers were not typed into its composer"
    )


def test_the_same_permission_again_and_again_is_given_each_time(fakes: FakeStage) -> None:
    fakes.up(dev=fakes.fake(approve="auto"))
    for count in range(1, 6):
        fakes.tell("web/dev", "step", "!permit ls")
        fakes.heard("web/dev", "chosen", count)
        fakes.becomes("web/dev", "idle")


def test_a_question_that_holds_a_secret_leaves_none_in_the_log(fakes: FakeStage) -> None:
    secret = "hunter2-very-secret"
    (fakes.folder / "token").write_text(secret)
    (fakes.folder / "token").chmod(0o600)
    sources = {"token": {"file": str(fakes.folder / "token")}}
    team = fakes.team(secrets=sources, agents={"dev": fakes.fake(secrets=["token"])})
    fakes.run("deploy", str(team), "--yes")
    fakes.becomes("web/dev", "idle")
    fakes.tell("web/dev", "step", f"!ask Use {secret}?|Yes {secret}|No")
    ask = fakes.asks("web/dev", "question")
    fakes.held(fakes.post("web/dev", "later"), "it asks")
    fakes.ask("answer", agent="web/dev", choice="1", ask=ask["id"])
    fakes.becomes("web/dev", "idle")
    events = fakes.events()
    assert any(event["type"] == "AgentAnswered" for event in events)
    assert secret not in json.dumps(events)
