"""Who speaks is told by the kernel: an agent is itself and no person, and another user is nobody."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.acceptance.stage import Stage, until


def ask(stage: Stage, agent: str, command: str) -> tuple[int, str]:
    """Have the shell worker *agent* run *command*; its exit code and what it printed."""
    told = stage.folder / "told"
    told.unlink(missing_ok=True)
    done = stage.run("send", agent, "--wait", "20s", "--json", f"({command}) >{told} 2>&1", code=None)
    found = re.search(r'"code": (\d+)', done.out)
    assert found, done
    return int(found[1]), told.read_text()


def test_a_message_from_a_pane_is_signed_with_the_agents_own_id(stage: Stage) -> None:
    stage.deploy(stage.team(agents={"pm": {"runner": "shell"}, "dev": {"runner": "shell"}}))
    forged = "env AGENTCTL_AGENT=web/dev AGENTCTL_TEAM=other agentctl send web/dev 'echo forged'"
    bare = 'env -i PATH="$PATH" AGENTCTL_HOME="$AGENTCTL_HOME" HOME=/ setsid agentctl send web/dev \'echo bare\''
    for command in ("agentctl send web/dev 'echo hi'", forged, bare):
        code, said = ask(stage, "web/pm", command)
        assert code == 0, said
    stage.run("send", "web/dev", "echo from a person")
    queued = [event["data"] for event in stage.events("MessageQueued", "web/dev")]
    assert {data["text"]: data["sender"] for data in queued} == {
        "echo hi": "web/pm", "echo forged": "web/pm", "echo bare": "web/pm", "echo from a person": "person"
    }  # fmt: skip
    until(lambda: "from web/pm" in stage.run("peek", "web/dev").out, "the sender is shown")


@pytest.mark.parametrize(
    "words",
    ["deploy {team} --yes", "stop web/dev", "stop-all -y", "reset web --confirm=web", "restart web/dev", "daemon stop"],
)
def test_what_only_a_person_may_ask_is_refused_to_an_agent_and_recorded(stage: Stage, words: str) -> None:
    team = stage.team(agents={"pm": {"runner": "shell"}, "dev": stage.stays()})
    stage.deploy(team)
    before = stage.ps()
    code, said = ask(stage, "web/pm", f"agentctl {words.format(team=team)}")
    assert code == 9, said
    assert "web/pm" in said
    assert "Traceback" not in said
    (refused,) = stage.events("CallRefused")
    assert refused["actor"] == "web/pm"
    assert {n: r["pid"] for n, r in stage.ps().items()} == {n: r["pid"] for n, r in before.items()}


def test_a_job_of_the_tmux_server_is_no_person(stage: Stage) -> None:
    stage.deploy(stage.team(agents={"pm": {"runner": "shell"}, "dev": {"runner": "shell"}}))
    said = stage.folder / "said"
    person = f"env -i PATH=$PATH AGENTCTL_HOME={stage.home.path} HOME=/ {sys.executable} -m agentctl"
    forged = f"{person} send web/dev forged"
    job = f"tmux -L {stage.home.tmux_socket} run-shell -b '{forged} >{said} 2>&1; echo done >>{said}'"
    ask(stage, "web/pm", job)
    until(lambda: said.exists() and "done" in said.read_text(), "the job has run")
    assert "neither a person nor an agent" in said.read_text()
    assert not [e for e in stage.events("MessageQueued", "web/dev") if e["data"]["text"] == "forged"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_gets_no_answer_even_where_folder_and_socket_are_open(stage: Stage) -> None:
    stage.deploy(stage.team(agents={"one": stage.stays()}))
    probe = (
        "import os, socket\nos.setgid(65534)\nos.setuid(65534)\n"
        "channel = socket.socket(socket.AF_UNIX)\nchannel.connect('control.sock')\nprint(channel.recv(4096).decode())"
    )

    def attempt() -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-I", "-S", "-c", probe]
        return subprocess.run(argv, cwd=stage.home.run, capture_output=True, text=True, timeout=10, check=False)

    stage.home.run.chmod(0o711)
    assert "Permission denied" in attempt().stderr
    stage.home.socket.chmod(0o666)
    assert "another user" in attempt().stdout
    stage.home.run.chmod(0o700)
    assert "Permission denied" in attempt().stderr
    assert stage.running() == {"web/one": 1}
