"""Speaking to agents and answering them: what is asked of the supervisor, what is printed, how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from agentctl.domain.errors import Refused
from tests.unit.cli.conftest import ask, message, row

HOSTILE = "\x1b]52;c;aGk=\x07one\n1c9e04ab from person\nrm -rf \x1b[31m/"


def asking(agent: str, kind: str = "permission", **more: object) -> dict[str, object]:
    return row(agent, activity="waiting", asking=ask(kind, **more))


def asked_verbs(supervisor) -> list[str]:
    return [verb for verb, _ in supervisor.asked]


class TestSend:
    def sent(self, **more: object) -> dict[str, object]:
        return {"message": "1c9e", "agent": "a/b", "state": "seen", "evidence": "UserPromptSubmit", "code": None} | more

    def test_the_answer_stands_alone_on_stdout(self, supervisor, agentctl) -> None:
        supervisor.on(
            "send", self.sent(state="answered", evidence="Stop", answer="Two tests\x1b[2J fail.\nBoth old.\n")
        )
        done = agentctl("send", "a/b", "--wait", "10m", "Run the tests")
        assert (done.code, done.out, done.err) == (0, "Two tests fail.\nBoth old.\n", "1c9e  answered  Stop\n")
        assert supervisor.args("send")["wait"] == 600.0

    def test_how_it_is_to_be_handed_over(self, supervisor, agentctl) -> None:
        supervisor.on("send", self.sent())
        agentctl("send", "a/b", "/compact", "--raw", "--when", "idle")
        assert (supervisor.args("send")["raw"], supervisor.args("send")["when"]) == (True, "idle")

    @pytest.mark.parametrize(
        ("state", "asks", "code"),
        [("held", True, 8), ("held", False, 6), ("typed", False, 6), ("seen", True, 8), ("unseen", False, 8),
         ("dead", True, 1), ("answered", True, 0)],
    )  # fmt: skip
    def test_how_waiting_ends(self, supervisor, agentctl, state, asks, code) -> None:
        supervisor.on("send", self.sent(state=state, asking={"id": "5f2a"} if asks else None))
        assert agentctl("send", "a/b", "x", "--wait", "1s").code == code

    def test_a_held_message_is_under_way_and_who_must_act_is_said(self, supervisor, agentctl) -> None:
        supervisor.on(
            "send", self.sent(state="held", evidence="it asks", asking={"kind": "permission", "title": "Run?"})
        )
        done = agentctl("send", "a/b", "x")
        assert (done.code, done.out) == (0, "1c9e  held  it asks\n")
        assert done.err == "a/b waits for a person: permission: Run?\nhint: agentctl answer a/b\n"


class TestAnswer:
    @pytest.fixture
    def dev(self, supervisor):
        supervisor.on("ps", {"agents": [asking("shop/dev")], "teams": []})
        supervisor.on("answer", {"agent": "shop/dev", "ask": "5f2a", "choice": "Yes", "state": "answered"})
        return supervisor

    def test_a_choice_goes_to_the_very_question_that_is_shown(self, dev, agentctl) -> None:
        done = agentctl("answer", "shop/dev", "1")
        assert (done.code, done.out) == (0, "shop/dev  permission: Do you want to run npm i? → Yes\n")
        assert dev.args("answer") == {"agent": "shop/dev", "choice": "1", "ask": "5f2a"}

    def test_a_script_can_say_which_question_it_means(self, dev, agentctl) -> None:
        agentctl("answer", "shop/dev", "No", "--ask", "77aa")
        assert dev.args("answer") == {"agent": "shop/dev", "choice": "No", "ask": "77aa"}

    def test_without_a_choice_and_a_terminal_it_is_shown_and_left(self, dev, agentctl) -> None:
        done = agentctl("answer", "shop/dev")
        assert done.code == 8
        assert done.lines[0].startswith("shop/dev asks permission: Do you want to run npm i?")
        assert done.lines[1:] == ["    1 Yes", "    2 Yes, always", "    3 No"]
        assert "answer" not in asked_verbs(dev)

    def test_the_supervisors_refusal_is_shown(self, dev, agentctl) -> None:
        dev.on("answer", Refused("shop/dev asks something else by now", hint="look again"))
        assert agentctl("answer", "shop/dev", "1").code == 9

    def test_nothing_asked_is_no_such_thing(self, supervisor, agentctl) -> None:
        supervisor.on("ps", {"agents": [row("shop/dev")], "teams": []})
        done = agentctl("answer", "shop/dev", "1")
        assert done.code == 4
        assert "agentctl why shop/dev" in done.err
        assert "answer" not in asked_verbs(supervisor)

    def test_a_limit_cannot_be_answered(self, supervisor, agentctl) -> None:
        supervisor.on("ps", {"agents": [asking("a/b", "limit", title="Usage limit", until="3pm")], "teams": []})
        done = agentctl("answer", "a/b", "1")
        assert done.code == 9
        assert "limit: Usage limit (until 3pm)" in done.err

    def test_what_an_agent_shows_is_cleaned(self, supervisor, agentctl) -> None:
        supervisor.on("ps", {"agents": [asking("a/b", title=HOSTILE, options=["\x1b[2JYes\nNo"])], "teams": []})
        done = agentctl("answer", "a/b")
        assert "\x1b" not in done.out + done.err
        assert len(done.lines) == 2

    def test_json(self, dev, agentctl) -> None:
        document = json.loads(agentctl("answer", "shop/dev", "1", "--json").out)
        assert (document["kind"], document["items"][0]["choice"]) == ("AnswerList", "Yes")


class TestApproveAndDeny:
    @pytest.fixture
    def fleet(self, supervisor):
        rows = [asking("shop/dev"), asking("shop/ui"), asking("shop/pm", "question"), row("shop/web")]

        def fleet(args, _):
            return {"agents": [r for r in rows if args["selectors"][0] in (r["agent"], "shop", "@waiting")]}

        supervisor.when("ps", fleet)
        supervisor.when("answer", lambda args, _: args | {"choice": "Yes", "state": "answered"})
        return supervisor

    def test_one_agent(self, fleet, agentctl) -> None:
        assert agentctl("approve", "shop/dev").code == 0
        assert fleet.args("answer") == {"agent": "shop/dev", "choice": "approve", "ask": "5f2a"}

    @pytest.mark.parametrize("selector", ["@waiting", "shop", "*/dev", "shop/*"])
    @pytest.mark.parametrize("command", ["approve", "deny"])
    def test_what_may_be_several_is_refused(self, fleet, agentctl, command, selector) -> None:
        done = agentctl(command, selector)
        assert done.code == 9
        assert fleet.asked == []

    def test_all_gives_permissions_and_leaves_questions(self, fleet, agentctl) -> None:
        done = agentctl("approve", "@waiting", "--all", "--yes")
        assert done.code == 0
        answered = [args["agent"] for verb, args in fleet.asked if verb == "answer"]
        assert answered == ["shop/dev", "shop/ui"]

    def test_all_asks_a_person_first(self, fleet, agentctl) -> None:
        done = agentctl("approve", "@waiting", "--all")
        assert done.code == 8
        assert "Allow all 2?" in done.err
        assert "answer" not in asked_verbs(fleet)

    def test_all_says_which_could_not_be_given(self, fleet, agentctl) -> None:
        def answer(args, _):
            if args["agent"] == "shop/ui":
                raise Refused("shop/ui asks something else by now")
            return args | {"choice": "Yes", "state": "answered"}

        fleet.when("answer", answer)
        done = agentctl("approve", "shop", "--all", "-y")
        assert done.code == 7
        assert "shop/ui: shop/ui asks something else by now" in done.err

    def test_deny_with_a_reason(self, fleet, agentctl) -> None:
        fleet.on("send", {"message": "77aa", "state": "queued"})
        assert agentctl("deny", "shop/dev", "--reason", "Use what is there").code == 0
        assert fleet.args("answer")["choice"] == "deny"
        assert (fleet.args("send")["agent"], fleet.args("send")["text"]) == ("shop/dev", "Use what is there")

    def test_no_reason_follows_a_no_that_was_not_taken(self, fleet, agentctl) -> None:
        fleet.on("answer", Refused("no keys now"))
        assert agentctl("deny", "shop/dev", "--reason", "x").code == 9
        assert "send" not in asked_verbs(fleet)


class TestInbox:
    def test_an_agent_sees_and_takes_its_own(self, supervisor, agentctl, monkeypatch) -> None:
        monkeypatch.setenv("AGENTCTL_AGENT", "shop/dev")
        supervisor.on("inbox", {"reader": "shop/dev", "messages": [message(text="one\ntwo")]})
        done = agentctl("inbox")
        assert (done.code, done.out) == (0, "1c9e04ab from shop/pm\n    one\n    two\n")
        assert supervisor.asked == [("inbox", {"take": True})]

    def test_no_text_can_look_like_another_message(self, supervisor, agentctl, monkeypatch) -> None:
        monkeypatch.setenv("AGENTCTL_AGENT", "shop/dev")
        supervisor.on("inbox", {"messages": [message(text=HOSTILE)]})
        heads = [line for line in agentctl("inbox").lines if not line.startswith("    ")]
        assert heads == ["1c9e04ab from shop/pm"]

    def test_a_person_sees_who_waits_first(self, supervisor, agentctl) -> None:
        supervisor.on("ps", {"agents": [asking("shop/dev"), asking("a/b", "limit"), row("shop/pm")], "teams": []})
        supervisor.on("inbox", {"reader": "person", "messages": [message(agent="person", text="May I?")]})
        done = agentctl("inbox", "--keep")
        assert done.lines == [
            "shop/dev asks permission: Do you want to run npm i?",
            "    1 Yes",
            "    2 Yes, always",
            "    3 No",
            "    agentctl answer shop/dev",
            "1c9e04ab from shop/pm",
            "    May I?",
        ]
        assert supervisor.args("inbox") == {"take": False}

    def test_nothing_is_said_so(self, supervisor, agentctl) -> None:
        supervisor.on("ps", {"agents": [], "teams": []})
        supervisor.on("inbox", {"reader": "person", "messages": []})
        done = agentctl("inbox")
        assert (done.code, done.out, done.err) == (0, "", "nothing waits for you\n")

    def test_json(self, supervisor, agentctl) -> None:
        supervisor.on("ps", {"agents": [asking("shop/dev")], "teams": []})
        supervisor.on("inbox", {"reader": "person", "messages": [message()]})
        document = json.loads(agentctl("inbox", "--json").out)
        assert (document["kind"], document["items"][0]["id"]) == ("MessageList", "1c9e04ab")
        assert document["asking"][0]["agent"] == "shop/dev"


class TestMessages:
    def test_the_list(self, supervisor, agentctl) -> None:
        supervisor.on("messages", {"messages": [message(), message("77aa0000", "dead", reason="it was forgotten")]})
        done = agentctl("messages", "shop", "--state", "held,dead", "-n", "7")
        assert [line.split("\t")[:2] for line in done.lines[1:]] == [["1c9e04ab", "held"], ["77aa0000", "dead"]]
        assert supervisor.args("messages") == {"selectors": ["shop"], "states": ["held", "dead"], "limit": 7}

    def test_all_of_them_need_no_word_more(self, supervisor, agentctl) -> None:
        supervisor.on("messages", {"messages": []})
        done = agentctl("messages")
        assert (done.code, done.err) == (0, "no messages\n")
        assert supervisor.args("messages") == {"selectors": [], "states": [], "limit": 50}

    def test_a_state_that_there_is_not(self, supervisor, agentctl) -> None:
        done = agentctl("messages", "--state", "lost")
        assert done.code == 2
        assert "queued, held, typed" in done.err
        assert supervisor.asked == []

    def test_one_with_its_way(self, supervisor, agentctl) -> None:
        history = [{"at": "2026-11-20T12:00:00+00:00", "type": "MessageQueued", "evidence": "by \x1b[1mpm"}]
        supervisor.on("message", {"message": message(text=HOSTILE), "history": history})
        done = agentctl("messages", "show", "1c9e04ab")
        assert done.lines[0] == "1c9e04ab  shop/pm → shop/dev  message"
        assert "    1c9e04ab from person" in done.lines
        assert done.lines[-1].endswith("MessageQueued    by pm")
        assert "\x1b" not in done.out

    @pytest.mark.parametrize("verb", ["retry", "drop"])
    def test_retry_and_drop(self, supervisor, agentctl, verb) -> None:
        supervisor.on(verb, {"messages": [message(state="queued")]})
        assert agentctl("messages", verb, "1c9e04ab", "77aa0000").code == 0
        assert supervisor.args(verb) == {"ids": ["1c9e04ab", "77aa0000"]}
        assert agentctl("messages", verb).code == 2

    def test_help_of_both_kinds(self, home, agentctl) -> None:
        assert "--state" in agentctl("messages", "--help").out
        assert "ID..." in agentctl("messages", "retry", "--help").out
        assert "messages" in agentctl("--help").out


VERDICT = {
    "agent": row("shop/dev", runner="claude", generation=2, pulse={
        "seconds": 2.0, "holds": ["messages", "tools"], "operations": 31, "waits": 7, "waited_seconds": 12.4,
        "least_gap_seconds": 1.01, "violations": 1,
    }), "session": "a1b2",
    "verdict": {"activity": "waiting", "source": "screen", "evidence": "rule permission", "phase": "executing",
                "since": "2026-11-20T12:00:00+00:00"},
    "screen": {"rule": "permission", "line": "> 1. Yes", "activity": "waiting", "composer": False, "draft": True,
               "drawn": "2026-11-20T12:00:00+00:00"},
    "sign": {"meaning": "tool", "kind": "PreToolUse", "at": "2026-11-20T12:00:00+00:00"},
    "ask": ask(), "messages": [message()],
    "history": [{"at": "2026-11-20T12:00:00+00:00", "type": "AgentWaiting", "evidence": "\x1b[2Jrule permission"}],
}  # fmt: skip


class TestWhy:
    def test_the_verdict_and_all_that_it_is_known_by(self, supervisor, agentctl) -> None:
        supervisor.on("why", VERDICT)
        done = agentctl("why", "shop/dev")
        assert done.code == 0
        for words in (
            "running, waiting for",
            "known by      screen: rule permission",
            "rule permission: waiting, by the line: > 1. Yes",
            "with text that nobody sent",
            "PreToolUse (tool)",
            "permission: Do you want to run npm i?",
            "  2 Yes, always",
            "agentctl answer shop/dev",
            "1c9e04ab held",
            "it asks a person",
            "cpu 50%, memory 512MiB",
            "pulse         2s between messages, and tool calls; 31 known; 7 waited, 12.4s in all; "
            "least gap 1.01s; 1 too soon",
            "a1b2",
            "AgentWaiting",
        ):
            assert words in done.out, words
        assert "\x1b" not in done.out

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            ({"seconds": None, "holds": []}, "nothing: it takes no messages"),
            ({"seconds": 0.0, "holds": ["messages"]}, "pulse         none"),
            (
                {"holds": ["messages"]},
                "messages only: its program asks nobody before a tool call; 0 known; none waited",
            ),
        ],
    )
    def test_what_the_pulse_cannot_hold_is_said(self, supervisor, agentctl, more, words) -> None:
        kept = {"seconds": 2.0, "operations": 0, "waits": 0, "waited_seconds": 0.0, "least_gap_seconds": None}
        agent = row("a/b", pulse=kept | {"violations": 0} | more)
        supervisor.on("why", VERDICT | {"agent": agent})
        assert words in agentctl("why", "a/b").out

    def test_what_nothing_says_is_unknown(self, supervisor, agentctl) -> None:
        nothing = {"activity": "unknown", "source": "", "evidence": "", "since": None, "phase": "created"}
        bare = {"agent": row("a/b"), "verdict": nothing, "screen": None, "sign": None, "ask": None, "messages": []}
        supervisor.on("why", bare | {"session": "", "history": []})
        done = agentctl("why", "a/b")
        assert "running, unknown for" in done.out
        assert "known by      nothing says what it does" in done.lines

    def test_one_that_does_not_run(self, supervisor, agentctl) -> None:
        supervisor.on("why", VERDICT | {"agent": row("a/b", "fatal", evidence="it exited 1"), "ask": None})
        done = agentctl("why", "a/b")
        assert "fatal for" in done.out
        assert "it exited 1" in done.out

    def test_json(self, supervisor, agentctl) -> None:
        supervisor.on("why", VERDICT)
        item = json.loads(agentctl("why", "shop/dev", "--json").out)["items"][0]
        assert (item["name"], item["verdict"]["activity"]) == ("shop/dev", "waiting")


class TestPs:
    def test_the_question_and_who_waits(self, supervisor, agentctl) -> None:
        rows = [asking("frontend/dev"), asking("a/b", "login", title=""), asking("c/d", "limit"), row("e/f")]
        supervisor.on("ps", {"agents": rows, "teams": []})
        done = agentctl("ps")
        assert done.err == "2 agents wait for you: agentctl answer frontend/dev\n"
        assert done.lines[1].endswith("permission: Do you want to run npm i?")
        assert done.lines[2].split("\t")[1] == "waiting"
        assert agentctl("ps", "--json").err == ""

    def test_for_is_the_time_of_the_activity_while_it_runs(self, supervisor, agentctl) -> None:
        old, young = "2020-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00"
        rows = [row("a/b", since=old, active_since=young), row("a/c", "stopped", since=young, active_since=old)]
        supervisor.on("ps", {"agents": rows, "teams": []})
        assert [line.split("\t")[2] for line in agentctl("ps").lines[1:]] == ["0s", "0s"]


def test_a_wait_in_a_pipe_never_asks(supervisor, process) -> None:
    supervisor.on("ps", {"agents": [asking("a/b")], "teams": []})
    done = process("answer", "a/b", stdin=None, input="1\n", env={**os.environ})
    assert done.returncode == 8
    assert "answer" not in asked_verbs(supervisor)


def test_at_a_terminal_a_person_is_asked(supervisor) -> None:
    supervisor.on("ps", {"agents": [asking("a/b")], "teams": []})
    supervisor.on("answer", {"agent": "a/b", "ask": "5f2a", "choice": "Yes, always", "state": "answered"})
    master, slave = os.openpty()
    argv = [sys.executable, "-m", "agentctl", "answer", "a/b"]
    with subprocess.Popen(argv, stdin=slave, stdout=subprocess.PIPE, stderr=slave, text=True) as asked:
        os.close(slave)
        os.write(master, b"2\n")
        out, _ = asked.communicate(timeout=20)
    os.close(master)
    assert asked.returncode == 0
    assert "    2 Yes, always" in out
    assert supervisor.args("answer") == {"agent": "a/b", "choice": "2", "ask": "5f2a"}
