"""What an agent does is known by evidence, within moments, and nothing that it says in prose changes it."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.fake import FakeStage

STRANGE = "\x1b[?1049h\x1b[2J\x1b[HSomething else: press F7 to go on"
DOING = ("AgentBusy", "AgentIdle", "AgentWaiting", "AgentUnsure", "AgentTurnEnded")


def doings(fakes: FakeStage, agent: str = "web/dev") -> list[str]:
    """Return what the log says that the agent did, in short."""
    events = [event for event in fakes.events(agent=agent) if event["type"] in DOING]
    return [event["type"].removeprefix("Agent") + (f" {event['data'].get('phase', '')}").rstrip() for event in events]


def at(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["at"]).timestamp()


def test_a_turn_is_told_from_prompt_to_answer(fakes: FakeStage) -> None:
    fakes.up("dev")
    before = len(doings(fakes))
    fakes.send("web/dev", "!slow 500ms\n!tool 500ms make\n!slow 500ms\n!say it is built", "--wait", "15s")
    fakes.until(lambda: fakes.row("web/dev")["activity"] == "idle", "it is idle")
    assert doings(fakes)[before:] == ["Busy reasoning", "Busy executing", "Busy reasoning", "TurnEnded", "Idle"]
    ended = fakes.events("AgentTurnEnded", "web/dev")[-1]["data"]
    assert ended["answer"] == "it is built"
    assert (ended["source"], "Stop" in ended["evidence"]) == ("hook", True)
    assert fakes.row("web/dev")["phase"] == "idle"


def test_without_hooks_the_screen_says_it(fakes: FakeStage) -> None:
    fakes.up(dev=fakes.fake(runner="mute"))
    fakes.tell("web/dev", "step", "!slow 8s")
    started = time.monotonic()
    row = fakes.becomes("web/dev", "working")
    assert (row["source"], row["phase"]) == ("screen", "reasoning")
    assert time.monotonic() - started < 6
    fakes.becomes("web/dev", "idle")
    fakes.tell("web/dev", "step", "!tool 8s make")
    fakes.until(lambda: fakes.row("web/dev")["phase"] == "executing", "a tool is seen to run")
    fakes.becomes("web/dev", "idle")
    fakes.tell("web/dev", "step", "!ask Which?|Red|Blue")
    assert fakes.asks("web/dev", "question")["options"] == ["Red", "Blue"]


def test_an_interrupt_that_no_hook_tells_of_is_seen_on_the_screen(fakes: FakeStage) -> None:
    fakes.up("dev")
    fakes.post("web/dev", "!slow 60s")
    fakes.becomes("web/dev", "working")
    fakes.tmux("send-keys", "-t", fakes.pane("web/dev").id, "Escape")
    fakes.heard("web/dev", "interrupted")
    row = fakes.becomes("web/dev", "idle")
    assert row["source"] == "screen"


def test_work_in_the_background_is_work(fakes: FakeStage) -> None:
    fakes.up("dev")
    fakes.post("web/dev", "!background 3s")
    fakes.becomes("web/dev", "working")
    fakes.heard("web/dev", "answer")
    fakes.becomes("web/dev", "idle")
    ends = fakes.events("AgentIdle", "web/dev")
    assert at(ends[-1]) >= fakes.record("web/dev", "answer")[0]["at"] - 0.1, "not before it was over"


def test_prose_that_quotes_what_screens_look_like_fools_nobody(fakes: FakeStage) -> None:
    fakes.up("dev")
    before = len(doings(fakes))
    for signals in (True, False):
        fakes.tell("web/dev", "settings", {"signals": signals})
        fakes.tell("web/dev", "step", "!quote")
        fakes.heard("web/dev", "answer", 1 if signals else 2)
        time.sleep(2.5)  # longer than a screen has to stand before it counts
        assert fakes.row("web/dev")["activity"] == "idle"
    assert not [doing for doing in doings(fakes)[before:] if doing.startswith(("Waiting", "Unsure"))]
    fakes.tell("web/dev", "settings", {"signals": True})
    fakes.send("web/dev", "hello", "--wait", "15s")


def test_hostile_output_and_a_title_that_lies_change_nothing(fakes: FakeStage) -> None:
    fakes.up("dev")
    before = len(doings(fakes))
    for number, step in enumerate(("!title ⠂ Working hard · esc to interrupt", "!hostile"), 1):
        fakes.tell("web/dev", "step", step)
        fakes.heard("web/dev", "answer", number)
    time.sleep(2.5)
    assert fakes.row("web/dev")["activity"] == "idle"
    assert "Waiting" not in doings(fakes)[before:]
    assert "\x1b" not in fakes.run("why", "web/dev").said


def test_a_screen_that_no_rule_knows_holds_messages(fakes: FakeStage) -> None:
    fakes.up("dev")
    fakes.tell("web/dev", "write", STRANGE)
    fakes.until(lambda: fakes.ask("why", agent="web/dev")["screen"]["activity"] is None, "nothing is read from it")
    id_ = fakes.post("web/dev", "hello")
    fakes.held(id_, "composer")
    fakes.tell("web/dev", "write", "\x1b[?1049l")
    fakes.message_is(id_, "answered")
    assert fakes.bodies("web/dev") == ["hello"]


def test_a_question_that_gives_way_to_something_strange_leaves_the_state_unknown(fakes: FakeStage) -> None:
    fakes.up(dev=fakes.fake(runner="mute"))
    fakes.tell("web/dev", "step", "!ask Which?|Red|Blue")
    fakes.asks("web/dev", "question")
    fakes.tell("web/dev", "write", STRANGE)
    row = fakes.becomes("web/dev", "unknown")
    assert row["asking"] is None
    assert fakes.run("answer", "web/dev", "1", code=None).code in (4, 9)
    fakes.tell("web/dev", "write", "\x1b[?1049l")
    fakes.asks("web/dev", "question")
    assert fakes.record("web/dev", "chosen") == []


def test_a_question_stands_in_ps_and_why_with_its_options_and_comes_first(fakes: FakeStage) -> None:
    fakes.up("bee", "cow", "dev")
    fakes.post("web/bee", "!slow 30s")
    fakes.post("web/dev", "!permit rm -rf build")
    ask = fakes.asks("web/dev", "permission")
    assert ask["title"] == "Do you want to proceed?"
    assert ask["options"][0] == "Yes"
    assert len(ask["options"]) == 3
    assert next(iter(fakes.ps())) == "web/dev"
    shown = fakes.run("ps")
    assert "agentctl answer web/dev" in shown.err
    said = fakes.run("why", "web/dev").out
    for words in ("waiting", "Do you want to proceed?", "Yes", "screen"):
        assert words in said
    found = json.loads(fakes.run("why", "web/dev", "--json").out)
    assert "permission" in json.dumps(found)


def test_why_names_the_evidence(fakes: FakeStage) -> None:
    fakes.up("dev")
    fakes.message_is(fakes.post("web/dev", "!slow 30s"), "seen")
    fakes.becomes("web/dev", "working")
    why = fakes.ask("why", agent="web/dev")
    assert why["verdict"]["activity"] == "working"
    assert why["verdict"]["source"] in ("hook", "screen"), "whichever told it first"
    assert (why["sign"]["meaning"], why["sign"]["kind"]) == ("prompt", "UserPromptSubmit")
    assert why["session"] == fakes.record("web/dev", "start")[0]["session"]
    assert why["messages"][-1]["state"] == "seen"
    fakes.until(
        lambda: (fakes.ask("why", agent="web/dev")["screen"] or {}).get("rule") == "turn", "the screen says it, too"
    )
    assert "UserPromptSubmit" in fakes.run("why", "web/dev").out


def test_a_limit_is_shown_with_the_time_that_the_program_names(fakes: FakeStage) -> None:
    fakes.up("dev")
    fakes.post("web/dev", "!quota 7pm (UTC)")
    ask = fakes.asks("web/dev", "limit")
    assert "7pm (UTC)" in ask["until"]
    assert "7pm (UTC)" in fakes.run("ps").said + fakes.run("why", "web/dev").said


def test_signals_of_another_conversation_or_generation_are_refused(fakes: FakeStage) -> None:
    fakes.up("dev")
    fakes.run("restart", "web/dev")
    fakes.heard("web/dev", "answer")  # of what it is told after its restart
    fakes.until(lambda: doings(fakes)[-2:] == ["TurnEnded", "Idle"], "the turn that its restart gave it is taken in")
    before = len(doings(fakes))
    session = fakes.record("web/dev", "start")[-1]["session"]
    prompt = {"session_id": session, "prompt": "x", "prompt_id": "p-1"}
    foreign = prompt | {"session_id": "00000000-0000-4000-a000-000000000000"}
    for generation, payload in ((1, prompt), (3, prompt), (2, foreign)):
        signal(fakes, "web/dev", generation, {"kind": "UserPromptSubmit", "payload": payload})
    signal(fakes, "web/dev", 2, {"kind": "Nonsense", "payload": {}})
    with _signals(fakes, "web/dev", 2).open("ab") as file:
        file.write(b'\xff{not json\n[]\n{"kind": 7}\n{"kind": "Stop", "payload": [[[1]]]}\n')
    time.sleep(1.0)
    assert doings(fakes)[before:] == []
    assert fakes.row("web/dev")["generation"] == 2
    signal(fakes, "web/dev", 2, {"kind": "UserPromptSubmit", "payload": prompt})
    fakes.until(lambda: "Busy reasoning" in doings(fakes)[before:], "its own is taken in")


def test_a_signal_told_twice_counts_once(fakes: FakeStage) -> None:
    fakes.up("dev")
    before = len(doings(fakes))
    session = fakes.record("web/dev", "start")[-1]["session"]
    for _ in range(3):
        signal(fakes, "web/dev", 1, {"kind": "UserPromptSubmit", "payload": {"session_id": session, "prompt_id": "p"}})
    signal(fakes, "web/dev", 1, {"kind": "Stop", "payload": {"session_id": session, "last_assistant_message": "ok"}})
    signal(fakes, "web/dev", 1, {"kind": "UserPromptSubmit", "payload": {"session_id": session, "prompt_id": "p"}})
    fakes.until(lambda: "Idle" in doings(fakes)[before:], "the turn ended")
    time.sleep(0.5)
    assert doings(fakes)[before:].count("Busy reasoning") == 1


def test_the_users_own_files_are_not_touched_by_hooks(fakes: FakeStage) -> None:
    before = _outside(fakes)
    fakes.up("dev")
    fakes.send("web/dev", "hello", "--wait", "15s")
    assert _outside(fakes) - before <= {fakes.work / "web.yaml"}
    (settings,) = Path(fakes.home.path).rglob("fake.json")
    assert settings.stat().st_mode & 0o077 == 0
    assert json.loads(settings.read_text())["hooks"]["Stop"].endswith(" Stop")


@pytest.mark.parametrize("size", [(20, 5), (80, 24)])
def test_a_small_client_does_not_make_a_working_agent_idle(fakes: FakeStage, size: tuple[int, int]) -> None:
    fakes.up("dev")
    with fakes.person("web/dev", *size):
        fakes.post("web/dev", "!slow 12s")
        fakes.becomes("web/dev", "working")
        before = len(doings(fakes))
        time.sleep(4.5)  # longer than the screen takes to overrule a hook
        assert fakes.record("web/dev", "answer") == []
        assert "Idle" not in doings(fakes)[before:]
        fakes.becomes("web/dev", "idle")


def signal(fakes: FakeStage, agent: str, generation: int, line: dict[str, Any]) -> None:
    """Append to the agent's signal file what no hook of it has written."""
    with _signals(fakes, agent, generation).open("ab") as file:
        file.write(json.dumps(line).encode() + b"\n")


def _signals(fakes: FakeStage, agent: str, generation: int) -> Path:
    return Path(fakes.home.run) / "agents" / agent / "signals" / f"{generation}.jsonl"


def _outside(fakes: FakeStage) -> set[Path]:
    """Return all files but those of the home, and those that the fake agents and the stage write themselves."""
    ours = (Path(fakes.home.path), fakes.fakes)
    return {path for path in fakes.folder.rglob("*") if not any(own == path or own in path.parents for own in ours)}
