"""An agent comes back in its own conversation and is told why; how it ended decides what follows."""

from __future__ import annotations

import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.fake import FakeStage, Framed

SOON: dict[str, Any] = {"max_restarts": 5, "backoff": {"initial": "200ms", "max": "400ms"}}


def started(fakes: FakeStage, generation: int, agent: str = "web/dev") -> dict[str, Any]:
    """Wait until that generation is ready, and return how it was started."""
    fakes.until(
        lambda: any(e["generation"] == generation for e in fakes.record(agent, "ready")), f"generation {generation}"
    )
    (start,) = (entry for entry in fakes.record(agent, "start") if entry["generation"] == generation)
    return start


def told(fakes: FakeStage, agent: str = "web/dev") -> Framed:
    """Wait for what the newest generation is told of its restart."""
    generation = fakes.record(agent, "start")[-1]["generation"]

    def first() -> Any:
        return [e["text"] for e in fakes.record(agent, "prompt") if e["generation"] == generation]

    return Framed(fakes.until(first, "it is told why it was started again")[0])


@pytest.mark.parametrize("how", ["!crash 3", "!kill SIGKILL", "!kill SIGSEGV", "!memory"])
def test_after_a_crash_it_goes_on_in_its_conversation_and_knows_why(fakes: FakeStage, how: str) -> None:
    fakes.up(dev=fakes.fake(restart=SOON))
    fakes.send("web/dev", "remember the blue one", "--wait", "15s")
    first = fakes.record("web/dev", "start")[0]
    fakes.tell("web/dev", "step", how, heard=False)
    again = started(fakes, 2)
    assert not first["resumed"]
    assert again["resumed"]
    assert again["session"] == first["session"]
    message = told(fakes)
    assert not message.sender.startswith(("person", "web/"))
    assert ("memory" if how == "!memory" else "crash") in message.body.lower()
    assert "goes on" in message.body
    fakes.becomes("web/dev", "idle")
    assert "remember the blue one" in fakes.tmux("capture-pane", "-p", "-S-", "-t", fakes.pane("web/dev").id)
    assert fakes.events("AgentExited", "web/dev")[-1]["data"]["ending"] == ("memory" if how == "!memory" else "crash")


def test_what_it_had_taken_is_not_given_again_and_what_waited_is(fakes: FakeStage) -> None:
    fakes.settings("web/dev", busy="refuse")
    fakes.change({"busy": "hold"})
    fakes.up(dev=fakes.fake(restart=SOON))
    taken = fakes.post("web/dev", "!slow 30s")
    fakes.message_is(taken, "seen")
    waits = fakes.post("web/dev", "and then this")
    fakes.held(waits, "")
    os.kill(fakes.record("web/dev", "start")[0]["pid"], signal.SIGKILL)
    fakes.message_is(waits, "answered")
    bodies = fakes.bodies("web/dev")
    assert bodies.count("!slow 30s") == 1
    assert bodies.count("and then this") == 1


def test_a_conversation_that_is_lost_is_begun_anew(fakes: FakeStage) -> None:
    fakes.up(dev=fakes.fake(restart=SOON))
    fakes.send("web/dev", "hello", "--wait", "15s")
    first = fakes.record("web/dev", "start")[0]["session"]
    fakes.settings("web/dev", ignore_resume=True)
    fakes.tell("web/dev", "step", "!crash 3", heard=False)
    again = started(fakes, 3)
    assert not again["resumed"]
    assert again["session"] not in ("", first)
    assert fakes.events("AgentExited", "web/dev")[-1]["data"]["ending"] == "lost-session"
    assert "new conversation" in told(fakes).body


def test_a_conversation_that_never_began_is_begun_anew(fakes: FakeStage) -> None:
    fakes.settings("web/dev", 1, boot="!crash 3")
    fakes.up(wait=False, dev=fakes.fake(restart=SOON))
    fakes.heard("web/dev", "brief")
    assert not fakes.record("web/dev", "start")[-1]["resumed"]
    fakes.becomes("web/dev", "idle")
    assert fakes.send("web/dev", "hello", "--wait", "15s")["answer"] == "ok: hello"


def test_with_resume_off_each_start_is_a_new_conversation(fakes: FakeStage) -> None:
    fakes.up(dev=fakes.fake(restart=SOON, resume=False))
    fakes.send("web/dev", "hello", "--wait", "15s")
    fakes.tell("web/dev", "step", "!crash 3", heard=False)
    again = started(fakes, 2)
    assert not again["resumed"]
    assert again["session"] != fakes.record("web/dev", "start")[0]["session"]


def test_a_restart_that_was_asked_for_goes_on_in_the_conversation(fakes: FakeStage) -> None:
    fakes.up("dev")
    fakes.send("web/dev", "hello", "--wait", "15s")
    fakes.run("restart", "web/dev")
    again = started(fakes, 2)
    assert again["resumed"]
    assert fakes.send("web/dev", "still there?", "--wait", "15s")["answer"] == "ok: still there?"


def test_when_tmux_dies_all_come_back_in_their_conversations(fakes: FakeStage) -> None:
    fakes.up("dev", "pm")
    for agent in ("web/dev", "web/pm"):
        fakes.send(agent, f"I am {agent}", "--wait", "15s")
    fakes.tmux("kill-server")
    for agent in ("web/dev", "web/pm"):
        again = started(fakes, 2, agent)
        assert (again["resumed"], again["session"]) == (True, fakes.record(agent, "start")[0]["session"])
        fakes.until(lambda: fakes.row(agent)["state"] == "running", "it runs")  # noqa: B023


def test_a_new_supervisor_knows_conversations_states_and_questions(fakes: FakeStage) -> None:
    fakes.up("dev", "pm")
    fakes.send("web/dev", "hello", "--wait", "15s")
    fakes.post("web/pm", "!permit make")
    fakes.asks("web/pm", "permission")
    fakes.until(
        lambda: (fakes.ask("why", agent="web/pm")["sign"] or {}).get("kind") == "PermissionRequest", "its hook is heard"
    )
    ask = fakes.asks("web/pm", "permission")
    before = {name: (row["generation"], row["activity"]) for name, row in fakes.ps().items()}
    fakes.kill_supervisor()
    fakes.run("daemon", "start")
    fakes.until(
        lambda: (fakes.row("web/pm")["asking"] or {}).get("id") == ask["id"], "the question is known as the same"
    )
    assert {name: (row["generation"], row["activity"]) for name, row in fakes.ps().items()} == before
    assert fakes.ask("why", agent="web/dev")["session"] == fakes.record("web/dev", "start")[0]["session"]
    fakes.run("approve", "web/pm")
    fakes.becomes("web/pm", "idle")
    assert len(fakes.record("web/dev", "start")) == 1


def test_a_quota_is_waited_for_and_is_no_failure(fakes: FakeStage) -> None:
    fakes.up(dev=fakes.fake(restart=SOON | {"max_restarts": 1}))
    reset = datetime.now(UTC) + timedelta(hours=2)
    fakes.post("web/dev", f"!quota exit {reset.strftime('%Y-%m-%dT%H:%M:%SZ')}")
    fakes.until(lambda: fakes.row("web/dev")["state"] == "backoff", "it waits")
    row = fakes.row("web/dev")
    wakes = datetime.fromisoformat(row["retry_at"])
    assert reset - timedelta(seconds=2) <= wakes <= reset + timedelta(minutes=3), "the reset, and a stagger"
    assert fakes.events("AgentExited", "web/dev")[-1]["data"]["ending"] == "quota"
    assert "limit" in row["evidence"].lower() or "quota" in row["evidence"].lower(), row["evidence"]
    time.sleep(1.0)
    assert len(fakes.record("web/dev", "start")) == 1
    waits = fakes.send("web/dev", "are you there?")
    assert waits["state"] in ("queued", "held")


def test_a_quota_that_names_no_time_gets_none_made_up(fakes: FakeStage) -> None:
    fakes.up(dev=fakes.fake(restart=SOON))
    fakes.post("web/dev", "!quota exit some day")
    fakes.until(lambda: fakes.row("web/dev")["state"] == "backoff", "it waits")
    exited = fakes.events("AgentExited", "web/dev")[-1]["data"]
    assert (exited["ending"], exited.get("until", "")) == ("quota", "")


def test_who_has_to_log_in_waits_for_a_person(fakes: FakeStage) -> None:
    fakes.up(dev=fakes.fake(restart=SOON))
    fakes.post("web/dev", "!login exit")
    fakes.until(lambda: fakes.row("web/dev")["state"] == "fatal", "a person is needed")
    assert fakes.events("AgentExited", "web/dev")[-1]["data"]["ending"] == "login"
    assert "log in" in fakes.row("web/dev")["evidence"]
    time.sleep(1.5)
    assert len(fakes.record("web/dev", "start")) == 1


def test_who_was_left_by_a_person_stays_away(fakes: FakeStage) -> None:
    fakes.up("dev")
    pane = fakes.pane("web/dev").id
    fakes.tmux("send-keys", "-t", pane, "-l", "/exit")
    fakes.tmux("send-keys", "-t", pane, "Enter")
    fakes.until(lambda: fakes.row("web/dev")["state"] == "exited", "it has ended")
    time.sleep(1.5)
    assert fakes.row("web/dev")["state"] == "exited"
    assert fakes.events("AgentExited", "web/dev")[-1]["data"]["ending"] == "done"
    assert len(fakes.record("web/dev", "start")) == 1


def test_who_hangs_is_noticed_restarted_and_told(fakes: FakeStage) -> None:
    fakes.up(dev=fakes.fake(restart=SOON, hang_after="3s"))
    fakes.post("web/dev", "!hang")
    fakes.heard("web/dev", "hangs")
    again = started(fakes, 2)
    assert again["resumed"]
    assert fakes.events("AgentUnhealthy", "web/dev")
    assert fakes.events("AgentExited", "web/dev")[-1]["data"]["ending"] == "hang"
    assert "moved" in told(fakes).body
    assert fakes.record("web/dev", "astray") == []


def test_who_works_long_but_moves_is_left_alone(fakes: FakeStage) -> None:
    fakes.up(dev=fakes.fake(restart=SOON, hang_after="5s"))
    fakes.post("web/dev", "!slow 15s\n!say done at last")
    assert fakes.heard("web/dev", "answer")["text"] == "done at last"
    assert len(fakes.record("web/dev", "start")) == 1
    assert not fakes.events("AgentUnhealthy", "web/dev")


def test_the_brief_is_given_once_and_not_again_on_resume(fakes: FakeStage) -> None:
    fakes.up(dev=fakes.fake(restart=SOON, prompt="You keep the books."))
    (brief,) = fakes.record("web/dev", "brief")
    assert "You keep the books." in brief["text"]
    fakes.tell("web/dev", "step", "!crash 3", heard=False)
    started(fakes, 2)
    assert "You keep" not in told(fakes).body
    fakes.becomes("web/dev", "idle")
    assert len(fakes.record("web/dev", "brief")) == 1


def test_a_conversation_is_kept_where_the_program_keeps_it(fakes: FakeStage) -> None:
    fakes.up("dev")
    fakes.send("web/dev", "hello", "--wait", "15s")
    session = fakes.record("web/dev", "start")[0]["session"]
    assert (fakes.fakes / "conversations" / f"{session}.jsonl").exists()
    assert not list(Path(fakes.home.path).rglob("conversations"))
