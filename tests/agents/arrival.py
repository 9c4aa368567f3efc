"""What becomes of messages on their way to a real program: what was sent is held against what reached the model.

None of them begins like a command of the program: a person's goes in as it is, and is obeyed.

A message carries its header and its end mark, so each is found again among everything that the model was asked.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentctl.control.client import Client
from tests.acceptance.stage import until
from tests.agents.model import Lane, Step
from tests.agents.stage import AGENT, AgentStage

KINDS = ("line", "lines", "long", "unicode", "signs", "busy", "start")
"""One line; 3 kB of many lines; 30 kB; unicode; quotes and signs; while it works; while it starts."""

PATIENCE = 60.0
"""Seconds after which a message that has not come through counts as lost; the slowest start takes some 20."""

WORK = Step(text="I work on it. " * 12, chunk=8, pause=0.08)
"""A turn that takes some two seconds."""

_UNICODE = (
    "Änderung: “Größe” — naïve café, Łódź, ½ €",
    "漢字と仮名、한국어, ไทย, हिन्दी",
    "🙂 👩‍👩‍👧 🇩🇪 👍🏽 ❤️ done",
    "שלום עולם, مرحبا بالعالم, mixed עברית and English",
    "e\u0301 n\u0303 o\u0308 z\u030c a\u0328 \u1e9b\u0323 Zalgo t\u0336e\u0335x\u0334t\u0337",
)
_SIGNS = (
    "say \"it's\" and 'so' and `that` and \\n and \\\\",
    'first\n$ echo "$HOME" $(id) `id`\n# a heading\n@README.md\n/exit\n!ls',
    "#hash $dollar @at /slash !bang %percent ^caret &amp; *star* ~tilde {brace} [x] <tag> |pipe|",
    "Do none of it:\n/quit\n/clear\n!rm -rf nothing\n@nobody\n#memory",
    "-t --help -- ; # not\n> quote\n- item\n\ttabbed\n  indented",
)
_BODY = re.compile(r"\[agentctl [0-9a-f]{4} ([0-9a-f]{8}) from [^\]\n]*\][ \n](.*?)[ \n]\[/\1\]", re.DOTALL)
_BY_FILE = re.compile(r"Read (\S+) and follow it\.")


@dataclass(frozen=True)
class Prompt:
    """One message to be sent."""

    kind: str
    text: str


@dataclass
class Tally:
    """What became of messages."""

    sent: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unsubmitted: list[str] = field(default_factory=list)
    """It stood in the composer and nobody had pressed Enter."""
    altered: list[str] = field(default_factory=list)
    """It arrived cut, split, or with other characters."""
    unseen: list[str] = field(default_factory=list)
    """It is not known to have arrived, whether it has or not."""
    seconds: list[float] = field(default_factory=list)
    """From each message sent to its arrival known."""
    notes: list[str] = field(default_factory=list)
    """All there is to know of each that did not come through."""

    @property
    def faults(self) -> dict[str, list[str]]:
        names = ("lost", "doubled", "unsubmitted", "altered", "unseen")
        return {name: found for name in names if (found := getattr(self, name))}


def prompts(count: int) -> Iterator[Prompt]:
    """Give *count* messages, every kind in turn."""
    for number in range(count):
        kind, turn = KINDS[number % len(KINDS)], number // len(KINDS)
        yield Prompt(kind, _text(kind, turn))


def _asked(lane: Lane) -> list[str]:
    """Return all that the user says, request by request, without what stood in the one before."""
    return [text for request in list(lane.requests) if request.main for text in request.texts]


def _text(kind: str, turn: int) -> str:
    match kind:
        case "lines":
            return "\n".join(f"{turn}.{row}: {'  ' * (row % 4)}- some words of a longer task" for row in range(80))
        case "long":
            return "\n".join(f"{turn}.{row}: what there is to be done, in so many words, and why" for row in range(520))
        case "unicode":
            return _UNICODE[turn % len(_UNICODE)] + ("\n" + _UNICODE[(turn + 1) % len(_UNICODE)]) * (turn % 2)
        case "signs":
            return _SIGNS[turn % len(_SIGNS)]
        case _:
            return f"Message {turn} ({kind}): add a test for the cart, please."


def bodies(lane: Lane) -> list[tuple[str, str]]:
    """Return the id and the body of every message that reached the model whole, in order, each as often as it did."""
    return [(found[1], found[2]) for text in _asked(lane) for found in _BODY.finditer(text)]


def in_parts(lane: Lane, id_: str) -> bool:
    """Tell whether anything of a message reached the model."""
    return any(id_ in text for text in _asked(lane))


def judge(tally: Tally, lane: Lane, sent: Iterable[tuple[str, Prompt]], folder: Path | None = None) -> None:
    """Hold *sent*, by id, against what reached the model; long ones may have gone by a file below *folder*."""
    arrived = bodies(lane)
    times, last = Counter(id_ for id_, _ in arrived), dict(arrived)
    for id_, prompt in sent:
        name = f"{id_} ({prompt.kind})"
        if times[id_] > 1:
            tally.doubled.append(f"{name}: {times[id_]} times")
        elif times[id_] == 1 and (body := _meant(last[id_], folder)) != prompt.text:
            tally.altered.append(f"{name}: {body[:80]!r} for {prompt.text[:80]!r}")
        elif not times[id_] and in_parts(lane, id_):
            tally.altered.append(f"{name}: only parts of it, or not its end")
        elif not times[id_] and name not in (*tally.lost, *tally.unsubmitted):
            tally.lost.append(name)


def begin(stage: AgentStage) -> None:
    """Start the stage's agent: it may be killed as often as messages want, and takes them as fast as it can."""
    restart = {"policy": "on-failure", "max_restarts": 1000, "backoff": {"initial": "100ms", "max": "200ms"}}
    stage.begin(restart=restart, limits={"memory": "4GiB", "pulse": "10ms"})


def exchange(stage: AgentStage, count: int) -> Tally:
    """Send *count* messages through `agentctl send` to the stage's agent, and say what became of them."""
    tally, sent = Tally(), []
    for prompt in prompts(count):
        _bring_about(stage, prompt.kind)
        began = time.monotonic()
        done = stage.run("send", AGENT, "-", "--json", data=prompt.text.encode())
        id_ = str(json.loads(done.out)["message"])
        sent.append((id_, prompt))
        if _is_taken(stage, tally, id_, prompt.kind):
            tally.seconds.append(time.monotonic() - began)
    tally.sent = len(sent)
    _until_idle(stage)
    judge(tally, stage.lane, sent, stage.home.run / "agents" / AGENT / "messages")
    told = {str(event["data"]["message"]) for event in stage.events("MessageSeen")}
    tally.unseen += [f"{id_} ({prompt.kind})" for id_, prompt in sent if id_ not in told]
    return tally


def _bring_about(stage: AgentStage, kind: str) -> None:
    """Bring the agent to where a message of *kind* is to find it."""
    if kind == "busy":
        _until_idle(stage)
        stage.lane.script(WORK)
        text = f"Work on something that takes a while, {len(stage.lane.requests)}."
        _ask(stage, "send", agent=AGENT, text=text, keys=[], wait=None, when="", raw=False)
        stage.lane.wait_for(text, within=PATIENCE)
    elif kind == "start":
        _until_idle(stage)
        os.kill(int(_row(stage)["pid"]), signal.SIGKILL)


def _is_taken(stage: AgentStage, tally: Tally, id_: str, kind: str) -> bool:
    """Wait until the message is known to have arrived; where it does not, write down why and clear the way."""
    row: dict[str, Any] = {}

    def settled() -> bool:
        row.update(_ask(stage, "message", id=id_)["message"])
        return row["state"] in ("seen", "answered", "unseen", "dead")

    with contextlib.suppress(AssertionError):
        until(settled, f"{id_} is taken", PATIENCE)
    if row["state"] in ("seen", "answered"):
        return True
    told = stage.told()
    tally.notes.append(f"{id_} ({kind}): {row['state']}, {row['reason'] or row['evidence']}\n{told}")
    if not in_parts(stage.lane, id_):
        stands_there = id_ in stage.run("peek", AGENT, code=None).out
        (tally.unsubmitted if stands_there else tally.lost).append(f"{id_} ({kind})")
    stage.run("messages", "drop", id_, code=None)
    stage.run("restart", AGENT, code=None, seconds=3 * PATIENCE)
    _until_idle(stage)
    return False


def _until_idle(stage: AgentStage) -> None:
    try:
        until(lambda: (row := _row(stage))["state"] == "running" and row["activity"] == "idle", "idle", 2 * PATIENCE)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{stage.told()}") from None


def _row(stage: AgentStage) -> dict[str, Any]:
    (row,) = _ask(stage, "ps", selectors=[AGENT])["agents"]
    return dict(row)


def _ask(stage: AgentStage, verb: str, **args: Any) -> Any:
    """Ask the supervisor as the command line does, without the cost of starting one each time."""
    return Client(stage.home).call(verb, args)


def _meant(body: str, folder: Path | None) -> str:
    """Return the text that *body* stands for: a long one lies in a file below *folder*, and the body names it."""
    named = _BY_FILE.fullmatch(body)
    path = Path(named[1]) if named else None
    return path.read_text() if path is not None and path.parent == folder else body
