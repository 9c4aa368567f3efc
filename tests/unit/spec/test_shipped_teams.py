"""The teams and templates that come with agentctl load cleanly, and their servers answer."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from agentctl.engine.report import read_report
from agentctl.spec.bundled import teams_dir, templates_dir
from agentctl.spec.load import load_team
from agentctl.spec.paths import is_path
from agentctl.spec.templates import render

TEAMS = sorted(teams_dir().glob("*.yaml"))
INIT = sorted((templates_dir() / "init").glob("*.yaml"))


@pytest.mark.parametrize("path", [*TEAMS, *INIT], ids=lambda path: path.name)
def test_it_loads_without_a_problem_or_a_note(path, tmp_path):
    team = load_team(path, variables={}, runners={}, folder=tmp_path)
    assert team.name == path.stem
    assert team.notes == ()
    assert path.read_text().startswith("# yaml-language-server: $schema=")


def test_there_are_the_promised_ones():
    assert {path.stem for path in TEAMS} >= {"frontend", "backend"}
    assert {path.stem for path in INIT} == {"minimal", "web", "fullstack"}


@pytest.mark.parametrize(("name", "port"), [("frontend", "3000"), ("backend", "4000")])
def test_the_windows_are_the_promised_ones_in_order(name, port, tmp_path):
    team = load_team(teams_dir() / f"{name}.yaml", variables={}, runners={}, folder=tmp_path)
    title = name.capitalize()
    assert team.session == f"Task-{name}"
    assert [(agent.index, agent.window) for agent in team.agents] == [
        (0, f"{title}-PM"),
        (1, f"{title}-Dev"),
        (2, f"{title}-Server"),
    ]
    server = team.agent("server")
    assert server.runner == "process"
    assert server.argv[0] == sys.executable
    assert port in server.argv
    assert server.ready is not None
    assert port in server.ready.target
    assert {team.agent("pm").cwd, team.agent("dev").cwd} == {str(tmp_path.resolve())}
    assert Path(server.cwd).is_relative_to(teams_dir())


def test_the_check_in_prompt_can_be_filled_in():
    text = (templates_dir() / "check-in.md.j2").read_text()
    assert is_path("check-in.md.j2")
    asked = render(text, {"agent": {"name": "pm"}})
    said = read_report("\n".join(line for line in asked.splitlines() if ":" in line))
    assert all((said.done, said.doing, said.blocked, said.needs)), "its headings are those that answers are read by"


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


def ask(url: str, body: object = None) -> tuple[int, str]:
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.fixture
def server(request, tmp_path):
    """Start the server of a shipped team on a free port; yield its address."""
    name, port = request.param, free_port()
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: {teams_dir() / name}.yaml\nvars: {{port: {port}}}\n")
    wanted = load_team(path, variables={}, runners={}, folder=tmp_path).agent("server")
    with subprocess.Popen(wanted.argv, cwd=wanted.cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        assert wanted.ready is not None
        end = time.monotonic() + 20
        while time.monotonic() < end and process.poll() is None:
            try:
                ask(wanted.ready.target)
                break
            except urllib.error.URLError:
                time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
        process.terminate()


@pytest.mark.parametrize("server", ["frontend"], indirect=True)
def test_the_frontend_server_serves_its_page(server):
    status, page = ask(server + "/")
    assert status == 200
    assert "The frontend team is up" in page
    assert ask(server + "/../../base.yaml")[0] == 404


@pytest.mark.parametrize("server", ["backend"], indirect=True)
def test_the_backend_server_answers_json(server):
    assert ask(server + "/healthz") == (200, '{"status": "ok"}\n')
    assert json.loads(ask(server + "/")[1])["team"] == "backend"
    status, made = ask(server + "/notes", {"text": "hello"})
    assert status == 201
    assert ask(f"{server}/notes/{json.loads(made)['id']}") == (200, made)
    assert len(json.loads(ask(server + "/notes")[1])["notes"]) == 2
    assert [ask(server + path)[0] for path in ("/notes/99", "/nope", "/notes/x", "/notes/" + "9" * 5000)] == [
        404,
        404,
        404,
        404,
    ]
    assert [ask(server + "/notes", body)[0] for body in ({}, [], "x", {"text": 1})] == [400, 400, 400, 400]
