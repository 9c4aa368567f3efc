"""Record whole turns of a real program: what it signalled, what it showed, what was typed, and what was true meanwhile.

    python -m tests.agents.turns claude                  # all its turns
    python -m tests.agents.turns claude permission       # one of them
    python -m tests.agents.turns claude --check          # only say what the recordings hold

It runs as agentctl launches it (its runner, with hooks and files), against the scripted model. Recordings go to
tests/turns/<program>/<version>/<turn>.jsonl; the README there says how they are written. Record without a network, or
programs that look for one are slow:    python -m tests.agents.alone python -m tests.agents.turns opencode
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from agentctl.domain.agent import Activity, Phase
from agentctl.domain.evidence import Sight
from agentctl.domain.ports import Shown
from agentctl.domain.team import AgentSpec
from agentctl.runners.manifest import load
from agentctl.runners.reading import read_screen
from agentctl.runners.runner import SHIPPED, Runner
from tests.agents import install
from tests.agents.model import Lane, Model, Request, Step
from tests.agents.pane import Pane
from tests.agents.programs import Place, environment, prepare, programs

TURNS = Path(__file__).parents[1] / "turns"
_PLACE = "agentctl-turns"
"""Below the temporary folder: the same in every recording, because programs show where they work."""

_TOOL = ".tool"
"""Below the working folder: for a place outside of it some programs ask once more."""

_LOOK_EVERY = 0.1
_LISTEN_EVERY = 0.02
_PATIENCE = 60.0
_TAIL = 6.0
"""Seconds that are recorded after a turn: long enough for a screen to contradict a signal."""

Fact = dict[str, Any]


# --- what a recording is ---


@dataclass(frozen=True)
class Recording:
    """One turn as it stands in its file."""

    program: str
    version: str
    turn: str
    facts: tuple[Fact, ...]
    """What happened, in order: each has `t`, in seconds, and one of the keys that the README names."""

    @property
    def end(self) -> float:
        return float(self.facts[-1]["t"])

    def screens(self) -> list[tuple[float, Shown]]:
        """Every screen with the moment from which it stood there."""
        rows: list[str] = []
        title, found = "", []
        for fact in self.facts:
            if not _is_picture(fact):
                continue
            rows, title = _drawn(rows, fact), fact.get("title", title)
            found.append((float(fact["t"]), Shown("\n".join(rows), title, alternate=False, cursor=(0, 0))))
        return found


def read(path: Path) -> Recording:
    """Return what stands in the file."""
    head, *facts = (json.loads(line) for line in path.read_text().splitlines())
    return Recording(head["program"], head["version"], head["turn"], tuple(facts))


def write(path: Path, recording: Recording) -> None:
    """Write the recording, one fact a line."""
    head = {"program": recording.program, "version": recording.version, "turn": recording.turn}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(fact, ensure_ascii=False) + "\n" for fact in (head, *recording.facts)))


def _drawn(rows: list[str], fact: Fact) -> list[str]:
    """Return the screen after *fact*: a number stands for the row that stood in that place before."""
    if "screen" in fact:
        return list(fact["screen"])
    changed = fact.get("rows", {})
    return [_row(rows, changed[str(at)]) if str(at) in changed else row for at, row in enumerate(rows)]


def _row(before: list[str], said: str | int) -> str:
    return before[said] if isinstance(said, int) else said


def _difference(before: list[str], now: list[str]) -> Fact:
    if len(before) != len(now):
        return {"screen": now}
    changed = {str(at): row for at, row in enumerate(now) if row != before[at]}
    return {"rows": {at: before.index(row) if row and row in before else row for at, row in changed.items()}}


_QUIET = 1.5
"""Seconds from whatever else happens, after which not every picture of a spinner is kept."""
_APART = 0.5


def thinned(recording: Recording) -> Recording:
    """Return the recording without most pictures of times in which nothing but the screen moves.

    The last of them stays: it is what stands there afterwards.
    """
    moments = [float(fact["t"]) for fact in recording.facts if not _is_picture(fact)]
    kept: list[tuple[float, Shown]] = []
    for (t, shown), following in itertools.pairwise([*recording.screens(), None]):
        stays = following is None or following[0] - t >= _APART
        if stays or not kept or t - kept[-1][0] >= _APART or any(abs(moment - t) <= _QUIET for moment in moments):
            kept.append((t, shown))
    rest = [fact for fact in recording.facts if not _is_picture(fact)]
    return replace(recording, facts=tuple(sorted([*rest, *_pictures(kept)], key=lambda fact: float(fact["t"]))))


def _is_picture(fact: Fact) -> bool:
    return not fact.keys().isdisjoint({"screen", "rows", "title"})


def _pictures(screens: list[tuple[float, Shown]]) -> Iterator[Fact]:
    rows: list[str] = []
    title = ""
    for t, shown in screens:
        now = shown.text.split("\n")
        changed = _difference(rows, now) if now != rows else {}
        changed |= {"title": shown.title} if shown.title != title or not rows else {}
        rows, title = now, shown.title
        yield {"t": t, **changed}


# --- what was true ---


@dataclass(frozen=True)
class Truth:
    """What the program did from a moment on, by what the model, the tool and the recorder know."""

    t: float
    activities: frozenset[Activity]
    """Empty: nothing is known, for it is on its way from one to the next."""
    phase: Phase | None = None
    """Of working; None where it may be either."""
    broken_off: bool = False
    """By a person: no signal tells of it in some programs."""
    why: str = ""


def truths(recording: Recording) -> list[Truth]:
    """Return what was true, in order; the first holds from the start."""
    facts = [fact for fact in recording.facts if "fact" in fact or "typed" in fact]
    found = [Truth(0.0, frozenset({Activity.IDLE}), why="ready")]
    for at, fact in enumerate(facts):
        truth = _truth(fact, facts[at + 1 :])
        if truth is not None and not (found[-1].broken_off and fact.get("fact") not in {None, "asked"}):
            found.append(truth)
    return found


_WORKING = frozenset({Activity.WORKING})
_MEANS: dict[str, tuple[frozenset[Activity], Phase | None]] = {
    "typed": (frozenset(), None),
    "asked": (_WORKING, Phase.REASONING),
    "tool-began": (_WORKING, Phase.EXECUTING),
    "tool-ended": (_WORKING, None),
    "permission": (frozenset({Activity.WAITING}), None),
}
"""What follows from a fact, whatever comes later."""


def _truth(fact: Fact, later: list[Fact]) -> Truth | None:
    t, name = float(fact["t"]), "typed" if "typed" in fact else str(fact["fact"])
    if name in _MEANS:
        return Truth(t, *_MEANS[name], why=name)
    if name == "answered":
        return _after_answer(fact, later)
    if name == "permission-answered" and _goes_on(later):
        return Truth(t, frozenset(), why=name)
    if name in {"permission-answered", "interrupted"}:
        return Truth(t, frozenset({Activity.IDLE}), broken_off=True, why=name)
    return None


def _after_answer(fact: Fact, later: list[Fact]) -> Truth | None:
    t, how = float(fact["t"]), fact["how"]
    if how == "gone":  # the program hung up; the interrupt has said so
        return None
    if fact["tool"] and later[0].get("fact") == "permission":  # it asks from now on; when, only the program knows
        return Truth(t, _WORKING | {Activity.WAITING}, why="answered")
    if fact["tool"] or _goes_on(later):
        return Truth(t, _WORKING, why="answered")
    if how == "answered":
        return Truth(t, frozenset({Activity.IDLE}), why=how)
    # refused for good: that it waits for a login or for the end of a limit is as true as idle
    return Truth(t, frozenset({Activity.IDLE, Activity.WAITING}), why=f"refused: {how}")


def _goes_on(later: list[Fact]) -> bool:
    """Tell whether the program does more before it is told more."""
    for fact in later:
        if "typed" in fact or fact["fact"] == "interrupted":
            return False
        if fact["fact"] in {"asked", "tool-began", "permission"}:
            return True
    return False


# --- the programs ---


@dataclass(frozen=True)
class Ways:
    """How one program is brought through its turns."""

    run: Callable[[str], Step] | None = None
    """The step that has it run a command; None: the model cannot have it run one."""
    asks: str = ""
    """What its question for permission shows; empty: it never asks."""
    interrupt: tuple[str, ...] = ("Escape",)
    deny: tuple[str, ...] = ()
    """Keys that say no; empty: those of its runner."""


def _bash(name: str, **more: Any) -> Callable[[str], Step]:
    return lambda command: Step(text="I run it.", tool=name, given={"command": command, **more})


def _codex_run(command: str) -> Step:
    given = {"cmd": command, "sandbox_permissions": "require_escalated", "justification": "May it run?"}
    return Step(text="I run it.", tool="exec_command", given={**given, "yield_time_ms": 30000})


WAYS: dict[str, Ways] = {
    "claude": Ways(_bash("Bash", description="Run it"), asks="Do you want to proceed"),
    "opencode": Ways(_bash("bash", description="Run it"), asks="Permission required", interrupt=("Escape", "Escape")),
    "codex": Ways(_codex_run, asks="Would you like to run"),
    "gemini": Ways(_bash("run_shell_command", description="Run it"), asks=r"1\. Allow once"),
    "qwen": Ways(_bash("run_shell_command", description="Run it", is_background=False), asks="Yes, allow once"),
    "pi": Ways(_bash("bash")),
    "aider": Ways(interrupt=("C-c",)),
    "vibe": Ways(_bash("bash"), asks="Esc reject"),
}


# --- the stage ---


class Stage:
    """One launch of the program, from `with` to its end, with an ear and an eye on it all the time."""

    def __init__(self, program: install.Installed, model: Model) -> None:
        self.program, self.ways = program, WAYS[program.program]
        self.runner: Runner = load(SHIPPED / f"{program.program}.toml")
        self.base = Path(tempfile.gettempdir()) / _PLACE / program.program
        shutil.rmtree(self.base, ignore_errors=True)
        self.lane: Lane = model.lane(program.program)
        self.place = Place(self.base / "home", self.base / "home/shop", model.url(program.program))
        self._folder = self.base / "run"
        self._pane = self._launch()
        self._facts: list[Fact] = []
        self._lock = threading.Lock()
        self._began = time.time()
        self._steps: list[Step] = []
        self._over = threading.Event()
        self._known: dict[str, int] = {"heard": 0, "asked": 0}
        self._answered: set[int] = set()
        self._tools: set[str] = set()
        self._rows: list[str] = []
        self._title = ""
        self._fault: BaseException | None = None

    def __enter__(self) -> Self:
        try:
            self._until_ready()
        except BaseException:
            self._pane.close()
            raise
        self._began = time.time()
        self._look()
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watcher.join()
        self._pane.close()
        shutil.rmtree(self.base, ignore_errors=True)

    def facts(self) -> tuple[Fact, ...]:
        """Return all that has been noted; raise what the watcher met."""
        if self._fault is not None:
            raise self._fault
        with self._lock:
            return tuple(sorted(self._facts, key=lambda fact: float(fact["t"])))

    # --- acts ---

    def script(self, *steps: Step) -> None:
        """Have the next requests answered by *steps*."""
        self._steps = list(steps)
        self.lane.script(*steps, rest=steps[-1])  # what a program asks beside its turns uses up steps too

    def prompt(self, text: str) -> None:
        """Type *text* as agentctl types a message."""
        self._note(typed=text)
        self._pane.paste(text)
        time.sleep(self.runner.submit.delay.total_seconds())
        self.press(*self.runner.submit.keys, by="agentctl")

    def press(self, *keys: str, by: str) -> None:
        """Press *keys*; of those that a person presses in the window agentctl knows nothing."""
        for key in keys:
            self._pane.keys(key)
            if len(keys) > 1:
                time.sleep(0.15)
        self._note(keys=list(keys), by=by)

    def interrupt(self) -> None:
        """Interrupt it as a person does."""
        self._note(fact="interrupted")
        self.press(*self.ways.interrupt, by="person")

    def permission(self, answer: str, *, by: str, after: float = 3.0) -> None:
        """Wait until it asks for permission, let that stand, and answer it; nothing where it never asks."""
        if not self.ways.asks:
            return
        self._pane.see(self.ways.asks, within=_PATIENCE)
        self._note(fact="permission")
        time.sleep(after)
        sight = self._sight()
        keys = sight.approve if answer == "approve" else self.ways.deny or sight.deny
        if not keys:
            raise RuntimeError(f"{self.runner.name}: no keys to {answer} with; the screen:\n{self._pane.screen()}")
        self._note(fact="permission-answered", answer=answer)
        self.press(*keys, by=by)

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)

    def answers(self, count: int = 1) -> None:
        """Wait until the model has answered *count* main requests."""
        self._until(lambda: len(self._answered) >= count, f"{count} answers")

    def asks(self, count: int = 1) -> None:
        """Wait until *count* main requests have reached the model."""
        self._until(lambda: self._known["asked"] >= count, f"{count} requests")

    def tool(self, name: str) -> None:
        """Wait until the tool has begun or ended: `began`, `ended`."""
        self._until(lambda: name in self._tools, f"a tool that {name}")

    def run(self, seconds: float) -> Step:
        """Return the step by which it runs what takes so long, says nothing, and touches a file at begin and end."""
        assert self.ways.run is not None
        return self.ways.run(f"touch {_TOOL}/began; sleep {seconds}; touch {_TOOL}/ended")

    def rest(self, seconds: float = _TAIL) -> None:
        """Record what follows when nothing more is to come."""
        time.sleep(seconds)
        self._note(fact="end")

    # --- launch ---

    def _launch(self) -> Pane:
        """Start the program as agentctl does: what its user has set stands behind a script of its name."""
        own = prepare(self.program.program, self.place)
        self._repository()
        (self._folder / "signals").mkdir(parents=True, mode=0o700)
        (self.place.cwd / _TOOL).mkdir()
        own_words = shlex.join([str(self.program.path), *own.argv])
        script = self.base / "bin" / self.program.path.name
        script.parent.mkdir()
        script.write_text(f'#!/bin/sh\nexec {own_words} "$@"\n')
        script.chmod(0o755)
        env = environment(self.place, own, (script.parent, *self.program.bins))
        name = self.program.program
        spec = AgentSpec("turns", "dev", "dev", name, "dev", 0, str(self.place.cwd), approve=self._policy())
        launch = self.runner.launch(spec, path=env["PATH"], folder=self._folder, generation=1)
        for file, text in launch.files.items():
            (self._folder / file).write_text(text)
        kept = {key: value for key, value in env.items() if key not in launch.unset}
        marks = {"AGENTCTL_RUN": str(self._folder), "AGENTCTL_GENERATION": "1", "AGENTCTL_AGENT": spec.id}
        return Pane(launch.argv, env=kept | launch.env | marks, cwd=self.place.cwd, folder=self.base)

    def _policy(self) -> Any:
        return "ask" if "ask" in self.runner.approve else ""

    def _repository(self) -> None:
        (self.place.cwd / "README.md").write_text("# shop\n\nA small shop.\n")
        git = ["git", "-C", str(self.place.cwd), "-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
        for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "begin"]):
            subprocess.run([*git, *words], check=True, capture_output=True)

    def _until_ready(self) -> None:
        """Wait until it has stood idle for a moment: with a composer alone it may still be about to start."""
        since, until = time.monotonic(), time.monotonic() + _PATIENCE
        while time.monotonic() - since < 1.5:
            if time.monotonic() > until:
                raise TimeoutError(f"{self.runner.name} is not ready; the screen:\n{self._pane.screen()}")
            sight = self._sight()
            if sight.activity is not Activity.IDLE:
                since = time.monotonic()
            time.sleep(_LOOK_EVERY)

    # --- watching ---

    def _watch(self) -> None:
        look_at = time.monotonic()
        try:
            while not self._over.wait(_LISTEN_EVERY):
                self._listen()
                if time.monotonic() >= look_at:
                    look_at = time.monotonic() + _LOOK_EVERY
                    self._look()
        except BaseException as fault:  # noqa: BLE001  the acting thread tells of it
            self._fault = fault

    def _listen(self) -> None:
        self._hear()
        self._hear_model()
        for name in ("began", "ended"):
            file = self.place.cwd / _TOOL / name
            if name not in self._tools and file.exists():
                self._tools.add(name)
                self._note(at=file.stat().st_mtime, fact=f"tool-{name}")

    def _hear(self) -> None:
        file = self._folder / "signals/1.jsonl"
        text = file.read_bytes() if file.exists() else b""
        end = text.rfind(b"\n") + 1
        for line in text[self._known["heard"] : end].splitlines():
            self._note(signal=_without_bulk(json.loads(line)))
        self._known["heard"] = max(end, self._known["heard"])

    def _hear_model(self) -> None:
        main = _of_turns(list(self.lane.requests))
        for request in main[self._known["asked"] :]:
            self._note(fact="asked", at=request.at)
            self._known["asked"] += 1
        for number, request in enumerate(main):
            if request.answer != "waiting" and number not in self._answered:
                self._answered.add(number)
                step = self._steps[min(number, len(self._steps) - 1)]
                self._note(fact="answered", how=request.answer, tool=bool(step.tool and request.answer == "answered"))

    def _look(self) -> None:
        at = time.time()
        rows, title = self._pane.picture().removesuffix("\n").split("\n"), self._own_title()
        fact: Fact = {}
        if not self._rows:
            fact = {"screen": rows, "title": title}
        else:
            if rows != self._rows:
                fact |= _difference(self._rows, rows)
            if title != self._title:
                fact["title"] = title
        self._rows, self._title = rows, title
        if fact:
            self._note(at=at, **fact)

    def _own_title(self) -> str:
        title = self._pane.title()
        return "" if title == socket.gethostname() else title  # tmux's own is the machine's name

    def _sight(self) -> Sight:
        shown = Shown(self._pane.picture(), self._own_title(), alternate=False, cursor=(0, 0))
        return read_screen(self.runner, shown, now=datetime.now(UTC))

    def _note(self, *, at: float | None = None, **fact: Any) -> None:
        t = max(0.0, round((time.time() if at is None else at) - self._began, 3))
        with self._lock:
            self._facts.append({"t": t, **fact})

    def _until(self, held: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + _PATIENCE
        while not held():
            if self._fault is not None:
                raise self._fault
            if time.monotonic() > until:
                raise TimeoutError(f"{self.runner.name}: waited for {what}; the screen:\n{self._pane.screen()}")
            time.sleep(_LISTEN_EVERY)


def _of_turns(requests: list[Request]) -> list[Request]:
    """Return the requests of turns: what a program asks for itself, it asks without its tools or with few of them."""
    main = [request for request in requests if request.main]
    most = max((len(request.tools) for request in main), default=0)
    return [request for request in main if len(request.tools) == most]


_LONGEST_KEPT = 2000


def _without_bulk(signal: Mapping[str, Any]) -> Any:
    """Leave out of a signal what is long: nothing of it is read, and a recording is to stay small."""

    def kept(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: kept(one) for key, one in value.items()}
        if isinstance(value, list):
            return [kept(one) for one in value]
        return value[:_LONGEST_KEPT] if isinstance(value, str) else value

    return kept(dict(signal))


# --- the turns ---


@dataclass(frozen=True)
class Turn:
    """One thing that happens to a program."""

    name: str
    play: Callable[[Stage], None]
    asks: bool = False
    """It is about a question, so that a program which never asks has none."""
    runs: bool = False
    """A command runs in it."""


WORDS = " ".join(f"word{number}" for number in range(60))
PROSE = """\
When an agent asks, its screen shows one of these:

 Do you want to proceed?
 \u276f 1. Yes
   2. No

 Esc to cancel \u00b7 Tab to amend

  Would you like to run the following command?
\u203a 1. Yes, proceed (y)
  Press enter to confirm or esc to cancel

  \u25b3 Permission required: Allow once   Allow always   Reject

and while it works:

\u2733 Thinking\u2026 (12s \u00b7 esc to interrupt)
\u2022 Working (12s \u2022 esc to interrupt)
\u280b Thinking... (esc to cancel, 3s)
 esc interrupt

You've hit your limit \u00b7 resets 3pm. API Error: 401 Please run /login.
\u276f not a draft
> typed by nobody"""
_STREAM = Step(text=WORDS, chunk=10, pause=4.0 / (len(WORDS) / 10))


def _plain(stage: Stage) -> None:
    stage.script(_STREAM)
    stage.prompt("Say some words, slowly.")
    stage.answers()
    stage.rest()


def _granted(stage: Stage) -> None:
    stage.script(stage.run(3), Step(text="It ran."))
    stage.prompt("Run it, please.")
    stage.permission("approve", by="agentctl")
    stage.tool("ended")
    stage.answers(2)
    stage.rest()


def _denied(stage: Stage) -> None:
    stage.script(stage.run(3), Step(text="Then not."))
    stage.prompt("Run it, please.")
    stage.permission("deny", by="agentctl")
    stage.rest(_TAIL + 2)


def _interrupted(stage: Stage) -> None:
    stage.script(Step(text=WORDS, chunk=10, pause=0.3))
    stage.prompt("Say many words.")
    stage.asks()
    stage.pause(4)
    stage.interrupt()
    stage.rest(_TAIL + 3)


def _tool_interrupted(stage: Stage) -> None:
    stage.script(stage.run(30), Step(text="never said"))
    stage.prompt("Run it for long.")
    stage.permission("approve", by="agentctl", after=1.0)
    stage.tool("began")
    stage.pause(4)
    stage.interrupt()
    stage.rest(_TAIL + 3)


def _two(stage: Stage) -> None:
    stage.script(Step(text=WORDS[:120], chunk=10, pause=0.15), Step(text=WORDS[:120], chunk=10, pause=0.15))
    stage.prompt("The first of two.")
    stage.answers(1)
    stage.pause(2.5)  # by then agentctl knows that it is idle, and sends what it holds
    stage.prompt("The second of two.")
    stage.answers(2)
    stage.rest()


def _refused(stage: Stage) -> None:
    refusal = Step(status=401, text="Invalid API key", times=0)
    if stage.ways.run is None:
        stage.script(refusal)
        stage.prompt("Try it, please.")
        stage.answers()
    else:
        stage.script(stage.run(1), refusal)
        stage.prompt("Run it, please.")
        stage.permission("approve", by="agentctl", after=1.0)
        stage.tool("ended")
        stage.answers(2)
    stage.rest(_TAIL + 4)


def _long_tool(stage: Stage) -> None:
    stage.script(stage.run(20), Step(text="It ran for long."))
    stage.prompt("Run it for long.")
    stage.permission("approve", by="person", after=1.0)
    stage.tool("ended")
    stage.answers(2)
    stage.rest()


def _quotes(stage: Stage) -> None:
    stage.script(Step(text=PROSE, chunk=20, pause=4.0 / (len(PROSE) / 20)))
    stage.prompt("How do agents ask?")
    stage.answers()
    stage.rest(_TAIL + 2)


ALL_TURNS = (
    Turn("answer", _plain),
    Turn("permission", _granted, runs=True),
    Turn("denied", _denied, asks=True, runs=True),
    Turn("interrupted", _interrupted),
    Turn("tool-interrupted", _tool_interrupted, runs=True),
    Turn("two-prompts", _two),
    Turn("refused", _refused),
    Turn("long-tool", _long_tool, runs=True),
    Turn("prose", _quotes),
)


def record(program: install.Installed, turn: Turn) -> Recording:
    """Play *turn*; raise TimeoutError where the program does not play along."""
    with Model() as model, Stage(program, model) as stage:
        turn.play(stage)
        facts = stage.facts()
    there = tuple(_without_place(fact) for fact in facts)
    return thinned(Recording(program.program, program.version, turn.name, there))


def _without_place(fact: Fact) -> Fact:
    """Name no place of the machine that it was recorded on."""
    text = json.dumps(fact, ensure_ascii=False)
    return dict(
        json.loads(text.replace(str(SHIPPED.parents[1]), "/repository").replace(os.uname().nodename, "machine"))
    )


def turns_of(program: str, names: list[str]) -> Iterator[Turn]:
    """Yield the turns that *program* has, of *names* where some are given."""
    for turn in ALL_TURNS:
        ways = WAYS[program]
        can = (ways.asks or not turn.asks) and (ways.run or not turn.runs)
        if can and (not names or turn.name in names):
            yield turn


def describe(recording: Recording) -> str:
    """Return what is in a recording, for a person."""
    lines = [f"{recording.program} {recording.version} {recording.turn}: {recording.end:.1f} s"]
    for fact in recording.facts:
        if "fact" in fact or "typed" in fact or "keys" in fact or "signal" in fact:
            said = fact["signal"]["kind"] if "signal" in fact else {k: v for k, v in fact.items() if k != "t"}
            lines.append(f"  {fact['t']:7.3f} {said}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", choices=[name for name in programs() if name in WAYS])
    parser.add_argument("turn", nargs="*", help="only these")
    parser.add_argument("--program", dest="path", type=Path, help="the program's own file, not the one of the cache")
    parser.add_argument("--check", action="store_true", help="record nothing: say what is recorded")
    given = parser.parse_args()
    version = install.PACKAGES[given.program].version
    own = install.Installed(given.program, version, given.path, (given.path.parent,)) if given.path else None
    program = own or install.found(given.program)
    if program is None:
        raise SystemExit(f"{given.program} is not in the cache: python -m tests.agents.install {given.program}")
    failed = []
    for turn in turns_of(given.program, given.turn):
        path = TURNS / program.program / program.version / f"{turn.name}.jsonl"
        if not given.check:
            try:
                write(path, record(program, turn))
                sys.stdout.write(f"{turn.name}: {path.stat().st_size // 1024} kB\n")
            except (TimeoutError, RuntimeError) as why:
                failed.append(turn.name)
                sys.stdout.write(f"{turn.name}: {why}\n")
            sys.stdout.flush()
        elif path.exists():
            sys.stdout.write(describe(read(path)) + "\n")
    if failed:
        sys.stdout.write(f"not recorded: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
