"""What commands ask of the supervisor, what they print, and how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from agentctl.domain.errors import Ambiguous, NotFound, TimedOut
from tests.unit.cli.conftest import row

TEAM = """\
version: 1
name: {name}
agents:
  pm: {{ runner: shell }}
  web: {{ role: server, command: "sleep 1000", ready: {{ tcp: "127.0.0.1:1" }} }}
"""
PLAN = {
    "team": "frontend",
    "source": "teams/frontend.yaml",
    "changes": [
        {"sign": "+", "agent": "frontend/pm", "window": "Frontend-PM", "what": ["runner shell"], "restart": False},
        {"sign": "~", "agent": "frontend/web", "window": "Frontend-Web", "what": ["command: a → b"], "restart": True},
    ],
    "counts": {"create": 1, "change": 1, "remove": 0, "keep": 0},
    "notes": ["check_in is not acted on"],
}
READY = {
    "agent": "frontend/web",
    "state": "running",
    "evidence": "HTTP 200 from http://127.0.0.1:3000/",
    "seconds": 1.23,
}
RESULT = {
    "team": "frontend", "session": "Task-frontend", "socket": "agentctl", "plan": PLAN, "ready": ["frontend/web"],
    "failed": [], "waiting": [], "timed_out": False,
}  # fmt: skip


@pytest.fixture
def team(home, tmp_path):
    folder = tmp_path / "work" / "teams"
    folder.mkdir()
    path = folder / "frontend.yaml"
    path.write_text(TEAM.format(name="frontend"))
    return path


@pytest.fixture
def deploying(supervisor, team):
    supervisor.on("plan", PLAN)
    supervisor.on("deploy", RESULT, [{"agent": "frontend/web", "state": "starting", "evidence": ""}, READY])
    return supervisor


class TestDeploy:
    def test_one_line_an_agent_as_it_becomes_ready(self, deploying, agentctl) -> None:
        done = agentctl("deploy")
        assert done.code == 0
        assert done.lines[-1] == "● frontend/web              running   HTTP 200 from http://127.0.0.1:3000/  1.2s"
        assert sum("frontend/web  " in line and "●" in line for line in done.lines) == 1
        assert "Watch: agentctl ps -w   Attach: agentctl attach frontend/web" in done.err
        assert "attach-session -t '=Task-frontend:'" in done.err

    def test_only_named_variables_go_along(self, deploying, agentctl, monkeypatch) -> None:
        monkeypatch.setenv("MY_TOKEN", "hush")
        monkeypatch.setenv("LC_TIME", "C.UTF-8")
        agentctl("deploy", "frontend", "--timeout", "7s", "--no-wait")
        args = deploying.args("deploy")
        assert "MY_TOKEN" not in args["environment"]
        assert args["environment"]["LC_TIME"] == "C.UTF-8"
        assert (args["timeout"], args["wait"]) == (7.0, False)
        assert [agent["name"] for agent in args["team"]["agents"]] == ["pm", "web"]

    @pytest.mark.parametrize(
        ("outcome", "code"),
        [((1, 0, 0), 0), ((1, 1, 0), 7), ((0, 1, 0), 1), ((1, 0, 1), 7), ((0, 0, 2), 6)],
    )
    def test_exit_codes(self, deploying, agentctl, outcome, code) -> None:
        ready, failed, waiting = outcome
        failure = {"agent": "frontend/pm", "state": "fatal", "evidence": "it exited 1", "lines": ["\x1b[31mboom"]}
        result = RESULT | {
            "ready": ["frontend/a"] * ready, "failed": [failure] * failed, "waiting": ["frontend/b"] * waiting,
            "timed_out": waiting > 0,
        }  # fmt: skip
        deploying.on("deploy", result)
        done = agentctl("deploy")
        assert done.code == code
        if failed:
            assert "error: frontend/pm has failed too often\n  it exited 1\n  last lines:\n  | boom" in done.err

    def test_every_problem_of_every_file_and_nothing_is_asked(self, deploying, agentctl, team) -> None:
        team.with_name("backend.yaml").write_text("version: 1\nname: backend\nagents:\n  pm: { runer: shell }\n")
        team.write_text(TEAM.format(name="frontend") + "colour: red\n")
        done = agentctl("deploy", "frontend", "backend")
        assert done.code == 3
        assert "teams/backend.yaml:4:" in done.err
        assert "teams/frontend.yaml:6:1" in done.err
        assert "nothing was started" in done.err
        assert deploying.asked == []

    def test_two_files_and_no_name_is_a_question_back(self, deploying, agentctl, team) -> None:
        team.with_name("backend.yaml").write_text(TEAM.format(name="backend"))
        done = agentctl("deploy")
        assert done.code == 2
        assert "agentctl deploy backend frontend" in done.err

    def test_what_is_removed_needs_a_person(self, deploying, agentctl) -> None:
        gone = {"sign": "-", "agent": "frontend/old", "window": "W", "what": [], "restart": False}
        deploying.on("plan", PLAN | {"changes": [gone]})
        done = agentctl("deploy")
        assert done.code == 8
        assert "pass --yes" in done.err
        assert "deploy" not in [verb for verb, _ in deploying.asked]
        assert agentctl("deploy", "--yes").code == 0

    def test_json_keeps_stdout_for_itself(self, deploying, agentctl) -> None:
        done = agentctl("deploy", "--json")
        assert json.loads(done.out)["items"][0]["ready"] == ["frontend/web"]
        assert "HTTP 200" in done.err

    def test_dry_run_is_plan(self, deploying, agentctl) -> None:
        done = agentctl("up", "--dry-run")
        assert done.code == 0
        assert [verb for verb, _ in deploying.asked] == ["plan"]


class TestPlan:
    def test_detailed_exit_code(self, deploying, agentctl) -> None:
        assert agentctl("plan").code == 0
        assert agentctl("plan", "--detailed-exitcode").code == 10
        deploying.on("plan", PLAN | {"changes": [PLAN["changes"][0] | {"sign": "="}]})
        assert agentctl("plan", "--detailed-exitcode").code == 0

    def test_json(self, deploying, agentctl) -> None:
        document = json.loads(agentctl("plan", "--json").out)
        assert document["kind"] == "PlanList"
        assert document["items"][0]["counts"]["create"] == 1

    def test_without_a_supervisor_nothing_is_started(self, team, agentctl, home) -> None:
        done = agentctl("plan", "frontend")
        assert done.code == 0
        assert "frontend\t+\tfrontend/pm\tFrontend-PM" in done.out
        assert not home.path.exists()


class TestSend:
    def test_a_message(self, supervisor, agentctl) -> None:
        supervisor.on("send", {"message": "m1", "state": "typed", "evidence": "", "code": None})
        done = agentctl("send", "frontend/pm", "hello")
        assert (done.code, done.out) == (0, "m1  typed\n")
        asked = {"agent": "frontend/pm", "text": "hello", "keys": [], "wait": None, "when": "", "raw": False}
        assert supervisor.args("send") == asked

    def test_the_answer_of_a_shell_worker(self, supervisor, agentctl) -> None:
        supervisor.on("send", {"message": "m1", "state": "answered", "evidence": "it exited 3", "code": 3})
        done = agentctl("send", "frontend/dev", "--wait", "2s", "make")
        assert (done.code, done.out) == (0, "m1  answered  exit code 3\n")

    @pytest.mark.parametrize(("state", "code"), [("queued", 6), ("typed", 6), ("dead", 1), ("answered", 0)])
    def test_waiting_for_an_answer(self, supervisor, agentctl, state, code) -> None:
        supervisor.on("send", {"message": "m1", "state": state, "evidence": "", "code": None})
        assert agentctl("send", "frontend/dev", "x", "--wait=1s").code == code

    def test_keys_and_file(self, supervisor, agentctl, tmp_path) -> None:
        supervisor.on("send", {"message": "m1", "state": "typed"})
        assert agentctl("send", "a/b", "--keys", "C-c,Enter").code == 0
        assert supervisor.args("send")["keys"] == ["C-c", "Enter"]
        (tmp_path / "brief.md").write_bytes("first\nsecond ü \xff".encode("latin-1"))
        assert agentctl("send", "a/b", "-f", str(tmp_path / "brief.md")).code == 0
        assert supervisor.args("send")["text"].startswith("first\nsecond")

    @pytest.mark.parametrize(
        "words",
        [
            ["a/b"], ["a/b", "x", "--keys", "C-c"], ["a/b", "  "], ["a/b", "x", "--wait", "3"],
            ["a/b", "x", "--when", "later"], ["a/b", "--keys", "C-c", "--raw"], ["a/b", "--keys", "C-c", "--when=now"],
        ],
    )  # fmt: skip
    def test_usage(self, supervisor, agentctl, words) -> None:
        assert agentctl("send", *words).code == 2
        assert supervisor.asked == []

    def test_errors_are_the_supervisors_own(self, supervisor, agentctl) -> None:
        supervisor.on("send", Ambiguous("'pm' fits 2 agents", hint="say which: a/pm, b/pm"))
        done = agentctl("send", "pm", "x")
        assert done.code == 4
        assert done.err == "error: 'pm' fits 2 agents\nhint: say which: a/pm, b/pm\n"

    def test_from_stdin(self, supervisor, process) -> None:
        supervisor.on("send", {"message": "m1", "state": "seen"})
        done = process("send", "a/b", "-", stdin=None, input="from a pipe")
        assert done.returncode == 0
        assert supervisor.args("send")["text"] == "from a pipe"

    def test_a_fifo_that_nobody_writes_to_does_not_hold_it_up(self, supervisor, process, tmp_path) -> None:
        os.mkfifo(tmp_path / "pipe")
        assert process("send", "a/b", "--file", str(tmp_path / "pipe")).returncode == 2


class TestEnding:
    def test_stop(self, supervisor, agentctl) -> None:
        supervisor.on("ps", {"agents": [row("frontend/pm")], "teams": []})
        ended = {"agent": "frontend/pm", "state": "stopped", "evidence": "stop was asked for", "seconds": 0.2}
        supervisor.on("stop", {"stopped": ["frontend/pm"], "survivors": []}, [ended])
        done = agentctl("stop", "frontend/pm", "--grace", "3s")
        assert done.code == 0
        assert "○ frontend/pm" in done.out
        assert supervisor.args("stop") == {"selectors": ["frontend/pm"], "grace": 3.0}

    def test_survivors_are_named_and_make_it_fail(self, supervisor, agentctl) -> None:
        supervisor.on("ps", {"agents": [], "teams": []})
        supervisor.on("stop", {"stopped": [], "survivors": [{"agent": "a/b", "pid": 42}]})
        done = agentctl("stop", "a/b")
        assert done.code == 1
        assert "process 42 is still there" in done.err

    def test_stop_all_asks_and_a_pipe_is_no_answer(self, supervisor, process) -> None:
        supervisor.on("ps", {"agents": [row("a/b"), row("c/d")], "teams": []})
        supervisor.on("stop-all", {"stopped": ["a/b", "c/d"], "survivors": []})
        done = process("stop-all", stdin=None, input="y\n")
        assert done.returncode == 8
        assert "Stop 2 agents in 2 teams?" in done.stderr
        assert "pass --yes" in done.stderr
        assert process("stop-all", "-y").returncode == 0

    def test_reset_wants_the_name(self, supervisor, agentctl) -> None:
        supervisor.on("ps", {"agents": [row("frontend/pm")], "teams": []})
        supervisor.on("reset", {"team": "frontend", "kept": None})
        assert agentctl("reset", "frontend").code == 8
        assert agentctl("reset", "frontend", "--confirm=backend").code == 8
        assert "reset" not in [verb for verb, _ in supervisor.asked]
        assert agentctl("reset", "frontend", "--confirm=frontend").code == 0


class TestLooking:
    def test_logs_are_headed_by_their_agent_and_cleaned(self, supervisor, agentctl) -> None:
        lines = [{"agent": "a/b", "line": "one \x1b]0;title\x07"}, {"agent": "a/c", "line": "two ERROR"}]
        supervisor.on("logs", {}, lines)
        assert agentctl("logs").out == "a/b\tone \na/c\ttwo ERROR\n"
        assert agentctl("logs", "--grep", "ERR").out == "a/c\ttwo ERROR\n"
        assert agentctl("logs", "--grep", "(").code == 2

    def test_peek_is_cleaned(self, supervisor, agentctl) -> None:
        supervisor.on("peek", {"agent": "a/b", "text": "x\x1b[2J\x1b]52;c;e\x07y"})
        assert agentctl("peek", "a/b", "--ansi").out == "xy\n"
        assert supervisor.args("peek") == {"agent": "a/b", "lines": 40, "escapes": False}

    def test_events(self, supervisor, agentctl) -> None:
        event = {
            "seq": 1, "stream": "agent:a/b", "version": 1, "type": "AgentReady", "at": "2020-01-01T00:00:00+00:00",
            "actor": "supervisor", "host": "h", "data": {"evidence": "tcp \x1b[31m"}, "hash": "x",
        }  # fmt: skip
        supervisor.on("events", {"head": 1}, [event, event | {"seq": 2, "type": "AgentExited"}])
        assert "AgentReady" in agentctl("events").out
        assert "\x1b" not in agentctl("events").out
        assert [line.split("\t")[0] for line in agentctl("events", "--type", "AgentExited").lines] == ["2"]
        assert agentctl("events", "--since", "10m").out == ""
        assert [json.loads(line)["seq"] for line in agentctl("events", "--json", "-n", "1").lines] == [2]
        agentctl("events", "--stream", "frontend/pm")
        assert supervisor.args("events")["stream"] == "agent:frontend/pm"

    def test_attach_prints_its_command(self, supervisor, agentctl) -> None:
        place = {"socket": "agentctl", "session": "Task-a", "window": "A-B", "pane": "%3", "agent": "a/b"}
        supervisor.on("attach", place)
        supervisor.on("ps", {"agents": [], "teams": [{"team": "a"}]})
        done = agentctl("attach", "--print")
        assert done.out == "tmux -u -L agentctl attach-session -t %3\n"
        assert supervisor.args("attach") == {"selector": "a"}
        assert agentctl("attach", "a").code == 2

    def test_ps_without_a_supervisor_says_so(self, agentctl) -> None:
        done = agentctl("ps")
        assert done.code == 0
        assert "supervisor is not running" in done.err
        assert agentctl("ps", "frontend").code == 4

    def test_watching_through_a_pipe_gives_a_line_a_change(self, supervisor) -> None:
        answers = iter(["starting", "starting", "running"])
        supervisor.when("ps", lambda *_: {"agents": [row("a/b", next(answers, "running"))], "teams": []})
        with subprocess.Popen([sys.executable, "-m", "agentctl", "ps", "-w"], stdout=-1, stderr=-1, text=True) as watch:
            states = [json.loads(watch.stdout.readline())["state"] for _ in range(2)]
            watch.send_signal(signal.SIGINT)
            _, words = watch.communicate(timeout=20)
        assert states == ["starting", "running"]
        assert (watch.returncode, words) == (130, "interrupted: agents run on\n")


@pytest.mark.parametrize(
    ("error", "code"), [(NotFound("no such", hint="look"), 4), (TimedOut("late"), 6), (Ambiguous("two"), 4)]
)
def test_an_error_is_a_line_and_its_code(supervisor, agentctl, error, code) -> None:
    supervisor.on("ps", error)
    done = agentctl("ps")
    assert done.code == code
    assert done.err.startswith(f"error: {error.message}")
    assert done.out == ""
