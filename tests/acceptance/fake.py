"""The fake coding agent on a stage: installed as a program, known by a runner of the user's own, and heard out.

What it was given stands in its own record (see `programs/agent.py`), so nothing has to be believed of what agentctl
says of itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from agentctl.control.client import Client
from tests.acceptance.stage import PATIENCE, PROGRAMS, Done, PaneSeen, Stage, until

HEADER = re.compile(r"\[agentctl ([0-9a-f]{4}) ([0-9a-f]{8}) from ([^\]\n]*)\][ \n](.*)[ \n]\[/\2\]", re.DOTALL)


class Framed:
    """A message as it reached an agent: its header and what stood between header and end mark."""

    def __init__(self, text: str) -> None:
        found = HEADER.fullmatch(text)
        assert found, f"not one whole framed message: {text[:300]!r} … {text[-100:]!r}"
        self.tag, self.id, self.sender, self.body = found.groups()


class FakeStage(Stage):
    """A stage whose agents can be fake coding agents: `runner: fake`, and `mute`, of which nobody knows any hooks."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.fakes, self.bin = folder / "f", folder / "bin"
        runners = folder / "config" / "agentctl" / "runners"
        for made in (self.fakes, self.bin, runners):
            made.mkdir(parents=True)
        script = self.bin / "fake-agent"
        script.write_text(f"#!{sys.executable} -IS\n" + (PROGRAMS / "agent.py").read_text())
        script.chmod(0o755)
        self.manifest = runners / "fake.toml"
        self.manifest.write_text((PROGRAMS / "fake.toml").read_text())
        (runners / "mute.toml").write_text(_without_signals(self.manifest.read_text()))

    def env(self, **more: str | None) -> dict[str, str]:
        plain = super().env(**more)
        return plain | {"PATH": f"{self.bin}:{plain['PATH']}"}

    # --- teams -------------------------------------------------------------------------------------------------------

    def fake(self, **more: Any) -> dict[str, Any]:
        """Return an agent of a team file that is a fake coding agent."""
        marks = {"FAKE_FOLDER": str(self.fakes), "FAKE_STARTS": str(self.starts_file)}
        limits = {"memory": "256MiB", "pulse": "10ms"}
        return {"runner": "fake", "env": marks, "grace": "1s", "limits": limits, "check_in": "off"} | more

    def settings(self, agent: str, generation: int | None = None, **settings: Any) -> None:
        """Say how an agent behaves from its next start on, or only in one generation."""
        name = agent.replace("/", ".") + (f".{generation}" if generation else "")
        (self.fakes / f"{name}.json").write_text(json.dumps(settings))

    def up(self, *names: str, wait: bool = True, **agents: Any) -> None:
        """Deploy the team `web` of these fake agents, and wait until each has been seen to be idle."""
        team = self.team(agents={name: self.fake() for name in names} | agents)
        self.run("deploy", str(team), "--yes", *([] if wait else ["--no-wait"]))
        if wait:
            self.until(lambda: {row["activity"] for row in self.ask("ps")["agents"]} == {"idle"}, "all are idle")

    def change(self, change: dict[str, Any]) -> None:
        """Change keys of the runner's manifest, before a deploy."""
        text = self.manifest.read_text()
        for key, value in change.items():
            text, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {json.dumps(value)}", text)
            assert count == 1, key
        self.manifest.write_text(text)

    # --- what an agent was given -------------------------------------------------------------------------------------

    def record(self, agent: str, event: str = "") -> list[dict[str, Any]]:
        """Return what an agent wrote down, the oldest first."""
        path = self.fakes / f"{agent.replace('/', '.')}.jsonl"
        lines = path.read_text().rpartition("\n")[0].splitlines() if path.exists() else []
        found = [json.loads(line) for line in lines]
        return [entry for entry in found if event in ("", entry["event"])]

    def prompts(self, agent: str) -> list[str]:
        """Return every prompt that the agent accepted, exactly, without the brief that it was started with."""
        return [entry["text"] for entry in self.record(agent, "prompt")]

    def bodies(self, agent: str) -> list[str]:
        """Return the bodies of what it accepted; fails where something is no whole framed message."""
        return [Framed(text).body for text in self.prompts(agent)]

    def astray(self, agent: str) -> list[dict[str, Any]]:
        """Return what reached a dialog, a question, or a program that had not begun to listen."""
        return self.record(agent, "astray")

    def heard(self, agent: str, event: str, count: int = 1, seconds: float = PATIENCE) -> dict[str, Any]:
        """Wait until the agent has written *event* down *count* times, and return the last."""
        self.until(lambda: len(self.record(agent, event)) >= count, f"{agent} wrote {event} {count} times", seconds)
        return self.record(agent, event)[count - 1]

    def tell(self, agent: str, name: str, value: Any, *, heard: bool = True) -> None:
        """Have the agent do something by itself, through no way that agentctl knows (see `Agent.told`)."""
        before = len(self.record(agent, "told"))
        fifo = os.open(self.fakes / f"{agent.replace('/', '.')}.fifo", os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(fifo, json.dumps({name: value}).encode() + b"\n")
        finally:
            os.close(fifo)
        if heard:
            self.until(lambda: len(self.record(agent, "told")) > before, f"{agent} did {name}")

    def until(self, condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
        """Wait as `stage.until` does; a failure shows what agentctl and the agents have last written down."""
        try:
            return until(condition, what, seconds)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self._story()}") from None

    def _story(self) -> str:
        done = self.run("events", "--json", "-n", "40", code=None)
        said = [json.loads(line) for line in done.out.splitlines()]
        lines = [f"{e['at'][11:23]} {e['stream']} {e['type']} {str(e['data'])[:300]}" for e in said]
        for path in sorted(self.fakes.glob("*.jsonl")):
            lines += [path.name, *(line[:300] for line in path.read_text().splitlines()[-12:])]
        return "\n".join(lines)

    # --- what agentctl says ------------------------------------------------------------------------------------------

    def ask(self, verb: str, **args: Any) -> Any:
        """Ask the supervisor as a person's command line does, without the cost of starting one."""
        return Client(self.home).call(verb, args)

    def row(self, agent: str) -> dict[str, Any]:
        (row,) = self.ask("ps", selectors=[agent])["agents"]
        return dict(row)

    def becomes(self, agent: str, activity: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """Wait until `ps` says so, and return the row."""
        return dict(
            self.until(
                lambda: (row := self.row(agent))["activity"] == activity and row, f"{agent} is {activity}", seconds
            )
        )

    def asks(self, agent: str, kind: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """Wait until the agent is seen to wait for *kind*, and return what it asks."""

        def asking() -> Any:
            found = self.row(agent)["asking"]
            return found and found["kind"] == kind and found

        return dict(self.until(asking, f"{agent} asks for {kind}", seconds))

    def send(self, agent: str, text: str, *words: str, code: int | None = 0) -> dict[str, Any]:
        """Send *text* and return what `send --json` says."""
        done = self.run("send", agent, "-", "--json", *words, code=code, data=text.encode(errors="surrogateescape"))
        return dict(json.loads(done.out))

    def post(self, agent: str, text: str, **more: Any) -> str:
        """Send *text* without waiting and without starting a command; return the message's id."""
        facts: dict[str, Any] = {"agent": agent, "text": text, "keys": [], "wait": 0.001, "when": "", "raw": False}
        return str(self.ask("send", **facts | more)["message"])

    def message(self, id: str) -> dict[str, Any]:  # noqa: A002
        """Return what is known of a message."""
        return dict(self.ask("message", id=id)["message"])

    def message_is(self, id: str, *states: str, seconds: float = PATIENCE) -> dict[str, Any]:  # noqa: A002
        """Wait until a message is in one of *states*, and return its row."""
        return dict(
            self.until(lambda: (row := self.message(id))["state"] in states and row, f"{id} is {states}", seconds)
        )

    def held(self, id: str, words: str) -> dict[str, Any]:  # noqa: A002
        """Wait until a message is held for a reason that says *words*."""
        return dict(
            self.until(
                lambda: (row := self.message(id))["state"] == "held" and words in row["reason"] and row,
                f"{id} is held: {words}",
            )
        )

    def pane(self, agent: str) -> PaneSeen:
        (pane,) = (pane for pane in self.panes() if pane.agent == agent)
        return pane

    def screen(self, agent: str) -> str:
        return self.tmux("capture-pane", "-p", "-t", self.pane(agent).id)

    def run_inside(self, agent: str, *words: str) -> dict[str, Any]:
        """Have the agent run `agentctl WORDS` as a tool of its own; return its code and what it said."""
        command = " ".join(["exec", *(_shell(word) for word in self.argv(*words))])
        count = len(self.record(agent, "ran"))
        self.tell(agent, "step", f"!run {command}")
        return self.heard(agent, "ran", count + 1)

    # --- a person ----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def person(self, agent: str, columns: int = 120, rows: int = 40) -> Iterator[Person]:
        """Have a person sit at a terminal that is attached to the agent's window."""
        pane = self.pane(agent)
        self.tmux("select-window", "-t", pane.id, ";", "select-pane", "-t", pane.id)
        argv = ["tmux", "-u", "-L", self.home.tmux_socket, "attach-session", "-t", f"={pane.session}"]
        person = Person(argv, self.env(), columns, rows)
        try:
            self.until(
                lambda: pane.session in self.tmux("list-clients", "-F", "#{client_session}"), "a person is attached"
            )
            yield person
        finally:
            person.leave()


class Person:
    """Somebody at a real terminal: types keys, and reads whatever is drawn."""

    def __init__(self, argv: Sequence[str], env: dict[str, str], columns: int, rows: int) -> None:
        self.terminal, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            argv, stdin=other, stdout=other, stderr=other, env=env, start_new_session=True, cwd="/"
        )
        os.close(other)
        self.drawn = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self.terminal, 65536):
                self.drawn += data

    def types(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def types_on(self, text: str, seconds: float) -> None:
        """Type *text* a key at a time, so that it takes so long."""
        for key in text:
            self.types(key)
            time.sleep(seconds / len(text))

    def leave(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE)  # or it would read on from whatever file gets the same number next
        os.close(self.terminal)


def _without_signals(manifest: str) -> str:
    """Return the manifest of the same program, as one would write it who knows nothing but its screen."""
    head, _, rest = manifest.partition("[signals]")
    head = re.sub(r"(?ms)^\[files\].*?^'{3}$", "", head)
    head = head.replace('"--settings", "{folder}/fake.json", ', "").replace('seen = "signal"', 'seen = "screen"')
    return f"{head}[ends]{rest.partition('[ends]')[2]}"


def _shell(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


__all__ = ["Done", "FakeStage", "Framed", "Person"]
