"""A stage for a real program: a one-agent team of it on the real agentctl, and the scripted model that it asks."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.acceptance.stage import Stage, until
from tests.agents.install import Installed
from tests.agents.model import Model
from tests.agents.programs import Place, environment, prepare

AGENT = "shop/dev"
SLOW = 60.0
"""Seconds; a start of the slowest program takes a tenth of it where nothing else runs."""


class AgentStage(Stage):
    """The executable, one home, and one agent."""

    def __init__(self, folder: Path, program: Installed, model: Model) -> None:
        self.real, self.lane = program, model.lane(program.program)
        base = model.url(program.program)
        self.place = Place(
            home=Path(os.path.realpath(folder)) / "home", cwd=Path(os.path.realpath(folder)) / "home/w", base=base
        )
        self._own = prepare(program.program, self.place)
        self._bins = (self._wrap(), *program.bins)
        super().__init__(folder)
        git = ["git", "-C", str(self.place.cwd), "init", "-q"]  # without one, aider asks whether it is to make it
        subprocess.run(git, check=True, capture_output=True)

    def _wrap(self) -> Path:
        """A person's own script, in front of the program: its setup may take words on the command line."""
        folder = self.place.home / "bin"
        folder.mkdir()
        script = folder / self.real.path.name
        script.write_text(f'#!/bin/sh\nexec {shlex.join([str(self.real.path), *self._own.argv])} "$@"\n')
        script.chmod(0o755)
        return folder

    def env(self, **more: str | None) -> dict[str, str]:
        """The person's environment: it has the program on its PATH, and what the program is set up with."""
        theirs = environment(self.place, self._own, self._bins)
        return super().env(**{**theirs, **more})

    def begin(self, **more: Any) -> None:
        """Deploy the agent, and wait until it has taken its first instructions and stands still."""
        agent = {
            "runner": self.real.program,
            "workspace": {"root": str(self.place.cwd)},
            "env": self.variables(),
            "approve": "ask",
            "check_in": "off",  # it is spoken to by the test alone
        }
        self.deploy(self.team("shop", {"dev": agent | more}))
        try:
            self.lane.wait_for("shop", within=SLOW)  # what it is told at its start names its team
        except TimeoutError as late:
            raise AssertionError(f"{late}\n{self.told()}") from None
        self.lane.settled()
        self.wait_for("idle", SLOW)

    def variables(self) -> dict[str, str]:
        """What the program finds in its environment beside what every agent does."""
        own = {"XDG_CONFIG_HOME": str(self.place.home / ".config")}  # the stage's is agentctl's
        given = environment(self.place, self._own, self._bins) | own
        return {name: value for name, value in given.items() if name not in ("LANG", "SHELL")}

    def row(self) -> dict[str, Any]:
        return self.ps()[AGENT]

    def wait_for(self, activity: str, seconds: float = 20.0) -> dict[str, Any]:
        """Wait until `ps` says that the agent runs and does *activity*, and return its row."""
        give_up = time.monotonic() + seconds
        while (row := self.row())["state"] != "running" or row["activity"] != activity:
            assert time.monotonic() < give_up, f"not {activity} within {seconds:g} s\n{self.told()}"
            time.sleep(0.1)
        return row

    def asked(self, kind: str, seconds: float = 30.0) -> dict[str, Any]:
        """Wait until a dialog of *kind* is read from its screen: its signal comes before, and knows less."""

        def asking() -> dict[str, Any] | None:
            ask = self.row()["asking"]
            return ask if ask and ask["kind"] == kind else None

        return dict(until(asking, f"a {kind}", seconds))

    def told(self) -> str:
        """All that agentctl knows of the agent, for a test that fails."""
        parts = (("why", AGENT), ("messages",), ("peek", AGENT))
        return "\n".join(self.run(*words, code=None).said for words in parts)

    def say(self, text: str, *flags: str, code: int | None = 0) -> str:
        """Send *text* and return what the command printed."""
        return self.run("send", AGENT, text, *flags, code=code).out

    def message(self, text: str) -> dict[str, Any]:
        """The row of the newest message with *text* in it."""
        return next(row for row in reversed(self.run("messages", "--json").items) if text in row["text"])

    def arrived(self, text: str) -> list[str]:
        """What stands in the conversation with *text* in it: twice there is twice arrived."""
        return [said for said in self.lane.conversation if text in said]
